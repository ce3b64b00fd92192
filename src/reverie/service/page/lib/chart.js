// Charts as SVG: lines, marks, bands and bars over one pair of axes. The numbers under the pointer, or at the arrow keys, are
// read out beside it, and all of them stand in a table below. Colours are written into the drawing, so that it can be saved.

import { h, svg, clear } from "./dom.js";
import { savePicture } from "./download.js";
import { colour, hue, dash, onTheme } from "./palette.js";
import { WIDE, reach, scale, skewed } from "./scales.js";
import { tableOf } from "./table.js";

const LETTER = 6.6; // pixels of a letter of a tick, about
const SYMBOLS = {
  circle: (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
  square: (r) => `M${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}Z`,
  diamond: (r) => `M0 ${-1.3 * r}L${1.3 * r} 0L0 ${1.3 * r}L${-1.3 * r} 0Z`,
  triangle: (r) => `M0 ${-1.2 * r}L${1.2 * r} ${r}H${-1.2 * r}Z`,
  plus: (r) => `M${-r / 3} ${-r}h${(2 * r) / 3}v${(2 * r) / 3}h${(2 * r) / 3}v${(2 * r) / 3}h${(-2 * r) / 3}v${(2 * r) / 3}h${(-2 * r) / 3}v${(-2 * r) / 3}h${(-2 * r) / 3}v${(-2 * r) / 3}h${(2 * r) / 3}Z`,
  cross: (r) => `M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}`,
};

/**
 * A chart as an element. series: each {name, x, y} and, as it needs them,
 *   colour, dash, width, opacity    those of its place among the others if left out
 *   line: false                     marks alone; symbol: of SYMBOLS, with its size: a mark at each point
 *   step, fill                      a line of steps around its points; its area down to 0 filled
 *   low, high                       a band instead of y, broken where they are null
 *   bars, hollow                    bars side by side over the categories of the x-axis; drawn by their edges alone
 *   said                            texts to read out instead of y; quiet: nothing is read out; legend: false, not named
 * look: {x, y, legend}, each axis as of `scale`, with its title; y: {log: "auto"} is logarithmic where the numbers want it, and the
 * reader can switch. label: what a screen reader says; table: {columns, rows}, or a
 * function that gives it, else made of the series, or false where the view has one; onPoint(x): what is pointed at.
 * .update(series, look) draws it again; .rule(x) marks a place; .describe(label); .save(name) saves it as PNG.
 */
export function chart(series, look, { label, height = 320, table = null, onPoint = null }) {
  const legend = h("ul", { class: "legend" });
  const drawing = svg("svg", { role: "img", "aria-label": label, tabindex: "0", height });
  const readout = h("div", { class: "readout", hidden: true });
  const said = h("p", { class: "unseen", role: "status" });
  const switched = h("button", { type: "button", class: "axis", hidden: true, onclick: () => turn() }, "Logarithmic axis");
  const plot = h("div", { class: "plot" }, legend, switched, drawing, readout, said);
  const numbers = h("div", { class: "scroll" });
  const details = h("details", { class: "more", ontoggle: () => fillTable() }, h("summary", null, "The numbers as a table"), numbers);
  const root = h("figure", { class: "chart" }, plot, table === false ? null : details);
  let width = 0;
  let drawn = null; // {x, stops, rule}: what pointing needs
  let marked = null; // where the view has its mark
  let ruled = null; // where it stands now
  let at = -1; // which of the stops is read out
  const off = new Set(); // names that were switched off in the legend
  let wanted = null; // whether the reader wants a logarithmic axis, once there was a word on it
  const visible = () => plot.data.filter((each) => !off.has(each.name));
  const heights = () => plot.data.flatMap((each) => [...(each.y ?? []), ...(each.low ?? []), ...(each.high ?? [])]).filter((value) => value !== null);
  const axes = () => (plot.look.y.log === "auto" ? { ...plot.look, y: { ...plot.look.y, log: reach(heights()) >= WIDE && (wanted ?? skewed(heights())) } } : plot.look);
  const turn = () => {
    wanted = !axes().y.log;
    draw();
  };

  const fillTable = () => {
    if (details.open) clear(numbers, tableOf(typeof table === "function" ? table() : (table ?? fromSeries(plot.data, plot.look))));
  };
  const draw = () => {
    if (width === 0) return;
    const look = axes();
    switched.hidden = plot.look.y.log !== "auto" || reach(heights()) < WIDE;
    switched.setAttribute("aria-pressed", String(look.y.log === true));
    drawn = paint(drawing, visible(), look, width, height);
    const named = plot.look.legend === false ? [] : plot.data.filter((each) => each.legend !== false);
    clear(legend, named.map((each) => h("li", null, h("button", { type: "button", "aria-pressed": String(!off.has(each.name)), title: "Show or hide", onclick: () => toggle(each.name) }, sample(each), each.name))));
    legend.hidden = named.length < 2 && plot.look.legend !== true;
    rule(ruled);
  };
  const toggle = (name) => {
    const i = [...legend.querySelectorAll("button")].indexOf(document.activeElement);
    if (!off.delete(name) && visible().some((each) => each.name !== name)) off.add(name);
    draw();
    legend.querySelectorAll("button")[i]?.focus();
  };
  const rule = (x) => {
    ruled = x;
    const place = x === null || !drawn ? Number.NaN : drawn.x.at(x);
    drawn?.rule.setAttribute("visibility", Number.isFinite(place) ? "visible" : "hidden");
    if (Number.isFinite(place)) drawn.rule.setAttribute("d", `M${place} ${drawn.top}V${drawn.bottom}`);
  };
  const read = (i, aloud = false) => {
    if (!drawn?.stops.length) return;
    at = Math.min(drawn.stops.length - 1, Math.max(0, i));
    const x = drawn.stops[at];
    const lines = visible().filter((each) => !each.quiet && !each.low).flatMap((each) => each.x.flatMap((own, j) => (own === x && each.y[j] !== null ? [[each, each.said?.[j] ?? drawn.y.say(each.y[j])]] : [])));
    clear(readout, h("p", { class: "hint" }, `${plot.look.x.title ?? "x"} ${drawn.x.say(x)}`), lines.map(([each, text]) => h("p", null, sample(each), h("span", { class: "soft" }, `${each.name} `), text)));
    readout.hidden = false;
    const place = drawn.x.at(x);
    readout.style.left = `${Math.max(0, place > width / 2 ? place - readout.offsetWidth - 12 : Math.min(place + 12, width - readout.offsetWidth))}px`;
    readout.style.top = `${legend.offsetHeight + drawn.top}px`;
    if (aloud) said.textContent = [drawn.x.say(x), ...lines.map(([each, text]) => `${each.name}: ${text}`)].join("; ");
    rule(x);
    onPoint?.(x);
  };
  const leave = () => {
    readout.hidden = true;
    rule(marked);
  };
  drawing.addEventListener("pointermove", ({ clientX }) => drawn && read(nearest(drawn, clientX - drawing.getBoundingClientRect().left)));
  drawing.addEventListener("pointerdown", ({ clientX }) => drawn && read(nearest(drawn, clientX - drawing.getBoundingClientRect().left)));
  drawing.addEventListener("pointerleave", leave);
  drawing.addEventListener("blur", leave);
  drawing.addEventListener("keydown", (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at < 0 ? Infinity : at - 1, Home: 0, End: Infinity }[event.key];
    if (event.key === "Escape") leave();
    if (to === undefined || !drawn) return;
    event.preventDefault();
    read(to, true);
  });
  new ResizeObserver(() => {
    if (width === plot.clientWidth) return;
    width = plot.clientWidth;
    draw();
  }).observe(plot);
  const unwatch = onTheme(() => (root.isConnected ? draw() : unwatch()));

  return Object.assign(root, {
    plot,
    rule: (x) => rule((marked = x)),
    describe: (words) => drawing.setAttribute("aria-label", words),
    update(next, nextLook = plot.look) {
      place(next, nextLook);
      fillTable();
      draw();
    },
    save: async (name) => savePicture(name, await picture(drawing, width, height)),
  }, place(series, look));

  function place(next, nextLook) {
    plot.data = next.map((each, i) => ({ colour: hue(i), dash: dash(i), ...each }));
    plot.look = nextLook;
  }
}

