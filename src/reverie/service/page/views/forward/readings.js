// What stands beside the picture: mean and deviation as measured and by theory, and what the schedule says at t.

import { h } from "../../lib/dom.js";
import { term } from "../../lib/controls.js";
import { figure } from "../../lib/scales.js";
import { hue } from "../../lib/palette.js";

/** What bars and line mean. */
export function key() {
  return h(
    "ul",
    { class: "legend" },
    h("li", null, h("span", { class: "swatch", style: { background: hue(0) }, "aria-hidden": "true" }), "measured"),
    h("li", null, h("span", { class: "swatch line", style: { background: hue(1) }, "aria-hidden": "true" }), term("theory", "The share of values in each bin, on average over all draws of noise: each value of x_0 becomes a bell curve around its own mean.")),
  );
}

/** The numbers at t: {element, show(now)}. */
export function readings() {
  const cell = () => h("td", { class: "number" });
  const [mean, meanTheory, deviation, deviationTheory] = Array.from({ length: 4 }, cell);
  const [alphaBar, signal, noise, snr] = Array.from({ length: 4 }, () => h("dd"));
  const fact = (name, explanation, value) => h("div", null, h("dt", null, term(name, explanation)), value);
  const element = h(
    "div",
    { class: "stack" },
    h(
      "table",
      { class: "moments" },
      h("thead", null, h("tr", null, h("td"), h("th", { scope: "col", class: "number" }, "measured"), h("th", { scope: "col", class: "number" }, "theory"))),
      h("tbody", null, h("tr", null, h("th", { scope: "row" }, "mean"), mean, meanTheory), h("tr", null, h("th", { scope: "row" }, "deviation"), deviation, deviationTheory)),
    ),
    h(
      "dl",
      { class: "facts" },
      fact("alpha_bar", "The share of the signal's power left at t.", alphaBar),
      fact("signal", "The factor of x_0: the square root of alpha_bar.", signal),
      fact("noise", "The factor of the noise: the square root of 1 − alpha_bar.", noise),
      fact("SNR", "Signal to noise in decibels, with the power of what is shown: 10 log10(alpha_bar P / (1 − alpha_bar)). At 0 dB both are equally strong.", snr),
    ),
  );
  const show = (now) => {
    mean.textContent = now.measured.mean.toFixed(4);
    meanTheory.textContent = now.theory.mean.toFixed(4);
    deviation.textContent = now.measured.deviation.toFixed(4);
    deviationTheory.textContent = now.theory.deviation.toFixed(4);
    alphaBar.textContent = figure(now.alphaBar);
    signal.textContent = now.signal.toFixed(4);
    noise.textContent = now.noise.toFixed(4);
    snr.textContent = now.snr === null ? (now.t === 0 ? "no noise" : "no signal") : `${now.snr.toFixed(1)} dB`;
  };
  return { element, show };
}
