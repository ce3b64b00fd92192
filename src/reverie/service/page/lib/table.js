// Numbers as a table for people.

import { h } from "./dom.js";
import { figure } from "./scales.js";

const ROWS = 200; // a table longer than this helps nobody: it is thinned evenly, and says so

/** A header row, and right-aligned numbers. */
export function tableOf({ columns, rows, caption = null }) {
  const every = Math.ceil(rows.length / ROWS);
  const shown = every > 1 ? rows.filter((_, i) => i % every === 0 || i === rows.length - 1) : rows;
  const note = every > 1 ? `Each ${every}th of ${rows.length.toLocaleString("en")} rows.` : null;
  const isNumber = columns.map((_, j) => rows.every((row) => row[j] === null || row[j] === undefined || typeof row[j] === "number"));
  const cell = (value, j) => h("td", { class: isNumber[j] ? "number" : null }, value === null || value === undefined ? "–" : typeof value === "number" ? figure(value) : value);
  return h(
    "table",
    null,
    caption || note ? h("caption", null, [caption, note].filter(Boolean).join(" ")) : null,
    h("thead", null, h("tr", null, columns.map((name, j) => h("th", { scope: "col", class: isNumber[j] ? "number" : null }, name)))),
    h("tbody", null, shown.map((row) => h("tr", null, row.map(cell)))),
  );
}

/** Something that scrolls sideways where it is too wide, and can be reached from the keyboard. */
export function scrolling(label, ...children) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, children);
}
