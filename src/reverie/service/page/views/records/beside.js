// Real beside synthetic: the values of one column in both tables, in shared bins or level by level, as shares.

import { h, clear } from "../../lib/dom.js";
import { chart } from "../../lib/chart.js";
import { select, toggle } from "../../lib/controls.js";
import { DASHED, TABLES } from "../../lib/palette.js";
import { WIDE, reach, skewed } from "../../lib/scales.js";
import { numberOf } from "./columns.js";

const BINS = 24;

/** A section with a choice of column and its chart. real, synthetic: {columns, rows}; columns: those of the schema. */
export function beside({ real, synthetic, columns, value, onChange }) {
  const shown = columns.filter((column) => column.modelled);
  if (!shown.length) return h("div");
  const place = h("div");
  let wanted = null; // whether the reader wants a logarithmic axis, once there was a word on it
  const log = toggle({
    label: "Logarithmic axis",
    onChange: (on) => {
      wanted = on;
      draw(chosen.input.value);
    },
  });
  const draw = (name) => {
    const column = shown.find((each) => each.name === name) ?? shown.find((each) => each.role === "varying" && each.numeric) ?? shown[0];
    const pick = (table) => (table ? table.rows.map((row) => row[table.columns.indexOf(column.name)]) : null);
    const tables = [["real", pick(real)], ["synthetic", pick(synthetic)]].filter(([, cells]) => cells);
    const numbers = column.numeric ? tables.map(([of, cells]) => [of, cells.map((cell) => numberOf(column, cell)).filter(Number.isFinite)]) : [];
    const all = numbers.flatMap(([, own]) => own);
    log.hidden = column.calendar || reach(all) < WIDE;
    const logarithmic = !log.hidden && (wanted ?? skewed(all));
    log.set(logarithmic);
    const { series, x } = column.numeric ? histogram(column, numbers, logarithmic) : levels(column, tables);
    clear(place, chart(series, { x: { title: column.name, ...x }, y: { title: "share of the values", zero: true, percent: true } }, { label: `${column.name}: share of cells, real beside synthetic.`, height: 300 }));
    return column.name;
  };
  const chosen = select({
    label: "Column",
    options: shown.map((each) => each.name),
    onChange: (name) => {
      wanted = null;
      draw(name);
      onChange(name);
    },
  });
  chosen.set(draw(value));
  const note = real ? null : h("p", { class: "hint" }, "The table that the model was trained on is not at hand here, so only the new patients are drawn.");
  return h("section", { class: "stack" }, h("div", { class: "spread" }, h("h2", null, real ? "Real beside synthetic" : "Synthetic"), h("div", { class: "row" }, log, chosen)), place, note);
}

/** Shares in bins of one width, on a logarithmic axis of one ratio. */
function histogram(column, numbers, log) {
  const [there, back] = log ? [Math.log, Math.exp] : [Number, Number];
  const all = numbers.flatMap(([, own]) => own.map(there)).sort((a, b) => a - b);
  const low = all[Math.floor(0.002 * all.length)] ?? 0;
  const high = all[Math.ceil(0.998 * all.length) - 1] ?? 1; // a few far values would squeeze all others
  const width = (high - low || 1) / BINS;
  const x = Array.from({ length: BINS }, (_, k) => back(low + (k + 0.5) * width));
  const series = numbers.map(([name, own]) => {
    const counts = new Array(BINS).fill(0);
    for (const each of own) counts[Math.min(BINS - 1, Math.max(0, Math.floor((there(each) - low) / width)))] += 1;
    return { name, x, y: counts.map((count) => count / (own.length || 1)), colour: TABLES[name], step: true, dash: name === "real" ? [] : DASHED, fill: true };
  });
  return { series, x: { calendar: column.calendar, log, pad: 0.03 } };
}

function levels(column, tables) {
  const names = column.levels.length ? column.levels : [...new Set(tables.flatMap(([, cells]) => cells))].filter((each) => each !== null);
  const series = tables.map(([name, cells]) => {
    const known = cells.filter((cell) => cell !== null);
    return { name, bars: true, hollow: name === "synthetic", x: names, y: names.map((level) => known.filter((cell) => cell === level).length / (known.length || 1)), colour: TABLES[name] };
  });
  return { series, x: { categories: names } };
}
