// Where in the schedule we are: alpha_bar over t, read in the direction of the walk, from t = T (left) to t = 0 (right).

import { svg, h } from "../../lib/dom.js";

const WIDE = 320;
const HIGH = 120;
const EDGE = { left: 34, right: 10, top: 10, bottom: 24 };

/** A small plot of the steps [{t, s, alpha_bar}]; curve {t, alpha_bar} is the schedule between them, where it is known. */
export function journey(steps, curve = null) {
  const top = steps[0].t;
  const points = [...steps.map(({ t, alpha_bar: signal }) => [t, signal]), [0, 1]];
  const x = (t) => EDGE.left + ((top - t) / top) * (WIDE - EDGE.left - EDGE.right);
  const y = (signal) => EDGE.top + (1 - signal) * (HIGH - EDGE.top - EDGE.bottom);
  const path = (list) => list.map(([t, signal], i) => `${i ? "L" : "M"}${x(t).toFixed(1)} ${y(signal).toFixed(1)}`).join("");
  const line = curve ? curve.t.map((t, i) => [t, curve.alpha_bar[i]]).filter(([t]) => t <= top) : points;
  const dots = points.map(([t, signal]) => svg("circle", { cx: x(t).toFixed(1), cy: y(signal).toFixed(1), r: points.length > 60 ? 1.2 : 2 }));
  const here = svg("circle", { class: "here", r: 5 });
  const rule = svg("line", { class: "rule", y1: EDGE.top, y2: HIGH - EDGE.bottom });
  const label = (text, at, high, anchor) => svg("text", { x: at, y: high, "text-anchor": anchor }, text);
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" },
    svg("path", { class: "axis", d: `M${EDGE.left} ${EDGE.top}V${HIGH - EDGE.bottom}H${WIDE - EDGE.right}` }),
    svg("path", { class: "curve", d: path(line) }),
    svg("g", { class: "dots" }, dots),
    rule,
    here,
    label("1", EDGE.left - 6, EDGE.top + 4, "end"),
    label("0", EDGE.left - 6, HIGH - EDGE.bottom + 4, "end"),
    label("ᾱ", EDGE.left - 6, (EDGE.top + HIGH - EDGE.bottom) / 2 + 4, "end"),
    label(`t = ${top}`, EDGE.left, HIGH - 6, "start"),
    label("t = 0", WIDE - EDGE.right, HIGH - 6, "end"),
  );
  const root = h("figure", { class: "journey" }, drawing);
  const show = (i) => {
    const [t, signal] = points[i];
    for (const [name, value] of [["cx", x(t)], ["cy", y(signal)]]) here.setAttribute(name, value);
    for (const name of ["x1", "x2"]) rule.setAttribute(name, x(t));
    dots.forEach((dot, k) => dot.classList.toggle("done", k <= i));
    drawing.setAttribute("aria-label", `The schedule: alpha-bar against t. Now at t = ${t}, alpha-bar ${signal.toPrecision(3)}.`);
  };
  show(0);
  return Object.assign(root, { show });
}
