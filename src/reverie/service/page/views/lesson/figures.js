// The figures that the lesson draws itself: {element, destroy}. Each moves with a control under it; what it says in numbers is
// beside it in words, for those who do not see it.

import { h, clear } from "../../lib/dom.js";
import { surface } from "../../lib/canvas.js";
import { sample } from "../../lib/chart.js";
import { slider, toggle } from "../../lib/controls.js";
import { BINS, EDGE } from "../../lib/noising.js";
import { dash, hue, hueIn } from "../../lib/palette.js";
import { loadPicture, painter } from "../../lib/pictures.js";
import { forwardNoise } from "../../lib/randomness.js";
import { rounds } from "../../lib/scales.js";
import { busy, failure } from "../../lib/states.js";
import { histogram } from "../forward/histogram.js";
import { CLASSES, CLOSE, LEVELS, TENTH, WEIGHTS, WIDE, fedBack, guidedFlow, moments, posterior, wideFlow } from "./numbers.js";

const HEIGHT = 240;
const NAMED = ["from the picture x₀", "from the state xₜ", "both together"];

/** What picture and state say of the state one step earlier, and their product; over t. */
export function witnesses({ linear }) {
  const [clean, noise] = [0.5, 1];
  const drawn = surface({ kind: "plain-plot", height: HEIGHT, label: "Three bell curves of the state one step earlier" }, (context, width, look, curves, [from, to]) => {
    const [foot, inner] = [HEIGHT - 22, width];
    const x = (value) => ((value - from) / (to - from)) * inner;
    context.font = look.font;
    context.fillStyle = look.soft;
    context.fillRect(0, foot, width, 1);
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const value of rounds(from, to, 5)) if (x(value) > 24 && x(value) < width - 24) context.fillText(String(value).replace("-", "−"), x(value), foot + 5);
    curves.forEach(({ mean, deviation }, i) => {
      context.strokeStyle = hue(i);
      context.setLineDash(dash(i));
      context.lineWidth = i === 2 ? 3 : 2;
      context.beginPath();
      for (let pixel = 0; pixel <= width; pixel += 1) {
        const z = (from + (pixel / inner) * (to - from) - mean) / deviation;
        context.lineTo(pixel, foot - 2 - Math.exp((-z * z) / 2) * (foot - 12));
      }
      context.stroke();
    });
    context.setLineDash([]);
  });
  const words = h("p", { class: "hint", role: "status" });
  const show = (t) => {
    const { alpha, weights, variance, witnesses: sure } = posterior(linear, t);
    const state = Math.sqrt(linear[t]) * clean + Math.sqrt(1 - linear[t]) * noise;
    const mean = weights.clean * clean + weights.state * state;
    const curves = [
      { mean: Math.sqrt(linear[t - 1]) * clean, deviation: Math.sqrt(sure.clean) },
      { mean: state / Math.sqrt(alpha), deviation: Math.sqrt(sure.state) },
      { mean, deviation: Math.sqrt(variance) },
    ];
    const reach = 4 * Math.min(curves[0].deviation, 5 * curves[2].deviation);
    drawn.draw(curves, [mean - reach, mean + reach]);
    clear(words, `Weight of the picture ${weights.clean.toPrecision(3)}, of the state ${weights.state.toPrecision(3)}. Deviations: ${curves.map(({ deviation }, i) => `${NAMED[i]} ${deviation.toPrecision(3)}`).join(", ")}.`);
  };
  const at = slider({ label: "Step t", min: 2, max: 1000, value: CLOSE, onInput: show });
  show(CLOSE);
  return { element: h("div", { class: "stack" }, drawn.element, legend(NAMED), at, words), destroy: drawn.destroy };
}

/** What sampling makes of the second class, asked for w times as strongly. */
export function guidance({ linear }) {
  const bars = histogram();
  const words = h("p", { class: "hint", role: "status" });
  const [, mean] = CLASSES.means;
  const show = (scale) => {
    const ends = guidedFlow(linear, scale);
    const found = moments(ends);
    bars.draw(shares(ends), 1, bell(mean, CLASSES.std));
    clear(words, `Mean ${found.mean.toFixed(2)} and deviation ${found.deviation.toFixed(2)} of what is made; of the class itself ${mean.toFixed(2)} and ${CLASSES.std.toFixed(2)}.`);
  };
  bars.element.setAttribute("aria-label", "Histogram of the numbers made, and the class as a curve");
  const scale = slider({ label: "Guidance w", min: 0, max: 8, step: 0.5, value: 3, format: (value) => value.toFixed(1), onInput: show });
  show(3);
  return { element: h("div", { class: "stack" }, bars.element, legend(["made by sampling", "the class as it is"], true), scale, words), destroy: bars.destroy };
}

