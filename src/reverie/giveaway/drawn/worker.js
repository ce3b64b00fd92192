// Draws beside the page, which stays quick: one order, its progress, its pictures. Whoever has enough of it ends the worker.

import { draw, pixelsOf } from "./draw.js";

const PAUSE = 60; // milliseconds between two pieces of news, at least

onmessage = ({ data: { about, weights, asked } }) => {
  let told = 0;
  const states = draw(about, weights, asked, ({ done, total, states: now }) => {
    if (performance.now() - told < PAUSE) return;
    told = performance.now();
    postMessage({ done, total, pictures: now && now.map((x) => pixelsOf(x, about.shape)) });
  });
  postMessage({ end: true, pictures: states.map((x) => pixelsOf(x, about.shape)) });
};
