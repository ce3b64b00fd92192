// The stage: x_t beside the predicted x_0, the transport under them, the numbers of the step, and where in the schedule we are.

import { h, clear } from "../../lib/dom.js";
import { button, select, slider, term } from "../../lib/controls.js";
import { badge } from "../../lib/badge.js";
import { csv, saveData, savePicture } from "../../lib/download.js";
import { icon } from "../icons.js";
import { method, took } from "../methods.js";
import { film } from "./film.js";
import { journey } from "./journey.js";

const SPEEDS = [2, 5, 10, 25, 50];

/** One run to watch. frames: developed; save keeps frame and speed in the address. */
export function stage({ result, frames, curve, at, rate, save }) {
  const { steps, metadata } = result;
  const last = frames.length - 1;
  const state = pane("x", "t", "The state");
  const guess = pane("x̂", "0", "The predicted picture");
  const numbers = h("dl", { class: "numbers" });
  const where = journey(steps, curve);
  const scrub = slider({
    label: "Frame",
    min: 0,
    max: last,
    value: at,
    format: (i) => `${i} of ${last}, t = ${frames[i].t}`,
    onInput: (i) => movie.seek(i),
  });
  const back = button({ label: "Back", icon: icon("back"), onClick: () => movie.step(-1) });
  const step = button({ label: "Step", icon: icon("step"), onClick: () => movie.step(1) });
  const play = button({ label: "Play", kind: "primary play", onClick: () => movie.toggle() });
  const stop = button({ label: "Stop", icon: icon("stop"), title: "Stop playing, and go back to the noise", onClick: () => movie.stop() });
  const speed = select({
    label: "Speed",
    options: SPEEDS.map((each) => ({ value: String(each), label: `${each} frames a second` })),
    value: String(rate),
    onChange: (value) => {
      save({ speed: value === "10" ? null : value });
      movie.speed(Number(value));
    },
  });

  const onFrame = (i) => {
    const frame = frames[i];
    state.show(frame.state, `t = ${frame.t}`, `The state at step t = ${frame.t}${i === 0 ? ": pure noise" : i === last ? ": the finished picture" : ""}.`);
    // at t = 0 nothing is left to predict: the last prediction stays, and says whose it is
    const seen = frame.predicted ? frame : frames[Math.max(0, i - 1)];
    guess.show(seen.predicted, frame.predicted ? `seen at t = ${seen.t}` : `the last one, seen at t = ${seen.t}`, `The picture predicted at step t = ${seen.t}.`);
    clear(numbers, reading(steps, frames, i));
    scrub.set(i);
    where.show(i);
    back.disabled = i === 0;
    step.disabled = i === last;
    save({ frame: i || null });
  };
  const onPlaying = (on) => {
    clear(play, icon(on ? "pause" : "play"), on ? "Pause" : "Play");
    stop.disabled = !on && movie.at === 0;
  };
  const movie = film(frames.length, {
    rate,
    onFrame: (i) => {
      onFrame(i);
      stop.disabled = !movie?.playing && i === 0;
    },
    onPlaying,
  });

  const { sampler, calls, seconds, denoiser, evidence } = metadata;
  const root = h(
    "div",
    { class: "stage watch" },
    h("div", { class: "spread" }, h("div", { class: "row" }, badge(evidence), h("span", { class: "soft" }, denoiser)), h("p", { class: "hint" }, `${method(sampler).label}, ${calls} network calls in ${took(seconds)}`)),
    h("div", { class: "pair" }, state.root, guess.root),
    h("div", { class: "transport" }, h("div", { class: "row" }, back, play, step, stop), scrub),
    h("div", { class: "reading-room" }, numbers, where),
    h(
      "div",
      { class: "row foot-tools" },
      speed,
      button({ label: "Save this frame", onClick: () => savePicture(`reverse-t${frames[movie.at].t}.png`, state.canvas) }),
      button({ label: "Save the numbers", onClick: () => saveData("reverse.csv", csv(["t", "s", "alpha_bar", "variance"], steps.map((each) => [each.t, each.s, each.alpha_bar, each.variance]))) }),
      button({ label: "Save everything", title: "All frames and numbers, as the server sent them", onClick: () => saveData("reverse.json", result) }),
    ),
  );
  root.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, button, summary") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { " ": () => movie.toggle(), ArrowRight: () => movie.step(1), ArrowLeft: () => movie.step(-1), Home: () => movie.seek(0), End: () => movie.seek(last) }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  onPlaying(false);
  movie.seek(Math.min(at, last));
  return { root, movie };
}

/** One of the two pictures with its name above it. */
function pane(letter, index, words) {
  const canvas = h("canvas", { class: "pixels", role: "img", tabindex: "0" });
  const said = h("span", { class: "hint" });
  const root = h("figure", { class: "pane" }, h("figcaption", null, h("span", { class: "strong" }, h("i", null, letter), h("sub", null, index)), h("span", null, words), said), canvas);
  const show = (image, hint, label) => {
    said.textContent = hint;
    canvas.setAttribute("aria-label", label);
    if (canvas.width !== image.naturalWidth || canvas.height !== image.naturalHeight) Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
    canvas.getContext("2d").drawImage(image, 0, 0);
  };
  return { root, canvas, show };
}

function reading(steps, frames, i) {
  const { t } = frames[i];
  const signal = steps[i]?.alpha_bar ?? 1;
  const snr = signal >= 1 ? "no noise" : signal <= 0 ? "no signal" : `${(10 * Math.log10(signal / (1 - signal))).toFixed(1)} dB`;
  const entry = (name, meaning, value) => h("div", null, h("dt", null, meaning ? term(name, meaning) : name), h("dd", null, value));
  const variance = steps[i]?.variance;
  return [
    entry("step", null, steps[i] ? `${i + 1} of ${steps.length}` : "done"),
    entry("t → s", "The step leads from the noise level t to the level s. T is pure noise, 0 the clean picture.", steps[i] ? `${t} → ${steps[i].s}` : "0"),
    entry("ᾱ(t)", "Alpha-bar: the share of the picture's power that is left at step t.", signal.toPrecision(4)),
    entry("SNR", "Signal to noise in decibels, 10 log10 of alpha-bar / (1 − alpha-bar), for a picture of unit power.", snr),
    entry("variance added", "How much fresh noise the step draws. 0: the step is deterministic.", variance === undefined || variance === null ? "–" : variance === 0 ? "0, no noise drawn" : variance.toPrecision(4)),
  ];
}
