// A patient's columns over time, each in deviations from the cohort's mean: x_t as lines, x_0 faint behind them.

import { surface } from "../../lib/canvas.js";
import { sample } from "../../lib/chart.js";
import { h } from "../../lib/dom.js";
import { dash, hue, hueIn } from "../../lib/palette.js";
import { rounds } from "../../lib/scales.js";

const HEIGHT = 420;
const [LEFT, RIGHT, TOP, FOOT] = [40, 12, 12, 40];
const [NEAR, FAR] = [4, 10]; // the vertical scale holds the record, but not every outlier

/** {x_0, rows, width, place}: the measured values in a row, column after column, and where each stands in the table. */
export function standardised(series) {
  const place = [];
  const x_0 = [];
  series.columns.forEach((column, row) =>
    column.values.forEach((value, visit) => {
      if (value === null || !(column.std > 0)) return;
      place.push([row, visit]);
      x_0.push((value - column.mean) / column.std);
    }),
  );
  return { x_0: Float32Array.from(x_0), place };
}

/** {element, legend, draw(x), destroy} for a series and its standardised values. */
export function lines(series, { x_0, place }) {
  const [from, to] = [Math.min(...series.time), Math.max(...series.time)];
  const reach = Math.min(FAR, Math.max(NEAR, 2 * Math.ceil(Math.max(...x_0.map(Math.abs)) / 2)));
  const x = (time, width) => LEFT + ((time - from) / (to - from || 1)) * (width - LEFT - RIGHT);
  const y = (value) => TOP + ((reach - value) / (2 * reach)) * (HEIGHT - TOP - FOOT);
  const trace = (context, width, values, column) => {
    context.beginPath();
    for (let i = 0; i < place.length; i += 1) {
      if (place[i][0] === column) context.lineTo(x(series.time[place[i][1]], width), y(values[i]));
    }
    context.stroke();
  };
  const drawn = surface({ kind: "lines", height: HEIGHT }, (context, width, look, values) => {
    context.setLineDash([]);
    context.lineWidth = 1;
    context.font = look.font;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let value = -reach; value <= reach; value += 2) {
      context.fillStyle = look.line;
      context.fillRect(LEFT, Math.round(y(value)), width - LEFT - RIGHT, 1);
      context.fillStyle = look.soft;
      context.fillText(value < 0 ? `−${-value}` : String(value), LEFT - 8, y(value));
    }
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const time of rounds(from, to, 6)) context.fillText(String(time), x(time, width), HEIGHT - FOOT + 6);
    context.fillText(series.time_unit ?? "time", (LEFT + width - RIGHT) / 2, HEIGHT - 16);
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP, width - LEFT - RIGHT, HEIGHT - TOP - FOOT);
    context.clip();
    series.columns.forEach((_, column) => {
      context.strokeStyle = hue(column);
      context.setLineDash([]);
      context.globalAlpha = 0.3;
      context.lineWidth = 1.5;
      trace(context, width, x_0, column);
      context.globalAlpha = 1;
      context.lineWidth = 2;
      context.setLineDash(dash(column));
      trace(context, width, values, column);
    });
    context.restore();
  });
  const legend = h("ul", { class: "legend" }, series.columns.map((column, i) => h("li", null, sample({ colour: hueIn(i), dash: dash(i) }), column.name)));
  return { ...drawn, legend };
}
