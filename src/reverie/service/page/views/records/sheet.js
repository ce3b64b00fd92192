// The record of one patient as a sheet to edit: an empty cell is a hole to be filled. What is changed is kept as
// "row.column:value" in the address, so that a link shows the same record.

import { h } from "../../lib/dom.js";

const MARK = ",";

/** Edits of the address: a map from "row.column" to a text, "" for a hole. */
export function edits(text) {
  const pairs = (text ?? "").split(MARK).filter(Boolean).map((each) => each.split(/:(.*)/s));
  return new Map(pairs.filter(([key]) => /^\d+\.\d+$/.test(key)).map(([key, value = ""]) => [key, unescaped(value)]));
}

/** Their text for the address. */
export function written(changes) {
  return [...changes].map(([key, value]) => `${key}:${escaped(value)}`).join(MARK);
}

/** A text in which no comma stands for another, in lists of the address. */
export function escaped(text) {
  return text.replaceAll("%", "%25").replaceAll(",", "%2C");
}

/** The text that was escaped. */
export function unescaped(text) {
  return text.replaceAll("%2C", ",").replaceAll("%25", "%");
}

/** The rows with the edits made. */
export function edited(rows, changes) {
  return rows.map((row, i) => row.map((cell, j) => (changes.has(`${i}.${j}`) ? changes.get(`${i}.${j}`) || null : cell)));
}

/** The sheet. fixed: indexes of columns that cannot be edited; onEdit(key, text or null for as it was). */
export function sheet({ columns, rows, changes, fixed, onEdit }) {
  const cell = (row, i) => (value, j) => {
    const key = `${i}.${j}`;
    const now = changes.has(key) ? changes.get(key) : (value ?? "");
    const input = h("input", { type: "text", value: now, placeholder: "hole", readonly: fixed.has(j), "aria-label": `${columns[j]}, visit ${i + 1}`, spellcheck: "false", autocomplete: "off" });
    const look = () => {
      const hidden = input.value === "" && value !== null;
      input.classList.toggle("was", hidden);
      input.title = hidden ? `It was ${value}` : "";
    };
    input.addEventListener("change", () => {
      const text = input.value.trim();
      look();
      onEdit(key, text === (value ?? "") ? null : text);
    });
    look();
    return h("td", null, input);
  };
  return h(
    "div",
    { class: "sheet" },
    h("table", null, h("caption", { class: "unseen" }, "The record, a row for each visit; empty cells are holes"), h("thead", null, h("tr", null, columns.map((name) => h("th", { scope: "col" }, name)))), h("tbody", null, rows.map((row, i) => h("tr", null, row.map(cell(row, i)))))),
  );
}

/** Which cells to hide: `share` of those that have a value in the columns `among`, the same for the same seed. */
export function hidden(rows, among, share, seed) {
  const found = [];
  rows.forEach((row, i) => among.forEach((j) => row[j] !== null && found.push(`${i}.${j}`)));
  let state = (seed + 1) >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0; // mulberry32: small, and the same in every browser
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  return found.map((key) => [random(), key]).sort(([a], [b]) => a - b).slice(0, Math.round(share * found.length)).map(([, key]) => key);
}
