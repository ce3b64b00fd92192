// Real beside synthetic: the values of one column in both tables, in shared bins or level by level, as shares.

import { h, clear } from "../../lib/dom.js";
import { chart } from "../../lib/chart.js";
import { select } from "../../lib/controls.js";
import { DASHED, TABLES } from "../../lib/palette.js";
import { numberOf } from "./columns.js";

const BINS = 24;

/** A section with a choice of column and its chart. real, synthetic: {columns, rows}; columns: those of the schema. */
export function beside({ real, synthetic, columns, value, onChange }) {
  const shown = columns.filter((column) => column.modelled);
  if (!shown.length) return h("div");
  const place = h("div");
  const draw = (name) => {
    const column = shown.find((each) => each.name === name) ?? shown.find((each) => each.role === "varying" && each.numeric) ?? shown[0];
    const pick = (table) => (table ? table.rows.map((row) => row[table.columns.indexOf(column.name)]) : null);
    const tables = [["real", pick(real)], ["synthetic", pick(synthetic)]].filter(([, cells]) => cells);
    const { series, x } = column.numeric ? histogram(column, tables) : levels(column, tables);
    clear(place, chart(series, { x: { title: column.name, ...x }, y: { title: "share of the values", zero: true, percent: true } }, { label: `${column.name}: share of cells, real beside synthetic.`, height: 300 }));
    return column.name;
  };
  const chosen = select({
    label: "Column",
    options: shown.map((each) => each.name),
    onChange: (name) => {
      draw(name);
      onChange(name);
    },
  });
  chosen.set(draw(value));
  const note = real ? null : h("p", { class: "hint" }, "The table that the model was trained on is not at hand here, so only the new patients are drawn.");
  return h("section", { class: "stack" }, h("div", { class: "spread" }, h("h2", null, real ? "Real beside synthetic" : "Synthetic"), chosen), place, note);
}

function histogram(column, tables) {
  const numbers = tables.map(([name, cells]) => [name, cells.map((cell) => numberOf(column, cell)).filter(Number.isFinite)]);
  const all = numbers.flatMap(([, own]) => own).sort((a, b) => a - b);
  const low = all[Math.floor(0.002 * all.length)] ?? 0;
  const high = all[Math.ceil(0.998 * all.length) - 1] ?? 1; // a few far values would squeeze all others
  const width = (high - low || 1) / BINS;
  const x = Array.from({ length: BINS }, (_, k) => low + (k + 0.5) * width);
  const series = numbers.map(([name, own]) => {
    const counts = new Array(BINS).fill(0);
    for (const each of own) counts[Math.min(BINS - 1, Math.max(0, Math.floor((each - low) / width)))] += 1;
    return { name, x, y: counts.map((count) => count / (own.length || 1)), colour: TABLES[name], step: true, dash: name === "real" ? [] : DASHED, fill: true };
  });
  return { series, x: { calendar: column.calendar, pad: 0.03 } };
}

function levels(column, tables) {
  const names = column.levels.length ? column.levels : [...new Set(tables.flatMap(([, cells]) => cells))].filter((each) => each !== null);
  const series = tables.map(([name, cells]) => {
    const known = cells.filter((cell) => cell !== null);
    return { name, bars: true, hollow: name === "synthetic", x: names, y: names.map((level) => known.filter((cell) => cell === level).length / (known.length || 1)), colour: TABLES[name] };
  });
  return { series, x: { categories: names } };
}
