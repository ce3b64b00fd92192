// The four charts: one quantity each, all curves in each, and one line at t through all of them.

import { h, clear } from "../../lib/dom.js";
import { chart, plotly } from "../../lib/chart.js";
import { savePicture } from "../../lib/download.js";
import { nameOf } from "../../lib/schedules.js";

export const QUANTITIES = [
  { key: "beta", name: "beta", heading: "beta: variance added at t", explanation: "The variance of the noise that step t adds.", variance: true },
  { key: "alpha_bar", name: "alpha_bar", heading: "alpha_bar: share of the signal's power left", explanation: "The product of 1 − beta up to t: the share of the signal's power that is left.", range: [-0.02, 1.02] },
  { key: "log_snr", name: "log-SNR", heading: "log-SNR, natural logarithm", explanation: "Natural logarithm of alpha_bar / (1 − alpha_bar), for data of unit power. It is infinite at t = 0." },
  { key: "posterior_variance", name: "posterior variance", heading: "posterior variance: of x at t − 1, given x at t and the data", explanation: "beta-tilde: how uncertain the step before still is when both the noisy state and the data are known. It is 0 at t = 1.", variance: true },
];

/** {element, draw(curves, look), point(t), save(), destroy()}; onPoint(t) is called with the step under the pointer. */
export function panels(onPoint) {
  const places = QUANTITIES.map(() => h("div"));
  const rulers = QUANTITIES.map(() => h("div", { class: "ruler", hidden: true, "aria-hidden": "true" }));
  const element = h("div", { class: "panels" }, QUANTITIES.map(({ heading }, i) => h("section", { class: "panel" }, h("h3", null, heading), places[i], rulers[i])));
  let handles = [];
  let look = { axis: "t", longest: 1 };
  let alive = true;
  let where = 0;
  const point = (t) => {
    where = t;
    handles.forEach((handle, i) => {
      const ruler = rulers[i];
      const axis = handle?.plot._fullLayout?.xaxis;
      ruler.hidden = !axis?._length;
      if (ruler.hidden) return;
      const x = look.axis === "share" ? t / look.longest : t;
      ruler.style.left = `${handle.plot.offsetLeft + axis._offset + axis.l2p(x)}px`;
      ruler.style.top = `${handle.plot.offsetTop + handle.plot._fullLayout._size.t}px`;
      ruler.style.height = `${handle.plot._fullLayout._size.h}px`;
    });
  };
  const draw = async (curves, next) => {
    look = next;
    await plotly();
    for (const [i, quantity] of QUANTITIES.entries()) {
      const traces = curves.map((curve) => trace(curve, quantity, look));
      const layout = layoutOf(quantity, look);
      if (handles[i]) await handles[i].update(traces, layout);
      else {
        const handle = await chart(places[i], traces, layout, { label: `Chart of ${quantity.heading}, one curve for each schedule; the table above has the numbers`, height: 240, table: false });
        if (!alive) return handle.destroy();
        handle.plot.on("plotly_hover", (event) => onPoint(look.axis === "share" ? event.points[0].x * look.longest : event.points[0].x));
        handle.plot.on("plotly_afterplot", () => point(where));
        handles[i] = handle;
      }
    }
  };
  const save = async () => {
    const Plotly = await plotly();
    for (const [i, { key }] of QUANTITIES.entries()) {
      if (handles[i]) await savePicture(`schedules-${key}.png`, await Plotly.toImage(handles[i].plot, { format: "png", width: 900, height: 500 }));
    }
  };
  const destroy = () => {
    alive = false;
    for (const handle of handles) handle?.destroy();
    clear(element);
  };
  return { element, draw, point, save, destroy };
}

function trace({ schedule, tables }, { key, variance }, { axis, logarithmic }) {
  if (!tables) return { x: [], y: [], name: nameOf(schedule) };
  const last = tables.t.length - 1;
  const y = logarithmic && variance ? tables[key].map((value) => (value > 0 ? value : null)) : tables[key];
  return {
    x: axis === "share" ? tables.t.map((t) => t / last) : tables.t,
    y,
    text: tables[key].map(String),
    name: nameOf(schedule),
    hovertemplate: "%{text}",
    showlegend: false,
  };
}

function layoutOf({ variance, range }, { axis, logarithmic }) {
  const log = logarithmic && variance;
  return {
    hovermode: "x unified",
    dragmode: false,
    margin: { l: 56, r: 8, t: 8, b: 40 },
    xaxis: { title: { text: axis === "share" ? "t / T" : "step t", standoff: 4 }, fixedrange: true },
    yaxis: { type: log ? "log" : "linear", range, autorange: range ? false : true, fixedrange: true, exponentformat: "power", ...(log ? { dtick: 1 } : {}) },
  };
}
