// What a model drew of a patient, told apart from what was given: what it made is hatched or hollow and stands after a line; what was
// given, with a cell that it filled, has a dot in it.

import { h, svg } from "../../lib/dom.js";

const STEP = 6; // pixels from stripe to stripe

/** {made, filled}: whether anything of a patient was. */
export function drawnOf({ filled, tables }) {
  const rows = tables.flatMap((table) => table.rows);
  return { made: rows.some((row) => row.made), filled: filled.length > 0 || rows.some((row) => row.filled.length > 0) };
}

/** Stripes of a colour on paper, as a definition of this id. */
export function hatch(id, colour, paper) {
  return svg("pattern", { id, width: STEP, height: STEP, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("rect", { width: STEP, height: STEP, fill: paper }), svg("rect", { width: 2, height: STEP, fill: colour }));
}

/** The dot on what has a filled cell: in the middle of a mark, and near the end of a bar. */
export function dot({ x, y, wide, tall }, colour, paper) {
  const small = wide <= 8;
  return svg("circle", { cx: (x + wide - (wide < 16 ? wide / 2 : 8)).toFixed(1), cy: y + tall / 2, r: small ? 2.2 : 3.2, fill: paper, stroke: colour, "stroke-width": 1 });
}

/** Where what was made begins, between the last that was given and the first that was made; null where nothing was. x: of `clock`. */
export function border(lanes, x) {
  const all = lanes.flatMap(({ rows }) => rows).filter(({ start }) => start !== null);
  const made = all.filter((row) => row.made).map(({ start }) => start);
  if (!made.length) return null;
  const given = all.filter((row) => !row.made).map(({ start, end }) => end ?? start);
  const first = x.at(Math.min(...made)) - 7;
  return given.length ? Math.max((x.at(Math.max(...given)) + first) / 2, first - 12) : first;
}

/** What the shapes mean, where not all were given. */
export function legend({ made, filled }) {
  if (!made && !filled) return null;
  const piece = (...shapes) => svg("svg", { class: "drawn", width: 40, height: 14, "aria-hidden": "true" }, shapes);
  const entry = (sample, words) => h("li", null, sample, words);
  const ink = "var(--ink)";
  return h("ul", { class: "legend" },
    entry(piece(svg("circle", { cx: 6, cy: 7, r: 4, fill: ink }), svg("rect", { x: 16, y: 2, width: 22, height: 10, rx: 2, fill: ink })), "given"),
    filled ? entry(piece(svg("circle", { cx: 6, cy: 7, r: 4, fill: ink }), dot({ x: 2, y: 3, wide: 8, tall: 8 }, ink, "var(--paper)"), svg("rect", { x: 16, y: 2, width: 22, height: 10, rx: 2, fill: ink }), dot({ x: 16, y: 2, wide: 22, tall: 10 }, ink, "var(--paper)")), "given, with cells that were filled") : null,
    made ? entry(piece(svg("circle", { cx: 6, cy: 7, r: 4, fill: "none", stroke: ink, "stroke-width": 1.75 }), svg("rect", { x: 16.5, y: 2.5, width: 21, height: 9, rx: 2, fill: "none", stroke: ink, "stroke-width": 1.25 }), svg("path", { d: "M19 12L28 3M25 12L34 3M31 12L37 6", stroke: ink, fill: "none" })), "drawn by the model") : null);
}