/** A short piece of a line or a mark, as a legend has it. */
export function sample({ colour: stroke = "currentColor", dash: pattern = [], symbol = null, line = true, low = null, bars = false, hollow = false, opacity = 1 }) {
  const shape = low || bars ? svg("rect", { x: 2, y: 2, width: 20, height: 8, fill: hollow ? "none" : stroke, stroke: bars ? stroke : "none", "stroke-width": 2, "fill-opacity": opacity }) : line ? svg("path", { d: "M0 6H24", stroke, "stroke-width": 2.5, "stroke-dasharray": pattern.join(" ") }) : null;
  return svg("svg", { class: "sample", width: 24, height: 12, "aria-hidden": "true" }, shape, symbol && mark({ symbol, colour: stroke, size: 4 }, 12, 6));
}

// --- drawing ----------------------------------------------------------------------------------------------------------------

/** Draws all of it; what pointing needs. */
function paint(drawing, series, look, width, height) {
  const [soft, line] = ["soft", "line"].map(colour);
  const values = series.flatMap((each) => [...(each.y ?? []), ...(each.low ?? []), ...(each.high ?? [])]).filter((value) => value !== null);
  const [top, bottom] = [8, height - (look.x.title ? 42 : 24)];
  const y = scale({ pad: 0.04, ...look.y }, values, bottom, top, 40);
  const left = Math.ceil(Math.max(...y.ticks.map(({ text }) => text.length), 1) * LETTER) + (look.y.title ? 30 : 14);
  const right = width - 18;
  const x = scale({ pad: series.some(({ symbol }) => symbol) ? 0.03 : 0, ...look.x }, series.flatMap((each) => each.x), left, right, 56);
  const text = (words, attrs) => svg("text", { fill: soft, "font-size": 12, ...attrs }, words);
  const fits = Math.max(3, Math.floor((x.width ?? 56) / LETTER)); // long names of categories are cut, and told in full by the readout
  const short = (words) => (words.length > fits ? `${words.slice(0, fits - 1)}…` : words);
  const told = []; // [from, to] of the words below the axis
  const below = (place, words) => {
    const half = (words.length * LETTER) / 2;
    if (!x.width && told.some(([from, to]) => place - half < to + LETTER && place + half > from - LETTER)) return null; // on a narrow screen not every line has its number
    told.push([place - half, place + half]);
    return text(words, { x: place, y: bottom + 16, "text-anchor": "middle" });
  };
  const rule = svg("path", { stroke: soft, visibility: "hidden" });
  drawing.setAttribute("width", width);
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  drawing.setAttribute("font-family", getComputedStyle(document.body).fontFamily);
  clear(
    drawing,
    y.ticks.map(({ value, text: words }) => [svg("path", { d: `M${left} ${y.at(value)}H${right}`, stroke: line }), text(words, { x: left - 6, y: y.at(value) + 4, "text-anchor": "end" })]),
    x.ticks.map(({ value, text: words }) => [x.width ? null : svg("path", { d: `M${x.at(value)} ${top}V${bottom}`, stroke: line }), below(x.at(value), short(words))]),
    svg("path", { d: `M${left} ${bottom}H${right}`, stroke: soft }),
    look.x.title ? text(look.x.title, { class: "xtitle", x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }) : null,
    look.y.title ? text(look.y.title, { x: 12, y: (top + bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(top + bottom) / 2})` }) : null,
    svg("g", { class: "series" }, series.map((each, i) => shapes(each, x, y, bottom, series.filter(({ bars }) => bars).length, i))),
    rule,
  );
  const stops = [...new Set(series.filter((each) => !each.quiet && !each.low).flatMap((each) => each.x.filter((own) => x.width || Number.isFinite(x.at(own)))))];
  if (!x.width) stops.sort((a, b) => a - b);
  return { x, y, top, bottom, stops, rule };
}

/** The shapes of one series. */
function shapes(each, x, y, bottom, many, i) {
  const { colour: stroke, dash: pattern, width = 2, opacity = 1 } = each;
  if (each.low) return stretches(each).map(([from, to]) => svg("path", { d: `M${[...line(each.x, each.high, from, to), ...line(each.x, each.low, from, to).reverse()].join("L")}Z`, fill: stroke, "fill-opacity": opacity }));
  if (each.bars) {
    const wide = (0.8 * x.width) / many;
    return each.x.map((name, j) => svg("rect", { x: x.at(name) - 0.4 * x.width + i * wide, y: y.at(each.y[j]), width: Math.max(1, wide - 1), height: Math.max(0, bottom - y.at(each.y[j])), fill: each.hollow ? "none" : stroke, stroke, "stroke-width": 2 }));
  }
  const found = each.line === false ? [] : [svg("path", { d: path(each), fill: "none", stroke, "stroke-width": width, "stroke-dasharray": pattern.join(" "), "stroke-opacity": opacity, "stroke-linejoin": "round" })];
  if (each.fill) found.unshift(svg("path", { d: `${path(each)}V${bottom}H${path(each).slice(1).split(" ", 1)}Z`, fill: stroke, "fill-opacity": 0.13 }));
  if (each.symbol) each.y.forEach((value, j) => value !== null && Number.isFinite(y.at(value)) && found.push(mark(each, x.at(each.x[j]), y.at(value))));
  return found;

  function line(xs, ys, from, to) {
    return xs.slice(from, to).map((value, j) => `${x.at(value).toFixed(1)} ${y.at(ys[from + j]).toFixed(1)}`);
  }
  function path({ x: xs, y: ys, step }) {
    let d = "";
    let pen = "M";
    xs.forEach((value, j) => {
      const [px, py] = [x.at(value), ys[j] === null ? Number.NaN : y.at(ys[j])];
      const half = step && j > 0 ? (px - x.at(xs[j - 1])) / 2 : step ? (x.at(xs[1] ?? value) - px) / 2 : 0;
      if (!Number.isFinite(py)) pen = "M";
      else {
        d += step ? `${pen}${(px - half).toFixed(1)} ${py.toFixed(1)}H${(px + half).toFixed(1)}` : `${pen}${px.toFixed(1)} ${py.toFixed(1)}`;
        pen = "L";
      }
    });
    return d;
  }
}

function mark({ symbol, size = 4, colour: fill, opacity = 1 }, px, py) {
  const open = symbol === "cross";
  return svg("path", { d: SYMBOLS[symbol](size), transform: `translate(${px.toFixed(1)} ${py.toFixed(1)})`, fill: open ? "none" : fill, stroke: fill, "stroke-width": open ? 2 : 0, "fill-opacity": opacity });
}

/** [from, to) of each run of a band without a gap. */
function stretches({ low }) {
  const found = [];
  low.forEach((value, i) => {
    if (value === null) return;
    if (i > 0 && low[i - 1] !== null) found.at(-1)[1] = i + 1;
    else found.push([i, i + 1]);
  });
  return found;
}

function nearest({ x, stops }, px) {
  let best = 0;
  stops.forEach((stop, i) => {
    if (Math.abs(x.at(stop) - px) < Math.abs(x.at(stops[best]) - px)) best = i;
  });
  return best;
}

/** The drawing as a canvas, on paper of the theme, at twice its size on the screen. */
async function picture(drawing, width, height) {
  const image = new Image();
  const copy = drawing.cloneNode(true);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(copy.outerHTML)}`;
  await image.decode();
  const canvas = h("canvas", { width: 2 * width, height: 2 * height });
  const context = canvas.getContext("2d");
  context.fillStyle = colour("paper");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function fromSeries(series, look) {
  const shown = series.filter((each) => each.y && each.legend !== false);
  const xs = [...new Set(shown.flatMap((each) => each.x))];
  if (!look.x.categories) xs.sort((a, b) => a - b);
  const lookups = shown.map((each) => new Map(each.x.map((x, i) => [x, each.y[i]])));
  return { columns: [look.x.title ?? "x", ...shown.map(({ name }) => name)], rows: xs.map((x) => [x, ...lookups.map((found) => found.get(x) ?? null)]) };
}

