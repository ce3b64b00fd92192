// The course of training while it goes on: the loss of the batches, smoothed, and that of patients set aside.

import { h } from "../../lib/dom.js";
import { chart } from "../../lib/chart.js";
import { TABLES } from "../../lib/palette.js";

const PAUSE = 400; // redrawing more often than this is seen by nobody
const WINDOW = 15; // the mean is over a fifteenth of all points, as in the figures of a report

/** An element that draws itself; .add({step, loss?, loss_aside?}) as numbers come, .rows() gives them all. */
export function losses() {
  const root = h("section", null, h("h2", null, "Losses"));
  const place = h("div");
  const last = h("p", { class: "hint" }, "The first numbers come after a few steps.");
  root.append(place, last);
  const rows = new Map(); // by step: a job that is rejoined tells its news once more
  let drawing = null;
  let timer = null;
  let open = true;

  const draw = async () => {
    timer = null;
    if (!open) return;
    const seen = [...rows.values()].sort((a, b) => a.step - b.step);
    drawing ??= chart(place, traces(seen), LAYOUT, { label: "Loss against step, on the batches and on what was set aside.", height: 320, table: () => table([...rows.values()]) });
    try {
      await (await drawing).update(traces(seen));
    } catch {
      drawing = null; // the server went away before the chart library came: it is asked for again with the next numbers
    }
    const { step, loss } = seen.findLast((row) => row.loss !== undefined) ?? {};
    if (step !== undefined) last.textContent = `Step ${step.toLocaleString("en")}: loss ${loss.toPrecision(3)}. Dots: single batches. Line: their mean over neighbours.`;
  };
  const add = (row) => {
    if (typeof row.step !== "number") return;
    rows.set(row.step, { ...rows.get(row.step), ...row });
    timer ??= setTimeout(draw, PAUSE);
  };
  const destroy = () => {
    open = false;
    clearTimeout(timer);
    drawing?.then((made) => made.destroy(), () => {});
  };
  return Object.assign(root, { add, destroy, rows: () => [...rows.values()].sort((a, b) => a.step - b.step) });
}

const LAYOUT = { xaxis: { title: { text: "step" }, rangemode: "tozero" }, yaxis: { title: { text: "loss" } } };

function traces(rows) {
  const pick = (name) => rows.filter((row) => Number.isFinite(row[name])).map((row) => [row.step, row[name]]);
  const batches = pick("loss");
  const aside = pick("loss_aside");
  const xy = (pairs) => ({ x: pairs.map(([x]) => x), y: pairs.map(([, y]) => y) });
  const colour = TABLES.real;
  const found = [
    { ...xy(batches), name: "batches", mode: "markers", marker: { color: colour, size: 4, opacity: 0.35 }, line: { color: colour }, showlegend: false },
    { ...xy(smoothed(batches)), name: "trained on", line: { color: colour, dash: "solid" }, hoverinfo: "skip" },
  ];
  if (aside.length) found.push({ ...xy(aside), name: "set aside", mode: "lines+markers", line: { color: TABLES["set aside"], dash: "dash" }, marker: { size: 6, color: TABLES["set aside"] } });
  return found;
}

/** The mean over each point and as many neighbours as there are on both sides, up to half the window. */
function smoothed(pairs) {
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
