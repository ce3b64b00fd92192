// How the values of x_t are spread, as bars, and as theory has it, as a line. Drawn on a canvas: it changes with every frame.

import { surface } from "../../lib/canvas.js";
import { BINS, EDGE } from "../../lib/noising.js";
import { hue } from "../../lib/palette.js";

const HEIGHT = 180;
const INNER = HEIGHT - 22;

/** {element, draw(counts, total, shares), destroy} */
export function histogram() {
  return surface({ kind: "histogram", height: HEIGHT, label: "Histogram of the values" }, (context, width, look, counts, total, shares) => {
    let top = 0;
    for (let i = 0; i < BINS; i += 1) top = Math.max(top, shares[i], counts[i] / total);
    const x = (value) => ((value + EDGE) / (2 * EDGE)) * width;
    const y = (share) => INNER - (share / top) * (INNER - 8);
    context.fillStyle = look.line;
    for (let value = -EDGE; value <= EDGE; value += 1) context.fillRect(Math.round(x(value)), 0, 1, INNER);
    context.fillStyle = hue(0);
    context.globalAlpha = 0.75;
    const step = width / BINS;
    for (let i = 0; i < BINS; i += 1) {
      const high = y(counts[i] / total);
      context.fillRect(i * step + 0.5, high, Math.max(1, step - 1), INNER - high);
    }
    context.globalAlpha = 1;
    context.strokeStyle = hue(1);
    context.lineWidth = 2;
    context.beginPath();
    for (let i = 0; i < BINS; i += 1) context.lineTo((i + 0.5) * step, y(shares[i]));
    context.stroke();
    context.fillStyle = look.soft;
    context.fillRect(0, INNER, width, 1);
    context.font = look.font;
    context.textBaseline = "top";
    context.textAlign = "center";
    for (let value = -3; value <= 3; value += 1) context.fillText(value < 0 ? `−${-value}` : String(value), x(value), INNER + 5);
    context.textAlign = "left";
    context.fillText(`${(100 * top).toPrecision(2)} %`, 4, 2);
  });
}
