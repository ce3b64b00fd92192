// The stage: samples on their way by the exact and by the learned score, side by side, with what can be laid under them.

import { h, clear } from "../../lib/dom.js";
import { badge } from "../../lib/badge.js";
import { button, slider } from "../../lib/controls.js";
import { icon } from "../icons.js";
import { film } from "../reverse/film.js";
import { SIDE } from "./code.js";
import { SPACING, fields } from "./fields.js";
import { exactDenoiser, flow, learnedDenoiser } from "./mlp.js";
import { shade } from "./pad.js";
import { across, dots, down, plane, worded } from "./plane.js";

const SECONDS = 4; // from noise to the drawing
const BETWEEN = 3; // pictures from one level to the next, so that samples flow
const TRAILS = 60; // paths that are drawn of all samples
export const LAYERS = [
  ["field", "Vector field", "Where each score points: to where points are denser."],
  ["contours", "Contours", "Lines of equal density of the noised drawing."],
  ["paths", "Paths", "Where the first samples came from."],
  ["difference", "Difference", "Where the learned score is far from the exact one."],
];
const KINDS = ["exact", "learned"];
const COLOURS = { exact: "accent", learned: "good" }; // the hues of their badges, light on dark paper

/** {root, show(result), stop()}. layers: names of those shown; at: the frame, null for the end; save keeps both in the address. */
export function stage({ layers, at, save }) {
  const shown = new Set(layers);
  let result = null;
  let level = null; // what is drawn of a level
  let denoisers = null;
  let probe = null; // the flows from where a person pressed, by kind
  let frame = 0;
  let movie = null;

  const heard = h("p", { class: "unseen", role: "status" });
  const planes = KINDS.map((kind) => {
    const onMove = (place) => (heard.textContent = worded(place));
    const onPlace = (place) => {
      follow(place);
      heard.textContent = probe ? `From ${worded(place)} the flow leads to ${worded(probe[kind].at(-1))}.` : "";
    };
    const square = plane({ role: "img", "aria-label": `Samples by the ${kind} score`, title: "Press to follow the flow from a place, or go there by the arrow keys and press space." }, (context, size, look) => result && paint(context, size, look, kind), { onMove, onPlace });
    square.element.addEventListener("pointerdown", (event) => follow(square.place(event)));
    return square;
  });
  const redraw = () => planes.forEach((square) => square.draw());
  const places = { exact: h("span", { class: "hint" }), learned: h("span", { class: "hint" }) };
  const pane = (kind, i) => h("figure", { class: "pane" }, h("figcaption", null, badge(kind), places[kind]), planes[i].element);
  const boxes = LAYERS.map(([name, label, about]) =>
    h("label", { title: about }, h("input", { type: "checkbox", checked: shown.has(name), onchange: ({ target }) => switched(name, target.checked) }), h("span", null, label)),
  );
  const play = button({ label: "Play", kind: "play", onClick: () => movie?.toggle() });
  const scrub = slider({ label: "Level", min: 0, max: 1, value: 0, format: (i) => (result ? said(i) : ""), onInput: (i) => movie?.seek(i) });
  const root = h("div", { class: "plays", hidden: true }, h("div", { class: "pair" }, KINDS.map(pane)), heard, h("div", { class: "transport" }, play, scrub), h("fieldset", { class: "checks layers" }, h("legend", null, "Show"), h("div", { class: "chips" }, boxes)));

  const levelOf = (i) => Math.floor(i / BETWEEN);

  function said(i) {
    return `t = ${result.levels[levelOf(i)].t}${i === 0 ? ", noise" : levelOf(i) === result.levels.length - 1 ? ", the samples" : ""}`;
  }

  function switched(name, on) {
    if (on) shown.add(name);
    else shown.delete(name);
    save({ show: LAYERS.map(([known]) => known).filter((known) => shown.has(known)).join(",") || "none" });
    redraw();
  }

  function follow(place) {
    if (!result) return;
    movie.pause();
    const index = Math.min(levelOf(frame), result.levels.length - 2);
    const alphaBars = result.levels.slice(index).map((each) => each.alpha_bar);
    if (alphaBars[0] === 0) return; // of pure noise the noise is known, and says nothing of where it leads
    probe = Object.fromEntries(KINDS.map((kind) => [kind, flow(denoisers[kind], place, alphaBars)]));
    redraw();
  }

  function paint(context, size, look, kind) {
    // at t = 0 there is no noise, so no field: that of the level before stays
    const { alpha_bar: alphaBar } = result.levels[Math.min(levelOf(frame), result.levels.length - 2)];
    if (["field", "contours", "difference"].some((name) => shown.has(name))) {
      const layer = level(alphaBar);
      if (shown.has("difference") && kind === "learned") difference(context, size, layer.difference, look.danger);
      if (shown.has("contours")) lines(context, size, layer.lines, look.soft);
      if (shown.has("field")) arrows(context, size, layer[kind], look.soft);
    }
    if (result.cells) shade(context, size, result.cells.map((value) => value / 3), look.ink);
    else dots(context, size, result.points, Math.max(1, size / 300), look.soft);
    const path = result.paths[kind];
    if (shown.has("paths")) trails(context, size, [...path.slice(0, levelOf(frame) + 1), states(path, frame)], look[COLOURS[kind]]);
    context.globalAlpha = 0.9;
    dots(context, size, states(path, frame).filter(([x, y]) => x !== null && y !== null), Math.max(1.8, size / 120), look[COLOURS[kind]]);
    context.globalAlpha = 1;
    if (probe) walk(context, size, probe[kind], look.ink);
  }

  return {
    root,
    show(next, cells = null) {
      const before = movie?.at;
      const same = result?.levels.length === next.levels.length && String(result.points) === String(next.points);
      movie?.pause();
      const exact = exactDenoiser(next);
      const learned = learnedDenoiser(next.network);
      denoisers = { exact: (place, alphaBar) => exact(place, alphaBar).noise, learned };
      level = fields(exact, learned);
      result = { ...next, cells: cells?.length === SIDE * SIDE ? cells : null };
      probe = null;
      const last = BETWEEN * (next.levels.length - 1);
      scrub.range(0, last);
      movie = film(last + 1, {
        rate: last / SECONDS,
        onFrame(i) {
          frame = i;
          probe = null;
          scrub.set(i);
          for (const kind of KINDS) places[kind].textContent = said(i);
          save({ at: i === last ? null : i });
          redraw();
        },
        onPlaying: (on) => clear(play, icon(on ? "pause" : "play"), on ? "Pause" : "Play"),
      });
      const what = result.cells ? "a density" : `${next.points.length} points`;
      planes.forEach((square, i) => square.element.setAttribute("aria-label", `Samples by the ${KINDS[i]} score of ${what}`));
      clear(play, icon("play"), "Play");
      root.hidden = false;
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      if (at !== null) movie.seek(Math.min(at, last));
      else if (before !== undefined && same) movie.seek(before);
      else if (still) movie.seek(last);
      else {
        movie.seek(0);
        movie.play();
      }
      at = null;
    },
    destroy() {
      movie?.pause();
      planes.forEach((square) => square.destroy());
    },
  };
}

