// Pictures drawn from noise, the same as reverie.models draws of the same seed: picture i is a function of (seed, i).

import { generator } from "./randomness.js";
import { REMEMBERED, SAMPLERS, levelsOf, prediction } from "./samplers.js";
import { unet } from "./unet.js";
import { weightsOf } from "./weights.js";

/** Pictures that share their noise with each other: those of one shard of the library, of which the first are drawn. */
export const MOST = 64;

/**
 * about: what the page knows of the run; weights: an ArrayBuffer; asked: {count, seed, steps, sampler, classes, guidance},
 * classes the indices that pictures are to be of, each in turn, or none. tell({done, total, states}) is called as pictures come
 * on, states only after a whole step: Float32Array [C, H, W] each. Gives the last states.
 */
export function draw(about, weights, asked, tell) {
  const answers = unet(about.network, weightsOf(weights), about.shape);
  const levels = levelsOf(about.alpha_bar);
  const size = about.shape.reduce((a, b) => a * b);
  const rule = SAMPLERS[asked.sampler];
  const grid = about.grids[asked.steps];
  const noise = generator(asked.seed, "steps", 0);
  const first = generator(asked.seed, "start", 0).single(16 * Math.ceil((asked.count * size) / 16));
  const rows = Array.from({ length: asked.count }, (_, i) => ({
    x: first.slice(i * size, (i + 1) * size),
    past: [],
    label: asked.classes.length ? asked.classes[i % asked.classes.length] : null,
  }));
  const total = (grid.length - 1) * rows.length;
  for (let i = 0; i + 1 < grid.length; i += 1) {
    const [t, s] = [grid[i], grid[i + 1]];
    const asks = new Map(); // by level
    const drawn = []; // what a step draws, each time for all pictures of the shard
    rows.forEach((row, number) => {
      const ask = (x, at) => {
        if (!asks.has(at)) asks.set(at, asking(answers, about, levels, asked, at));
        return asks.get(at)(x, row.label);
      };
      let times = 0;
      const draw = () => (drawn[times++] ??= noise.single(MOST * size)).subarray(number * size, (number + 1) * size);
      const said = ask(row.x, t);
      const now = { levels, t, s, said, start: row.x, past: row.past, steps: grid.length - 1, ask, draw };
      row.x = rule(now);
      row.past = [{ t, said, start: now.start }, ...row.past].slice(0, REMEMBERED);
      const done = i * rows.length + number + 1;
      tell({ done, total, states: number + 1 === rows.length ? rows.map((each) => each.x) : null });
    });
  }
  return rows.map((row) => row.x);
}

/** (x, label) -> what is said of x at t: guided towards the class where that is asked for, and kept in bounds where the run is. */
function asking(answers, about, levels, { guidance }, t) {
  const known = new Map();
  const raw = (x, label) => {
    if (!known.has(label)) known.set(label, answers(t, label));
    const value = known.get(label)(x);
    return prediction(x, value.subarray(0, x.length), about.predicts, levels[t]); // a learned variance stands behind
  };
  const guided = (x, label) => {
    const given = raw(x, label);
    if (label === null || guidance === 1) return given;
    const [without, withIt] = [raw(x, null).velocity(), given.velocity()];
    return prediction(x, withIt.map((v, i) => without[i] + guidance * (v - without[i])), "velocity", levels[t]);
  };
  return (x, label) => {
    const said = guided(x, label);
    if (about.clip === null) return said;
    return prediction(x, said.clean().map((v) => Math.max(-about.clip, Math.min(v, about.clip))), "clean", levels[t]);
  };
}

/** A state as 4 bytes a pixel, red, green, blue and opaque: 127.5 (x + 1), rounded and kept in 0..255 by the array itself. */
export function pixelsOf(x, [channels, height, width]) {
  const area = height * width;
  const out = new Uint8ClampedArray(4 * area).fill(255);
  for (let i = 0; i < area; i += 1) for (let c = 0; c < 3; c += 1) out[4 * i + c] = 127.5 * (x[(channels === 1 ? 0 : c) * area + i] + 1);
  return out;
}
