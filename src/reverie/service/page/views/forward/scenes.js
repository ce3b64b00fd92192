// What is noised, and how it is shown: a picture on a canvas, or a patient's columns as lines.
//   {name, caption, x_0, shape of the noise to ask for, pick(noise) -> one number for each of x_0, scene() -> element and draw}

import { h } from "../../lib/dom.js";
import { Problem } from "../../lib/api.js";
import { painter } from "../../lib/pictures.js";
import { lines, standardised } from "./lines.js";

export function pictureScene(picture) {
  const { name, title, width, height, channels, pixels, dataURL } = picture;
  return {
    kind: "picture",
    name: name.startsWith("own:") ? title : name,
    own: name.startsWith("own:"),
    dataURL,
    caption: `${title[0].toUpperCase()}${title.slice(1)}, ${width} × ${height} pixels, ${channels === 1 ? "grey" : "colour"}. Values in [−1, 1]: −1 is black, 1 is white.`,
    x_0: pixels,
    shape: { height, width, channels },
    pick: (noise) => noise,
    scene() {
      const canvas = h("canvas", { class: "subject-canvas", role: "img", "aria-label": `x_t of ${title}; the step is set by the slider below` });
      return { element: canvas, draw: painter(canvas, picture), destroy() {} };
    },
    small: () => {
      const canvas = h("canvas", { "aria-hidden": "true" });
      return { element: canvas, draw: painter(canvas, picture), destroy() {} };
    },
  };
}

export function seriesScene(series) {
  const values = standardised(series);
  if (values.x_0.length === 0) throw new Problem({ title: "Nothing to draw", detail: `Patient ${series.patient} has no measured numbers: choose another.` });
  const width = series.time.length;
  return {
    kind: "series",
    name: `patient ${series.patient}`,
    patient: series.patient,
    patients: series.patients,
    own: false,
    caption: `Patient ${series.patient}, ${width} visits. Vertical: deviations from the cohort's mean. Faint lines: the record itself.`,
    x_0: values.x_0,
    shape: { height: series.columns.length, width, channels: 1 },
    pick: (noise) => Float32Array.from(values.place, ([row, visit]) => noise[row * width + visit]),
    scene() {
      const drawn = lines(series, values);
      drawn.element.setAttribute("aria-label", `x_t of the record of patient ${series.patient}: ${series.columns.map((column) => column.name).join(", ")}`);
      return drawn;
    },
    small: null,
  };
}
