// What was given as points, what was filled in as a median inside bands of 50 % and 80 %, a chart for each column.

import { h } from "../../lib/dom.js";
import { chart, sample } from "../../lib/chart.js";
import { DASHED, hue } from "../../lib/palette.js";
import { scrolling, tableOf } from "../../lib/table.js";
import { onAxis } from "./columns.js";

const WIDE = { colour: hue(1), opacity: 0.18 };
const NARROW = { colour: hue(1), opacity: 0.28 };
const FILLED = { line: false, symbol: "diamond", colour: hue(1) };
const GIVEN = { line: false, symbol: "circle", colour: hue(0) };
const truthMark = () => ({ line: false, symbol: "cross", size: 5, colour: hue(6) }); // the ink of the theme

/**
 * Charts of one patient. bands: {column: {time, given, median, low, high, low50, high50}}, given null at what was
 * drawn; truth: {column: [value or null at each time]}, what was hidden before; columns: those of the model.
 */
export function charts({ bands, truth = {}, columns }) {
  const of = (name) => columns.find((column) => column.name === name);
  const clock = columns.find(({ role }) => role === "time");
  const x = { title: clock?.name ?? "time", calendar: clock?.calendar };
  const draw = ([name, band]) =>
    h("section", null, h("h3", null, name), chart(series(band, truth[name]), { x, y: of(name)?.calendar ? { calendar: true } : { log: "auto" }, legend: false }, { label: `${name} over time: given values, and the filled ones with bands of 50 % and 80 %.`, height: 260, table: () => table(band, truth[name], x.title) }));
  return h("section", { class: "stack" }, legend(Object.values(bands), Object.keys(truth).length > 0), h("div", { class: "plots" }, Object.entries(bands).map(draw)));
}

/** What the marks mean, once for all charts. */
function legend(bands, withTruth) {
  const inner = bands.some(({ low50 }) => low50);
  const entry = (look, words) => h("li", null, sample(look), words);
  return h(
    "ul",
    { class: "legend" },
    entry(GIVEN, "given"),
    entry(FILLED, "filled, median of the draws"),
    inner ? entry({ low: true, ...NARROW }, "50 % of the draws") : null,
    entry({ low: true, ...WIDE }, inner ? "80 %" : "all draws"),
    withTruth ? entry(truthMark(), "what was hidden") : null,
  );
}

function series(band, truth) {
  const { time } = band;
  const filled = band.median.map((value, i) => value !== null && band.given[i] === null);
  // A band closes at the given neighbours of a hole, so that the eye sees what it hangs from.
  const closed = (values) => time.map((_, i) => (filled[i] ? (values[i] ?? null) : filled[i - 1] || filled[i + 1] ? band.given[i] : null));
  const pair = (low, high, name, look) => (low?.some((value) => value !== null) ? [{ name, x: time, low: closed(low), high: closed(high), ...look }] : []);
  const points = (values, pick) => {
    const indexes = time.map((_, i) => i).filter(pick);
    return { x: indexes.map((i) => time[i]), y: indexes.map((i) => values[i]) };
  };
  return [
    ...pair(band.low, band.high, band.low50 ? "80 % of the draws" : "all draws", WIDE),
    ...pair(band.low50, band.high50, "50 %", NARROW),
    { x: time, y: closed(band.median), name: "median path", colour: hue(1), dash: DASHED, width: 1.5, quiet: true },
    { ...points(band.median, (i) => filled[i]), name: "filled, median", ...FILLED },
    { ...points(band.given, (i) => band.given[i] !== null), name: "given", ...GIVEN },
    ...(truth ? [{ ...points(truth, (i) => truth[i] !== null && truth[i] !== undefined), name: "hidden truth", ...truthMark() }] : []),
  ];
}

/**
 * A section with the shares of the levels that were drawn, {column: {time, given, shares: {level: [share]}}}; null where
 * none was.
 */
export function levels(bands, clock) {
  const rows = Object.entries(bands).flatMap(([name, { time, given, shares }]) =>
    onAxis(clock ?? {}, time).flatMap((at, i) => {
      const drawn = Object.entries(shares).map(([level, list]) => [level, list[i]]).filter(([, share]) => share > 0);
      if (given[i] !== null || !drawn.length) return [];
      const words = drawn.sort(([, a], [, b]) => b - a).map(([level, share]) => `${level} ${Math.round(100 * share)} %`);
      return [[name, at, words.join(", ")]];
    }),
  );
  if (!rows.length) return null;
  return h("section", { class: "stack" }, h("h2", null, "Levels"), h("p", { class: "hint" }, "How often each level was drawn."), scrolling("Levels", tableOf({ columns: ["column", clock?.name ?? "time", "drawn"], rows })));
}

function table(band, truth, unit) {
  return { columns: [unit ?? "time", "given", "median", "10 %", "90 %", ...(truth ? ["hidden truth"] : [])], rows: band.time.map((t, i) => [t, band.given[i], band.median[i], band.low?.[i] ?? null, band.high?.[i] ?? null, ...(truth ? [truth[i] ?? null] : [])]) };
}
