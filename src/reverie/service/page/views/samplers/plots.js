// Error against what it cost: network calls, which are the same on every machine, and seconds on this one.

import { h } from "../../lib/dom.js";
import { chart } from "../../lib/chart.js";
import { DOTTED, hue } from "../../lib/palette.js";
import { figure } from "../../lib/scales.js";
import { SAMPLERS, method } from "../methods.js";

const LEAST = 1e-7; // below it a distance is rounding, and has no logarithm worth drawing
const SYMBOLS = ["circle", "square", "diamond", "triangle", "plus", "cross"];

/** Two charts of the cells. */
export function plots(cells) {
  const costs = [["calls", "network calls"], ["seconds", "seconds"]];
  const draw = ([key, words]) =>
    h("section", null, h("h3", null, `Error against ${words}`), chart(series(cells, key), { x: { log: true, title: words }, y: { log: true, title: "error" } }, { label: `Error against ${words}, one curve for each sampler, logarithmic axes.`, height: 340, table: () => table(cells, key, words) }));
  return h("div", { class: "plots" }, costs.map(draw));
}

function series(cells, key) {
  return [...new Set(cells.map((cell) => cell.sampler))].map((name) => {
    const own = cells.filter((cell) => cell.sampler === name).sort((a, b) => a[key] - b[key]);
    const { label, random } = method(name);
    const place = Math.max(0, SAMPLERS.findIndex((each) => each.name === name)); // the same colour whichever are compared
    return {
      name: label,
      x: own.map((cell) => cell[key]),
      y: own.map((cell) => Math.max(cell.error, LEAST)),
      colour: hue(place),
      dash: random ? DOTTED : [],
      symbol: SYMBOLS[place % SYMBOLS.length],
      said: own.map((cell) => `${cell.steps} steps, error ${figure(Number(cell.error.toPrecision(3)))}`),
    };
  });
}

function table(cells, key, words) {
  return { columns: ["sampler", "steps", words, "error"], rows: cells.map((cell) => [method(cell.sampler).label, cell.steps, cell[key], cell.error]) };
}
