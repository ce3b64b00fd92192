// Tables as boxes with their columns, and their keys as lines. Parents stand left of what hangs on them, lookups last. Each box can
// be reached with the Tab key, and says in words what its lines show.

import { h, svg } from "../../lib/dom.js";
import { scrolling } from "../../lib/table.js";

const WIDE = 212;
const BETWEEN = 64;
const ROW = 19;
const HEAD = 46;
const BELOW = 20; // between boxes of one column
const MOST = 14; // columns of a box
const LETTERS = [17, 11]; // of a name, of a kind
const MARKS = { key: "key", reference: "→", start: "start", end: "end" };
const ROLES = { key: "the key", reference: "names a row of another table", start: "when it began", end: "when it ended" };

/** The tables of a description as one drawing, and what its lines mean. */
export function diagram(tables) {
  const boxes = arranged(tables);
  const width = Math.max(...boxes.map(({ x }) => x)) + WIDE + 2;
  const height = Math.max(...boxes.map(({ y, tall }) => y + tall)) + 2;
  const lines = tables.flatMap((table) => table.refers.map((key) => line(boxes, table, key)));
  const drawing = svg("svg", { class: "tables", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "The tables and their keys" }, lines, boxes.map(box));
  const light = (name) => {
    for (const each of drawing.querySelectorAll("[data-of]")) each.classList.toggle("lit", name !== null && each.dataset.of.split("\n").includes(name));
  };
  for (const each of drawing.querySelectorAll(".box")) {
    each.addEventListener("pointerenter", () => light(each.dataset.name));
    each.addEventListener("pointerleave", () => light(null));
    each.addEventListener("focus", () => light(each.dataset.name));
    each.addEventListener("blur", () => light(null));
  }
  return [scrolling("Drawing of the tables", drawing), legend()];
}

/** The boxes in columns, by how far each table hangs below the patients: {table, x, y, tall, columns}. */
function arranged(tables) {
  const of = new Map(tables.map((table) => [table.name, table]));
  const depth = (table, seen = []) => (table?.parent && !seen.includes(table.name) ? 1 + depth(of.get(table.parent), [...seen, table.name]) : 0);
  const last = Math.max(0, ...tables.map((table) => depth(table)));
  const columns = [];
  const far = (table) => (table.kind === "lookup" && last > 0 ? last : depth(table));
  const ordered = [...tables].sort((a, b) => (a.kind === "lookup") - (b.kind === "lookup") || place(a) - place(b));
  for (const table of ordered) (columns[far(table)] ??= []).push(table);
  const boxes = [];
  const heights = columns.map((column) => (column ?? []).reduce((sum, table) => sum + tallOf(table) + BELOW, -BELOW));
  columns.forEach((column, i) => {
    let y = 1 + (Math.max(...heights.filter(Number.isFinite)) - heights[i]) / 2; // each column around the middle
    for (const table of column) {
      boxes.push({ table, x: 1 + i * (WIDE + BETWEEN), y, tall: tallOf(table) });
      y += tallOf(table) + BELOW;
    }
  });
  return boxes;

  /** Where its parents stand, so that lines cross less. */
  function place(table) {
    const above = tables.findIndex(({ name }) => name === table.parent);
    return above < 0 ? -1 : above;
  }
}

const shownOf = ({ columns }) => (columns.length > MOST ? columns.slice(0, MOST - 1) : columns);
const tallOf = (table) => HEAD + ROW * Math.min(table.columns.length, MOST) + 6;
const cut = (words, letters) => (words.length > letters ? `${words.slice(0, letters - 1)}…` : words);

