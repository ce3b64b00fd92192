// Charts by plotly, which is fetched from this server when the first chart is drawn. Themed, and with their numbers as a table.

import { h, clear } from "./dom.js";
import { DASHES, colour, hue, onTheme } from "./palette.js";

const SCRIPT = "/static/plotly.min.js";
const ROWS = 200; // a table longer than this helps nobody: it is thinned evenly, and says so

let loading = null;

/** window.Plotly, once it is there. */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = h("script", { src: SCRIPT });
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => {
      loading = null;
      script.remove();
      reject(new Error("The chart library did not arrive from the server: reload the page."));
    });
    document.head.append(script);
  });
  return loading;
}

/**
 * Draws traces (plotly's) into the element. Colours and dashes are given by position unless a trace has its own.
 * label: what a screen reader says; table: {columns, rows} or a function that gives it, else made from the traces, or false
 * where the view has the numbers in a table of its own; height in pixels.
 * Resolves to {update(traces, layout), destroy(), plot}.
 */
export async function chart(element, traces, layout = {}, { label = "Chart", table = null, height = 360, menu = false } = {}) {
  const plot = h("div", { class: "plot", role: "img", "aria-label": label, style: { height: `${height}px` } });
  const numbers = h("div", { class: "scroll" });
  const details = h("details", { class: "more" }, h("summary", null, "The numbers as a table"), numbers);
  clear(element, h("figure", { class: "chart" }, plot, table === false ? null : details));
  const state = { traces, layout, alive: true };
  const fillTable = () => {
    if (details.open) clear(numbers, tableOf(typeof table === "function" ? table() : (table ?? fromTraces(state.traces, state.layout))));
  };
  details.addEventListener("toggle", fillTable);
  const Plotly = await plotly();
  // One drawing at a time, and none is taken away while it is being drawn: plotly draws in several turns.
  let drawing = Promise.resolve();
  const inTurn = (act) => {
    const next = drawing.then(() => state.alive && act());
    drawing = next.catch(() => {}); // what went wrong is told to who asked, and not to the next one
    return next;
  };
  const draw = () => inTurn(() => Plotly.react(plot, styled(state.traces), themed(state.layout), { displaylogo: false, displayModeBar: menu, responsive: false }));
  await draw();
  const unwatch = onTheme(draw);
  const size = new ResizeObserver(() => inTurn(() => plot.clientWidth > 0 && Plotly.Plots.resize(plot)));
  size.observe(plot);
  return {
    plot,
    update(next, nextLayout = state.layout) {
      state.traces = next;
      state.layout = nextLayout;
      fillTable();
      return draw();
    },
    destroy() {
      state.alive = false;
      unwatch();
      size.disconnect();
      drawing.then(() => Plotly.purge(plot));
    },
  };
}

/** A table for people: a header row, and right-aligned numbers. */
export function tableOf({ columns, rows, caption = null }) {
  const every = Math.ceil(rows.length / ROWS);
  const shown = every > 1 ? rows.filter((_, i) => i % every === 0 || i === rows.length - 1) : rows;
  const note = every > 1 ? `Each ${every}th of ${rows.length.toLocaleString("en")} rows.` : null;
  const isNumber = columns.map((_, j) => rows.every((row) => row[j] === null || row[j] === undefined || typeof row[j] === "number"));
  const cell = (value, j) => h("td", { class: isNumber[j] ? "number" : null }, value === null || value === undefined ? "–" : typeof value === "number" ? figure(value) : value);
  return h(
    "table",
    null,
    caption || note ? h("caption", null, [caption, note].filter(Boolean).join(" ")) : null,
    h("thead", null, h("tr", null, columns.map((name, j) => h("th", { scope: "col", class: isNumber[j] ? "number" : null }, name)))),
    h("tbody", null, shown.map((row) => h("tr", null, row.map(cell)))),
  );
}

/** A number to six significant digits. */
export function figure(value) {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-4 ? value.toExponential(4) : String(Number(value.toPrecision(6)));
}

function fromTraces(traces, layout) {
  const first = layout.xaxis?.title?.text ?? "x";
  const shown = traces.filter((trace) => trace.x && trace.y && trace.showlegend !== false);
  const xs = [...new Set(shown.flatMap((trace) => Array.from(trace.x)))];
  if (xs.every((x) => typeof x === "number")) xs.sort((a, b) => a - b);
  const lookups = shown.map((trace) => new Map(Array.from(trace.x, (x, i) => [x, trace.y[i]])));
  return { columns: [first, ...shown.map((trace) => trace.name ?? "y")], rows: xs.map((x) => [x, ...lookups.map((found) => found.get(x) ?? null)]) };
}

function styled(traces) {
  return traces.map((trace, i) => {
    if ((trace.type ?? "scatter") !== "scatter") return trace;
    const line = { width: 2, color: hue(i), dash: DASHES[i % DASHES.length], ...trace.line };
    return { mode: "lines", ...trace, line, marker: { color: line.color, ...trace.marker } };
  });
}

function themed(layout) {
  const [ink, soft, line, raised] = ["ink", "soft", "line", "raised"].map(colour);
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: soft, tickcolor: soft, tickfont: { color: soft, size: 12 }, automargin: true };
  const axes = {};
  for (const name of new Set(["xaxis", "yaxis", ...Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))])) {
    axes[name] = { ...axis, ...layout[name] };
  }
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 56, r: 16, t: layout.title ? 40 : 16, b: 48 },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { color: ink } },
    hoverlabel: { bgcolor: raised, bordercolor: line, font: { color: ink } },
    ...layout,
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink, ...layout.font },
    ...axes,
  };
}
