// The plane as a square canvas, sharp on every screen, drawn again when its size or the theme changes.

import { h } from "../../lib/dom.js";
import { colour, onTheme } from "../../lib/palette.js";
import { FRAME } from "./code.js";

const STEP = 0.1; // of an arrow key; five of them with Shift
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** A place of the plane as [x, y] inside a square of this size, and back. */
export const across = (value, size) => ((value + FRAME) / (2 * FRAME)) * size;
export const down = (value, size) => ((FRAME - value) / (2 * FRAME)) * size;

/**
 * {element, size(), place(event), draw(), destroy()}: paint(context, size, look) draws on an empty square whose side is `size`;
 * place gives the coordinates under a pointer; look has the theme's colours. onPlace(place) is what the space bar or Enter does at a
 * cross that the arrow keys move; onMove(place) is told where that is.
 */
export function plane(attributes, paint, { onPlace = null, onMove = () => {} } = {}) {
  const element = h("canvas", { ...attributes, tabindex: onPlace ? "0" : null, class: `plane ${attributes.class ?? ""}` });
  const context = element.getContext("2d");
  let size = 0;
  let look = null;
  let cursor = null; // of the keyboard
  const draw = () => {
    if (size === 0) return;
    look ??= Object.fromEntries(["ink", "soft", "line", "accent", "good", "danger"].map((name) => [name, colour(name)]));
    context.clearRect(0, 0, size, size);
    axes(context, size, look);
    paint(context, size, look);
    if (cursor) cross(context, size, cursor, look.ink);
  };
  if (onPlace) {
    element.addEventListener("pointerdown", () => (cursor = null));
    element.addEventListener("blur", () => {
      cursor = null;
      draw();
    });
    element.addEventListener("keydown", (event) => {
      const by = ARROWS[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey || !(by || [" ", "Enter"].includes(event.key))) return;
      event.preventDefault();
      cursor ??= [0, 0];
      if (by) {
        const reach = (event.shiftKey ? 5 : 1) * STEP;
        cursor = cursor.map((value, i) => Math.min(FRAME, Math.max(-FRAME, value + reach * by[i])));
        onMove(cursor);
      } else onPlace(cursor);
      draw();
    });
  }
  const watch = new ResizeObserver(() => {
    const scale = devicePixelRatio || 1;
    size = element.clientWidth;
    Object.assign(element, { width: Math.round(size * scale), height: Math.round(size * scale) });
    context.setTransform(scale, 0, 0, scale, 0, 0);
    draw();
  });
  watch.observe(element);
  const unwatch = onTheme(() => {
    look = null;
    draw();
  });
  return {
    element,
    draw,
    size: () => size,
    place({ clientX, clientY }) {
      const { left, top, width, height } = element.getBoundingClientRect();
      return [((clientX - left) / width) * 2 * FRAME - FRAME, FRAME - ((clientY - top) / height) * 2 * FRAME];
    },
    destroy() {
      watch.disconnect();
      unwatch();
    },
  };
}

/** A place in words. */
export function worded([x, y]) {
  return `x ${x.toFixed(1)}, y ${y.toFixed(1)}`;
}

/** Dots at places [x, y]. */
export function dots(context, size, places, radius, fill) {
  context.fillStyle = fill;
  context.beginPath();
  for (const [x, y] of places) {
    const [px, py] = [across(x, size), down(y, size)];
    context.moveTo(px + radius, py);
    context.arc(px, py, radius, 0, 2 * Math.PI);
  }
  context.fill();
}

function cross(context, size, [x, y], stroke) {
  const [px, py] = [across(x, size), down(y, size)];
  context.strokeStyle = stroke;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(px - 8, py);
  context.lineTo(px + 8, py);
  context.moveTo(px, py - 8);
  context.lineTo(px, py + 8);
  context.stroke();
}

function axes(context, size, look) {
  context.strokeStyle = look.line;
  context.lineWidth = 1;
  context.beginPath();
  for (const value of [-2, -1, 0, 1, 2]) {
    const [x, y] = [across(value, size), down(value, size)].map((place) => Math.round(place) + 0.5);
    context.moveTo(x, 0);
    context.lineTo(x, size);
    context.moveTo(0, y);
    context.lineTo(size, y);
  }
  context.stroke();
}
