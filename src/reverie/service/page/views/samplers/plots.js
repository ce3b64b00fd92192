// Error against what it cost: network calls, which are the same on every machine, and seconds on this one.

import { h } from "../../lib/dom.js";
import { chart } from "../../lib/chart.js";
import { hue } from "../../lib/palette.js";
import { SAMPLERS, method } from "../methods.js";

const LEAST = 1e-7; // below it a distance is rounding, and has no logarithm worth drawing
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x"];

/** Two charts of the cells; resolves to the way to remove them. */
export async function plots(cells) {
  const left = h("div");
  const right = h("div");
  const root = h("div", { class: "plots" }, h("section", null, h("h3", null, "Error against network calls"), left), h("section", null, h("h3", null, "Error against seconds"), right));
  const draw = (place, key, words) =>
    chart(place, traces(cells, key), layout(words), { label: `Error against ${words}, one curve for each sampler, logarithmic axes.`, height: 340, table: () => table(cells, key, words) });
  const made = Promise.all([draw(left, "calls", "network calls"), draw(right, "seconds", "seconds")]);
  return { root, destroy: async () => (await made).forEach((each) => each.destroy()), made };
}

function traces(cells, key) {
  return [...new Set(cells.map((cell) => cell.sampler))].map((name) => {
    const own = cells.filter((cell) => cell.sampler === name).sort((a, b) => a[key] - b[key]);
    const { label, random } = method(name);
    const place = Math.max(0, SAMPLERS.findIndex((each) => each.name === name)); // the same colour whichever are compared
    return {
      name: label,
      mode: "lines+markers",
      x: own.map((cell) => cell[key]),
      y: own.map((cell) => Math.max(cell.error, LEAST)),
      line: { color: hue(place), dash: random ? "dot" : "solid" },
      marker: { symbol: SYMBOLS[place % SYMBOLS.length], size: 8 },
      text: own.map((cell) => `${cell.steps} steps`),
      hovertemplate: `%{text}: error %{y:.3g} at %{x:.3g} ${key}<extra>${label}</extra>`,
    };
  });
}

function layout(words) {
  const axis = { type: "log" };
  return { xaxis: { ...axis, title: { text: words } }, yaxis: { ...axis, dtick: 1, exponentformat: "power", title: { text: "error" } }, legend: { orientation: "h", y: 1.02, yanchor: "bottom" } };
}

function table(cells, key, words) {
  return { columns: ["sampler", "steps", words, "error"], rows: cells.map((cell) => [method(cell.sampler).label, cell.steps, cell[key], cell.error]) };
}
