// What is drawn of one level: both fields, where they differ, and lines of equal density. Made once for each level.

import { FRAME } from "./code.js";
import { contour } from "./contours.js";

const FINE = 41; // places along a side for the density
const EVERY = 2; // the fields stand at every second of them
const BELOW = [0.7, 2, 4, 7]; // nats below the highest density
const COARSE = (FINE - 1) / EVERY + 1;

const at = (i, side) => (2 * FRAME * i) / (side - 1) - FRAME;
const square = (side) => Float64Array.from({ length: 2 * side * side }, (_, i) => (i % 2 ? -at(Math.floor(i / 2 / side), side) : at((i >> 1) % side, side)));
const fine = square(FINE);
const coarse = square(COARSE);

/** level(alphaBar) gives {exact, learned: arrows [x, y, dx, dy], difference: [x, y, share], lines: [x, y, x, y] in coordinates}. */
export function fields(exact, learned) {
  const made = new Map();
  return (alphaBar) => {
    if (!made.has(alphaBar)) made.set(alphaBar, level(exact, learned, alphaBar));
    return made.get(alphaBar);
  };
}

function level(exact, learned, alphaBar) {
  const { noise, density } = exact(fine, alphaBar);
  const right = new Float64Array(coarse.length);
  for (let i = 0; i < right.length; i += 2) {
    const [row, column] = [Math.floor(i / 2 / COARSE) * EVERY, ((i / 2) % COARSE) * EVERY];
    const from = 2 * (row * FINE + column);
    right[i] = noise[from];
    right[i + 1] = noise[from + 1];
  }
  const said = learned(coarse, alphaBar);
  const top = density.reduce((high, value) => Math.max(high, value), -Infinity);
  const lines = BELOW.map((nats) => contour(density, FINE, top - nats).map(([x, y, toX, toY]) => [at(x, FINE), -at(y, FINE), at(toX, FINE), -at(toY, FINE)]));
  return { exact: arrows(right), learned: arrows(said), difference: apart(right, said), lines };
}

/** Along the score, that is against the noise; long ones are held, for only where they point can be seen. */
function arrows(noise) {
  const found = [];
  const cell = (2 * FRAME) / (COARSE - 1);
  for (let i = 0; i < noise.length; i += 2) {
    const length = Math.hypot(noise[i], noise[i + 1]);
    const scale = length ? (-0.95 * cell * Math.tanh(length / 1.5)) / length : 0;
    found.push([coarse[i], coarse[i + 1], scale * noise[i], scale * noise[i + 1]]);
  }
  return found;
}

/** How far the two are from each other, from 0 to 1. */
function apart(one, other) {
  const found = [];
  for (let i = 0; i < one.length; i += 2) found.push([coarse[i], coarse[i + 1], Math.tanh(Math.hypot(one[i] - other[i], one[i + 1] - other[i + 1]) / 2)]);
  return found;
}

export const SPACING = (2 * FRAME) / (COARSE - 1);