function box({ table, x, y, tall }) {
  const shown = shownOf(table);
  const left = table.columns.length - shown.length;
  const row = ({ name, role, kind, follows }, i) => {
    const at = HEAD + ROW * i + 13;
    return [
      svg("text", { x: 12, y: at, class: role === "key" ? "strong" : null }, cut(name, LETTERS[0]), name.length > LETTERS[0] ? svg("title", null, name) : null),
      svg("text", { x: WIDE - 12, y: at, "text-anchor": "end", class: MARKS[role] ? "role" : "soft" }, MARKS[role] ?? cut(follows ? `by ${follows}` : kind, LETTERS[1])),
    ];
  };
  return svg("g", { class: `box ${table.kind}`, transform: `translate(${x} ${y})`, tabindex: "0", role: "img", "aria-label": said(table), dataset: { name: table.name, of: table.name } },
    svg("rect", { width: WIDE, height: tall, rx: 6 }),
    svg("path", { class: "rule", d: `M0 ${HEAD - 6}H${WIDE}` }),
    svg("text", { x: 12, y: 18, class: "name" }, cut(table.name, 24)),
    svg("text", { x: 12, y: 34, class: "soft" }, `${table.kind}${table.implied ? ", implied" : ""}, ${table.rows.toLocaleString("en")} row${table.rows === 1 ? "" : "s"}`),
    shown.map(row),
    left > 0 ? svg("text", { x: 12, y: HEAD + ROW * shown.length + 13, class: "soft" }, `${left} more columns`) : null);
}

/** A table in words. */
function said(table) {
  const keys = table.refers.map(({ column, table: to, optional, dangling }) => `${column} names a row of ${to}${optional ? " or none" : ""}${dangling ? `, ${dangling} of them name none that is there` : ""}`);
  const columns = table.columns.map(({ name, role, kind }) => `${name}, ${ROLES[role] ?? kind}`);
  return [`${table.name}: ${table.kind}, ${table.rows.toLocaleString("en")} rows`, ...keys, `columns: ${columns.join("; ")}`].join(". ");
}

/** From the key of a table to the column that names it: a bar at the one, a fork where several may name it. */
function line(boxes, table, key) {
  const [from, to] = [boxes.find((each) => each.table.name === key.table), boxes.find((each) => each.table === table)];
  if (!from || !to) return null;
  const level = ({ table: of, y }, column) => {
    const at = shownOf(of).findIndex(({ name }) => name === column);
    return y + HEAD + ROW * (at < 0 ? Math.min(of.columns.length, MOST) - 1 : at) + 8.5;
  };
  const [y1, y2] = [level(from, from.table.key), level(to, key.column)];
  const side = Math.sign(to.x - from.x); // 1 to the right, -1 to the left, 0 in one column: around the left
  const [x1, x2] = [side > 0 ? from.x + WIDE : from.x, side < 0 ? to.x + WIDE : to.x];
  const [leave, arrive] = [side > 0 ? 1 : -1, side < 0 ? 1 : -1]; // which way is out of the boxes
  const bend = side ? Math.min(BETWEEN / 2, Math.abs(x2 - x1) / 2) : BETWEEN / 3;
  const toe = x2 + 9 * arrive;
  const fork = key.most <= 1 ? `M${x2 + 6 * arrive} ${y2 - 5}v10` : `M${toe} ${y2}L${x2} ${y2 - 5}M${toe} ${y2}L${x2} ${y2 + 5}`;
  const bar = `M${x1 + 6 * leave} ${y1 - 5}v10`;
  const d = `M${x1} ${y1}C${x1 + bend * leave} ${y1} ${x2 + bend * arrive} ${y2} ${x2} ${y2}`;
  const parent = table.parent === key.table;
  return svg("g", { class: `tie${parent ? " parent" : ""}${key.dangling ? " loose" : ""}`, dataset: { of: `${table.name}\n${key.table}` }, "aria-hidden": "true" }, svg("path", { d, "stroke-dasharray": key.optional ? "5 4" : null }), svg("path", { d: bar }), svg("path", { d: fork }));
}

function legend() {
  const piece = (attrs, ...marks) => svg("svg", { class: "tables sample", width: 40, height: 12, "aria-hidden": "true" }, svg("g", attrs, marks.map((d) => svg("path", { d }))));
  const entry = (sample, words) => h("li", null, sample, words);
  return h("ul", { class: "legend" },
    entry(piece({ class: "tie parent" }, "M0 6H40", "M31 6L40 1M31 6L40 11"), "to the parent; several rows may name one"),
    entry(piece({ class: "tie" }, "M0 6H40", "M34 1V11"), "to another table; one at most"),
    entry(piece({ class: "tie", "stroke-dasharray": "5 4" }, "M0 6H40"), "may be empty"));
}
