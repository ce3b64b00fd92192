// Where in the schedule we are: alpha_bar over t, read in the direction of the walk, from t = T (left) to t = 0 (right).

import { chart } from "../../lib/chart.js";
import { hue } from "../../lib/palette.js";

/** A small plot of the steps [{t, s, alpha_bar}]; curve {t, alpha_bar} is the schedule between them, where it is known. */
export function journey(steps, curve = null) {
  const top = steps[0].t;
  const points = [...steps.map(({ t, alpha_bar: signal }) => [t, signal]), [0, 1]];
  const xy = (pairs) => ({ x: pairs.map(([t]) => t), y: pairs.map(([, signal]) => signal) });
  const line = { ...xy(curve ? curve.t.map((t, i) => [t, curve.alpha_bar[i]]).filter(([t]) => t <= top) : points), name: "ᾱ", colour: hue(0), quiet: true };
  const dots = { line: false, symbol: "circle", size: points.length > 60 ? 1.5 : 2.5 };
  const series = (i) => [line, { ...xy(points.slice(i + 1)), ...dots, name: "to come", colour: hue(0), opacity: 0.5 }, { ...xy(points.slice(0, i + 1)), ...dots, name: "walked", colour: hue(1) }];
  const plot = chart(series(0), { x: { title: "t", range: [top, 0] }, y: { title: "ᾱ", range: [0, 1.02] }, legend: false }, { label: "", height: 150, table: false });
  const show = (i) => {
    const [t, signal] = points[i];
    plot.update(series(i));
    plot.rule(t);
    plot.describe(`The schedule: alpha-bar against t. Now at t = ${t}, alpha-bar ${signal.toPrecision(3)}.`);
  };
  show(0);
  return Object.assign(plot, { show });
}
