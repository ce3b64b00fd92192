// The four charts: one quantity each, all curves in each, and one line at t through all of them.

import { h } from "../../lib/dom.js";
import { chart } from "../../lib/chart.js";
import { nameOf } from "../../lib/schedules.js";

export const QUANTITIES = [
  { key: "beta", name: "beta", heading: "beta: variance added at t", explanation: "The variance of the noise that step t adds.", variance: true },
  { key: "alpha_bar", name: "alpha_bar", heading: "alpha_bar: share of the signal's power left", explanation: "The product of 1 − beta up to t: the share of the signal's power that is left.", range: [-0.02, 1.02] },
  { key: "log_snr", name: "log-SNR", heading: "log-SNR, natural logarithm", explanation: "Natural logarithm of alpha_bar / (1 − alpha_bar), for data of unit power. It is infinite at t = 0." },
  { key: "posterior_variance", name: "posterior variance", heading: "posterior variance: of x at t − 1, given x at t and the data", explanation: "beta-tilde: how uncertain the step before still is when both the noisy state and the data are known. It is 0 at t = 1.", variance: true },
];

/** {element, draw(curves, look), point(t), save()}; onPoint(t) is called with the step under the pointer. */
export function panels(onPoint) {
  let look = { axis: "t", longest: 1 };
  const charts = QUANTITIES.map((quantity) =>
    chart([], axes(quantity, look), {
      label: `Chart of ${quantity.heading}, one curve for each schedule; the table above has the numbers`,
      height: 240,
      table: false,
      onPoint: (x) => onPoint(look.axis === "share" ? x * look.longest : x),
    }),
  );
  return {
    element: h("div", { class: "panels" }, QUANTITIES.map(({ heading }, i) => h("section", { class: "panel" }, h("h3", null, heading), charts[i]))),
    draw(curves, next) {
      look = next;
      QUANTITIES.forEach((quantity, i) => charts[i].update(curves.map((curve) => series(curve, quantity, look)), axes(quantity, look)));
    },
    point: (t) => charts.forEach((each) => each.rule(look.axis === "share" ? t / look.longest : t)),
    async save() {
      for (const [i, { key }] of QUANTITIES.entries()) await charts[i].save(`schedules-${key}.png`);
    },
  };
}

function series({ schedule, tables }, { key }, { axis }) {
  if (!tables) return { x: [], y: [], name: nameOf(schedule) };
  const last = tables.t.length - 1;
  return { x: axis === "share" ? tables.t.map((t) => t / last) : tables.t, y: tables[key], said: tables[key].map(String), name: nameOf(schedule) };
}

function axes({ variance, range }, { axis, logarithmic }) {
  return { x: { title: axis === "share" ? "t / T" : "step t" }, y: { log: logarithmic && variance, range }, legend: false };
}
