// What was given as points, what was filled in as a median inside bands of 50 % and 80 %, a chart for each column.

import { h } from "../../lib/dom.js";
import { chart, tableOf } from "../../lib/chart.js";
import { hue, palette } from "../../lib/palette.js";
import { onAxis } from "./columns.js";

/**
 * Charts of one patient. bands: {column: {time, given, median, low, high, low50, high50}}, given null at what was
 * drawn; truth: {column: [value or null at each time]}, what was hidden before; clock: the column of time.
 */
export function charts({ bands, truth = {}, clock }) {
  const unit = clock?.name;
  const places = h("div", { class: "plots" });
  const root = h("section", { class: "stack" }, legend(Object.values(bands), Object.keys(truth).length > 0), places);
  const made = Object.entries(bands).map(([name, band]) => {
    const place = h("div");
    places.append(h("section", null, h("h3", null, name), place));
    return chart(place, traces({ ...band, time: onAxis(clock ?? {}, band.time) }, truth[name]), layout(unit), { label: `${name} over time: given values, and the filled ones with bands of 50 % and 80 %.`, height: 260, table: () => table(band, truth[name], unit) });
  });
  return { root, ready: Promise.all(made), destroy: async () => (await Promise.all(made)).forEach((each) => each.destroy()) };
}

/** What the marks mean, once for all charts. */
function legend(bands, withTruth) {
  const inner = bands.some(({ low50 }) => low50);
  const entry = (kind, words) => h("li", null, h("span", { class: `mark ${kind}`, "aria-hidden": "true" }), words);
  return h(
    "ul",
    { class: "legend" },
    entry("given", "given"),
    entry("filled", "filled, median of the draws"),
    inner ? entry("inner", "50 % of the draws") : null,
    entry("outer", inner ? "80 %" : "all draws"),
    withTruth ? entry("truth", "what was hidden") : null,
  );
}

function traces(band, truth) {
  const { time } = band;
  const filled = band.median.map((value, i) => value !== null && band.given[i] === null);
  const colour = hue(1);
  // A band closes at the given neighbours of a hole, so that the eye sees what it hangs from.
  const closed = (values) => time.map((_, i) => (filled[i] ? (values[i] ?? null) : filled[i - 1] || filled[i + 1] ? band.given[i] : null));
  const found = [];
  const pair = (low, high, label, opacity) => {
    if (!low?.some((value) => value !== null)) return;
    const edge = { x: time, mode: "lines", line: { width: 0, color: colour, shape: "linear" }, hoverinfo: "skip", connectgaps: false };
    for (const [from, to] of stretches(closed(low))) {
      const cut = (values) => closed(values).slice(from, to);
      found.push({ ...edge, x: [...time.slice(from, to), ...time.slice(from, to).reverse()], y: [...cut(high), ...cut(low).reverse()], fill: "toself", fillcolor: `rgba(213, 94, 0, ${opacity})`, name: label });
    }
  };
  pair(band.low, band.high, band.low50 ? "80 % of the draws" : "all draws", 0.18);
  pair(band.low50, band.high50, "50 %", 0.28);
  const some = (pick) => time.map((_, i) => (pick(i) ? i : -1)).filter((i) => i >= 0);
  const points = (indexes, values) => ({ x: indexes.map((i) => time[i]), y: indexes.map((i) => values[i]), mode: "markers" });
  found.push({ x: time, y: closed(band.median), name: "median path", mode: "lines", line: { color: colour, dash: "dash", width: 1.5 }, hoverinfo: "skip", connectgaps: false });
  found.push({ ...points(some((i) => filled[i]), band.median), name: "filled, median", marker: { color: colour, symbol: "diamond", size: 8 } });
  found.push({ ...points(some((i) => band.given[i] !== null), band.given), name: "given", marker: { color: hue(0), size: 8 } });
  if (truth) found.push({ ...points(some((i) => truth[i] !== null && truth[i] !== undefined), truth), name: "hidden truth", marker: { color: palette()[6], symbol: "x-thin-open", size: 10, line: { width: 2 } } });
  return found;
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
  return h("section", { class: "stack" }, h("h2", null, "Levels"), h("p", { class: "hint" }, "How often each level was drawn."), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Levels" }, tableOf({ columns: ["column", clock?.name ?? "time", "drawn"], rows })));
}

/** [from, to) of each run without a gap. */
function stretches(values) {
  const found = [];
  values.forEach((value, i) => {
    if (value === null) return;
    if (i > 0 && values[i - 1] !== null && found.length) found.at(-1)[1] = i + 1;
    else found.push([i, i + 1]);
  });
  return found;
}

function layout(unit) {
  return { xaxis: { title: { text: unit ?? "time" }, automargin: false }, yaxis: { automargin: false }, showlegend: false, margin: { l: 56, r: 8, t: 8, b: 44 } };
}

function table(band, truth, unit) {
  return { columns: [unit ?? "time", "given", "median", "10 %", "90 %", ...(truth ? ["hidden truth"] : [])], rows: band.time.map((t, i) => [t, band.given[i], band.median[i], band.low?.[i] ?? null, band.high?.[i] ?? null, ...(truth ? [truth[i] ?? null] : [])]) };
}
