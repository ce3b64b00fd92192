// The numbers of a comparison, each with what chance alone gives, and with what it is without the mistake.

import { h } from "../../lib/dom.js";
import { chart } from "../../lib/chart.js";
import { term } from "../../lib/controls.js";
import { EVIDENCE, hue } from "../../lib/palette.js";
import { scrolling } from "../../lib/table.js";

const NEAR = 0.02; // of a drawn point: closer than that is on it
/** A number in a few digits; what is not finite came as null. */
export const short = (value) => (value === null || value === undefined ? "not finite" : value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : Math.abs(value) >= 100 ? value.toPrecision(3) : value.toFixed(3));

/** All of a result, as elements. */
export function numbers(result) {
  return [headline(result), table(result), h("div", { class: "plots" }, levels(result), losses(result))];
}

/** What came out, in a sentence or two. */
function headline(result) {
  const { distance, mistake } = result;
  const times = distance.learned / distance.chance.median;
  const learned = !Number.isFinite(times) || distance.learned === null ? "the learned samples fly away: their distance is no number." : distance.learned <= distance.chance.high ? "the learned samples are as near to the drawing as fresh draws of it are." : `the learned samples are ${times < 10 ? times.toFixed(1) : Math.round(times)} times as far from the drawing as fresh draws of it are.`;
  const copied = result.weights === null && result.spread === 0 ? copies(result) : null;
  const memory = copied && copied.exact > 0.5 && copied.learned < copied.exact ? ` The exact score leads ${percent(copied.exact)} of its samples onto a drawn point, the learned one ${percent(copied.learned)}: it makes new points.` : "";
  return h("p", { class: "prose verdict-line", role: "status" }, mistake ? `With mistake ${mistake.number} ${learned}` : learned.replace("t", "T"), memory);
}

function table(result) {
  const { distance, excess, mistake } = result;
  const { median, high } = distance.chance;
  const rows = [
    [term("Samples to the drawing, exact", "Sliced Wasserstein distance: how far samples have to be moved, on average over directions, to become the drawing."), distance.exact, mistake?.without.exact, `${short(median)}, 95% below ${short(high)}`],
    [term("Samples to the drawing, learned", "The same for samples along the learned score, from the same noise."), distance.learned, mistake?.without.learned, `${short(median)}, 95% below ${short(high)}`],
    [term("Score error, over all levels", "Mean squared error of the learned score where the noised drawing is, times the noise's variance: what the network's loss is above the least that there can be."), excess.excess, mistake?.without.excess, `0; the least loss itself is ${short(excess.least)}`],
  ];
  return scrolling("The numbers",
    h("table", { class: "found" },
      h("thead", null, h("tr", null, ["", "now", mistake ? "without the mistake" : null, "by chance alone"].filter((word) => word !== null).map((word) => h("th", { scope: "col" }, word)))),
      h("tbody", null, rows.map(([name, now, without, chance]) => h("tr", null, h("th", { scope: "row" }, name), h("td", { class: "strong" }, short(now)), mistake ? h("td", null, short(without)) : null, h("td", { class: "soft" }, chance))))));
}

function levels({ errors }) {
  const x = errors.map(({ t }) => t);
  const series = [
    { name: "learned", x, y: errors.map(({ noise }) => noise && Math.max(noise, 1e-6)), colour: EVIDENCE.learned, symbol: "circle", said: errors.map(({ noise, standard_error: own, score }) => `${short(noise)} ± ${short(own)} (score: ${short(score)})`) },
    { name: "mean and covariance alone", x, y: errors.map(({ gaussian }) => Math.max(gaussian, 1e-6)), colour: hue(1), dash: [8, 5], symbol: "square" },
  ];
  return h("section", null, h("h3", null, "Score error at each level"), chart(series, { x: { log: true, title: "t" }, y: { log: true, title: "times σ², each coordinate" } }, { label: "The error of the learned score against t, beside that of someone who knows only the mean and the covariance of the drawing.", height: 260 }));
}

function losses({ losses: found, excess, network }) {
  const x = found.map(({ step }) => step);
  const series = [{ name: "loss", x, y: found.map(({ loss }) => loss), colour: EVIDENCE.learned }];
  if (network.predict === "noise") series.push({ name: "the least that there can be", x: [x[0], x.at(-1)], y: [excess.least, excess.least], colour: EVIDENCE.exact, dash: [8, 5], quiet: true });
  return h("section", null, h("h3", null, "Training"), chart(series, { x: { title: "step" }, y: { title: `loss in the ${network.predict}` }, legend: series.length > 1 }, { label: "The loss of the network over its training.", height: 260 }));
}

/** The share of last states that are on a drawn point. */
function copies({ paths, points }) {
  const share = (states) => states.filter(([x, y]) => points.some(([px, py]) => Math.hypot(x - px, y - py) < NEAR)).length / states.length;
  return { exact: share(paths.exact.at(-1)), learned: share(paths.learned.at(-1)) };
}

function percent(share) {
  return `${Math.round(100 * share)}%`;
}