/** The states at a picture: those of its level, or between two. */
function states(path, i) {
  const k = Math.floor(i / BETWEEN);
  const part = i / BETWEEN - k;
  return part === 0 ? path[k] : path[k].map(([x, y], j) => [x + part * (path[k + 1][j][0] - x), y + part * (path[k + 1][j][1] - y)]);
}

function arrows(context, size, found, stroke) {
  context.strokeStyle = stroke;
  context.globalAlpha = 0.55;
  context.lineWidth = 1;
  context.beginPath();
  for (const [x, y, dx, dy] of found) {
    const [fromX, fromY, toX, toY] = [across(x, size), down(y, size), across(x + dx, size), down(y + dy, size)];
    const [wx, wy] = [0.3 * (toX - fromX), 0.3 * (toY - fromY)];
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    context.moveTo(toX - wx + wy / 1.6, toY - wy - wx / 1.6);
    context.lineTo(toX, toY);
    context.lineTo(toX - wx - wy / 1.6, toY - wy + wx / 1.6);
  }
  context.stroke();
  context.globalAlpha = 1;
}

function lines(context, size, heights, stroke) {
  context.strokeStyle = stroke;
  heights.forEach((pieces, i) => {
    context.lineWidth = 1.6 - 0.3 * i;
    context.beginPath();
    for (const [x, y, toX, toY] of pieces) {
      context.moveTo(across(x, size), down(y, size));
      context.lineTo(across(toX, size), down(toY, size));
    }
    context.stroke();
  });
}

function difference(context, size, found, fill) {
  const side = (SPACING / 5) * size;
  context.fillStyle = fill;
  for (const [x, y, share] of found) {
    context.globalAlpha = 0.7 * share;
    context.fillRect(across(x, size) - side / 2, down(y, size) - side / 2, side, side);
  }
  context.globalAlpha = 1;
}

function trails(context, size, path, stroke) {
  context.strokeStyle = stroke;
  context.globalAlpha = 0.35;
  context.lineWidth = 1;
  context.beginPath();
  for (let k = 0; k < Math.min(TRAILS, path[0].length); k += 1) {
    path.forEach((state, i) => (i === 0 ? context.moveTo(across(state[k][0], size), down(state[k][1], size)) : context.lineTo(across(state[k][0], size), down(state[k][1], size))));
  }
  context.stroke();
  context.globalAlpha = 1;
}

function walk(context, size, path, stroke) {
  context.strokeStyle = stroke;
  context.lineWidth = 2.5;
  context.beginPath();
  path.forEach(([x, y], i) => (i === 0 ? context.moveTo(across(x, size), down(y, size)) : context.lineTo(across(x, size), down(y, size))));
  context.stroke();
  dots(context, size, [path[0], path.at(-1)], 4, stroke);
}