/** What sampling makes of data as wide as one likes, with and without clipping. */
export function clipping({ linear }) {
  const bars = histogram();
  const words = h("p", { class: "hint", role: "status" });
  const now = { std: WIDE, clip: true };
  const show = () => {
    const ends = wideFlow(linear, now.std, now.clip);
    bars.draw(shares(ends), 1, bell(0, now.std));
    clear(words, `Deviation ${moments(ends).deviation.toFixed(2)} of what is made; of the data ${now.std.toFixed(2)}.`);
  };
  bars.element.setAttribute("aria-label", "Histogram of the numbers made, and the data as a curve");
  const change = (key) => (value) => {
    now[key] = value;
    show();
  };
  const controls = [
    toggle({ label: "Clip every guess to −1 … 1", value: true, onChange: change("clip") }),
    slider({ label: "Deviation of the data", min: 0.2, max: WIDE, step: 0.1, value: WIDE, format: (value) => value.toFixed(1), onInput: change("std") }),
  ];
  show();
  return { element: h("div", { class: "stack" }, bars.element, legend(["made by sampling", "the data"], true), controls, words), destroy: bars.destroy };
}

/** Twenty states on the way to noise: each made from the picture, and each made from the one before it. */
export function feeding({ linear }) {
  let open = true;
  const place = h("div", { class: "stack" }, busy("Fetching the picture"));
  const show = async () => {
    try {
      const picture = await loadPicture("flower");
      if (!open) return;
      const noise = forwardNoise(picture, 0);
      const state = new Float32Array(noise.length);
      const panes = ["each from the picture", "each from the one before"].map((name, i) => {
        const canvas = h("canvas", { role: "img", "aria-label": `The state, ${name}` });
        const said = h("span", { class: "hint" });
        const paint = painter(canvas, picture);
        const draw = (factor) => {
          const rest = Math.sqrt(1 - factor * factor);
          for (let j = 0; j < state.length; j += 1) state[j] = factor * picture.pixels[j] + rest * noise[j];
          paint(state);
          said.textContent = `${factor.toPrecision(2)} of the picture`;
        };
        return { draw, element: h("figure", { class: "stack tight" }, h("figcaption", { class: "strong" }, i ? "Wrong: " : "Right: ", name), canvas, said) };
      });
      const at = (k) => fedBack(linear, k).forEach((factor, i) => panes[i].draw(factor));
      const control = slider({ label: "State", min: 0, max: LEVELS.length - 1, value: TENTH, format: (k) => `${k + 1} of ${LEVELS.length}, t = ${LEVELS[k]}`, onInput: at });
      clear(place, h("div", { class: "lesson-pair" }, panes.map(({ element }) => element)), control);
      at(TENTH);
    } catch (problem) {
      if (open) clear(place, failure(problem, show));
    }
  };
  show();
  return { element: place, destroy: () => (open = false) };
}

function legend(names, bars = false) {
  const swatch = (i) => (bars ? h("span", { class: i ? "swatch line" : "swatch", style: { background: hueIn(i) }, "aria-hidden": "true" }) : sample({ colour: hueIn(i), dash: dash(i) }));
  return h("ul", { class: "legend" }, names.map((name, i) => h("li", null, swatch(i), name)));
}

/** The share of the weighted ends in each bin. */
function shares(ends) {
  const counts = new Float64Array(BINS);
  const total = WEIGHTS.reduce((sum, weight) => sum + weight, 0);
  ends.forEach((x, i) => {
    const bin = Math.floor(((x + EDGE) / (2 * EDGE)) * BINS);
    if (bin >= 0 && bin < BINS) counts[bin] += WEIGHTS[i] / total;
  });
  return counts;
}

/** The share of N(mean, std^2) in each bin, about. */
function bell(mean, std) {
  const width = (2 * EDGE) / BINS;
  return Float64Array.from({ length: BINS }, (_, i) => {
    const z = ((i + 0.5) * width - EDGE - mean) / std;
    return (width * Math.exp((-z * z) / 2)) / (std * Math.sqrt(2 * Math.PI));
  });
}
