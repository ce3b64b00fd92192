// A patient's columns as lines, as what is noised: see scenes.js. Fetched when it is wanted, for charts are large.

import { Problem } from "../../lib/api.js";
import { lines, standardised } from "./lines.js";

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
