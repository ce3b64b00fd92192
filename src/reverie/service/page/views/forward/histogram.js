// How the values of x_t are spread, as bars, and as theory has it, as a line. Drawn on a canvas: it changes with every frame.

import { h } from "../../lib/dom.js";
import { BINS, EDGE } from "../../lib/noising.js";
import { colour, hue, onTheme } from "../../lib/palette.js";

const HEIGHT = 180;
const FOOT = 22;

/** {element, draw(counts, total, shares), destroy} */
export function histogram() {
  const canvas = h("canvas", { class: "histogram", role: "img", "aria-label": "Histogram of the values", style: { height: `${HEIGHT}px`, width: "100%" } });
  const context = canvas.getContext("2d");
  let colours = null;
  let last = null;
  let width = 0;
  const draw = (counts, total, shares) => {
    last = [counts, total, shares];
    if (width === 0) return;
    colours ??= { bar: hue(0), curve: hue(1), soft: colour("soft"), line: colour("line"), font: getComputedStyle(document.body).fontFamily };
    const inner = HEIGHT - FOOT;
    let top = 0;
    for (let i = 0; i < BINS; i += 1) top = Math.max(top, shares[i], counts[i] / total);
    const x = (value) => ((value + EDGE) / (2 * EDGE)) * width;
    const y = (share) => inner - (share / top) * (inner - 8);
    context.clearRect(0, 0, width, HEIGHT);
    context.fillStyle = colours.line;
    for (let value = -EDGE; value <= EDGE; value += 1) context.fillRect(Math.round(x(value)), 0, 1, inner);
    context.fillStyle = colours.bar;
    context.globalAlpha = 0.75;
    const step = width / BINS;
    for (let i = 0; i < BINS; i += 1) {
      const high = y(counts[i] / total);
      context.fillRect(i * step + 0.5, high, Math.max(1, step - 1), inner - high);
    }
    context.globalAlpha = 1;
    context.strokeStyle = colours.curve;
    context.lineWidth = 2;
    context.beginPath();
    for (let i = 0; i < BINS; i += 1) context.lineTo((i + 0.5) * step, y(shares[i]));
    context.stroke();
    context.fillStyle = colours.soft;
    context.fillRect(0, inner, width, 1);
    context.font = `12px ${colours.font}`;
    context.textBaseline = "top";
    for (let value = -3; value <= 3; value += 1) {
      context.textAlign = "center";
      context.fillText(value < 0 ? `−${-value}` : String(value), x(value), inner + 5);
    }
    context.textAlign = "left";
    context.fillText(`${(100 * top).toPrecision(2)} %`, 4, 2);
  };
  const fit = () => {
    const scale = devicePixelRatio || 1;
    width = canvas.clientWidth;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(HEIGHT * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    if (last) draw(...last);
  };
  const size = new ResizeObserver(fit);
  size.observe(canvas);
  const unwatch = onTheme(() => {
    colours = null;
    if (last) draw(...last);
  });
  const destroy = () => {
    size.disconnect();
    unwatch();
  };
  return { element: canvas, draw, destroy };
}
