// The course of training while it goes on: the loss of the batches, smoothed, and that of patients set aside.

import { h } from "../../lib/dom.js";
import { chart } from "../../lib/chart.js";
import { DASHED, TABLES } from "../../lib/palette.js";

const PAUSE = 400; // redrawing more often than this is seen by nobody
const WINDOW = 15; // the mean is over a fifteenth of all points, as in the figures of a report

/** An element that draws itself; .add({step, loss?, loss_aside?}) as numbers come, .rows() gives them all. */
export function losses() {
  const seen = new Map(); // by step: a job that is rejoined tells its news once more
  const rows = () => [...seen.values()].sort((a, b) => a.step - b.step);
  const last = h("p", { class: "hint" }, "The first numbers come after a few steps.");
  const plot = chart([], { x: { title: "step", zero: true }, y: { title: "loss", log: "auto" } }, { label: "Loss against step, on the batches and on what was set aside.", table: () => table(rows()) });
  let timer = null;
  const draw = () => {
    timer = null;
    plot.update(series(rows()));
    const { step, loss } = rows().findLast((row) => row.loss !== undefined) ?? {};
    if (step !== undefined) last.textContent = `Step ${step.toLocaleString("en")}: loss ${loss.toPrecision(3)}. Dots: single batches. Line: their mean over neighbours.`;
  };
  const add = (row) => {
    if (typeof row.step !== "number") return;
    seen.set(row.step, { ...seen.get(row.step), ...row });
    timer ??= setTimeout(draw, PAUSE);
  };
  return Object.assign(h("section", null, h("h2", null, "Losses"), plot, last), { add, rows });
}

function series(rows) {
  const pick = (name) => rows.filter((row) => Number.isFinite(row[name])).map((row) => [row.step, row[name]]);
  const batches = pick("loss");
  const aside = pick("loss_aside");
  const xy = (pairs) => ({ x: pairs.map(([x]) => x), y: pairs.map(([, y]) => y) });
  const found = [
    { ...xy(batches), name: "batches", line: false, symbol: "circle", size: 2, opacity: 0.5, colour: TABLES.real, legend: false },
    { ...xy(smoothed(batches)), name: "trained on", colour: TABLES.real, dash: [], quiet: true },
  ];
  if (aside.length) found.push({ ...xy(aside), name: "set aside", colour: TABLES["set aside"], dash: DASHED, symbol: "circle", size: 3 });
  return found;
}

/** The mean over each point and as many neighbours as there are on both sides, up to half the window. */
export function smoothed(pairs) {
  const half = Math.max(Math.floor(pairs.length / WINDOW / 2), 1);
  return pairs.map(([x], at) => {
    const reach = Math.min(at, pairs.length - 1 - at, half);
    const near = pairs.slice(at - reach, at + reach + 1);
    return [x, near.reduce((sum, [, y]) => sum + y, 0) / near.length];
  });
}

function table(rows) {
  return { columns: ["step", "loss", "loss of what was set aside"], rows: rows.map((row) => [row.step, row.loss ?? null, row.loss_aside ?? null]) };
}
