// One patient in time: stays as bands, what lasts as bars, all else as marks; a line for each drug, test or code. Long stretches in
// which nothing is are cut out of the axis, and say how long they were. What stands under the pointer, or at the arrow keys, is said.
// What a model drew stands out, see drawn.js.

import { h, svg, clear, uid } from "../../lib/dom.js";
import { colour, hue, onTheme } from "../../lib/palette.js";
import { tableOf } from "../../lib/table.js";
import { clock, number } from "./clock.js";
import { border, dot, drawnOf, hatch, legend } from "./drawn.js";

const ROW = 18;
const BAND = 28;
const HEAD = 22;
const TOP = 6;
const AXIS = 40;
const NAME = 18; // above all, of what begins at a line
const LETTER = 6.6; // pixels of a letter, about
const LINES = 8; // of one table: its other labels share the last
const ORDER = ["band", "bar", "mark"];
const WORDS = { band: "stay", bar: "interval", mark: "event" };

/** An element of a patient as the server tells it. .stretch(reach) draws it so that `reach` of `breaks` fits, null for all of its own;
 *  title: whose it is. */
export function timeline(told, { title }) {
  const lanes = told.tables.map((table, i) => ({ ...table, colour: hue(i), lines: linesOf(table) })).filter(({ rows }) => rows.length).sort((a, b) => ORDER.indexOf(a.shape) - ORDER.indexOf(b.shape) || b.timed - a.timed);
  const made = (rows) => rows.filter((row) => row.made).length;
  const counts = lanes.map(({ table, rows, left }) => `${(rows.length + left).toLocaleString("en")} of ${table}${made(rows) ? ` (${made(rows).toLocaleString("en")} drawn)` : ""}`);
  const drawing = svg("svg", { role: "img", tabindex: "0", "aria-label": `${title} patient ${told.patient} in time: ${counts.join(", ") || "nothing happened"}. The arrow keys go through it.` });
  const said = h("p", { class: "said", role: "status" });
  const plot = h("div", null, drawing);
  const fact = ([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value, told.filled.includes(name) ? h("span", { class: "hint" }, " filled") : null));
  const more = h("div", { class: "scroll" });
  const details = h("details", { class: "more", ontoggle: () => details.open && clear(more, table(told)) }, h("summary", null, "All of it as a table"), more);
  const left = lanes.filter((lane) => lane.left).map((lane) => `${lane.left.toLocaleString("en")} of ${lane.table}`);
  const root = h("div", { class: "life" },
    h("dl", { class: "told" }, Object.entries({ patient: told.patient, ...told.facts }).map(fact)),
    legend(drawnOf(told)),
    lanes.length ? plot : h("p", { class: "hint" }, "Nothing is told of this patient in the other tables."),
    said, left.length ? h("p", { class: "hint" }, `Not shown: ${left.join(", ")}.`) : null, details);
  let reach = null;
  let width = 0;
  let items = []; // {x, y, wide, tall, text}, in the order of time
  let at = -1;
  const usual = "Point at something, or use the arrow keys, to read it.";
  const read = (i) => {
    at = i;
    for (const ring of drawing.querySelectorAll(".ring")) ring.remove();
    said.textContent = items[i]?.text ?? usual;
    if (!items[i]) return;
    const { x, y, wide, tall } = items[i];
    drawing.append(svg("rect", { class: "ring", x: x - 2, y: y - 2, width: wide + 4, height: tall + 4, rx: 3, fill: "none", stroke: colour("ink"), "stroke-width": 1.5 }));
  };
  const draw = () => {
    if (width === 0) return;
    items = paint(drawing, lanes, told, width, reach).sort((a, b) => a.from - b.from);
    read(-1);
  };
  drawing.addEventListener("pointermove", ({ clientX, clientY }) => {
    const { left: x0, top: y0 } = drawing.getBoundingClientRect();
    const near = nearest(items, clientX - x0, clientY - y0);
    if (near !== at) read(near);
  });
  drawing.addEventListener("pointerleave", () => read(-1));
  drawing.addEventListener("keydown", (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at < 0 ? items.length - 1 : at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") read(-1);
    if (to === undefined || !items.length) return;
    event.preventDefault();
    read(Math.min(items.length - 1, Math.max(0, to)));
  });
  new ResizeObserver(() => {
    if (width === plot.clientWidth) return;
    width = plot.clientWidth;
    draw();
  }).observe(plot);
  const unwatch = onTheme(() => (root.isConnected ? draw() : unwatch()));
  said.textContent = lanes.length ? usual : "";
  return Object.assign(root, {
    stretch(next) {
      reach = next;
      draw();
    },
  });
}

/** What of a table stands in one line: rows of one label, the commonest first; bands, as few lines as they need. */
function linesOf({ shape, rows }) {
  if (shape === "band") return beside(rows);
  const by = new Map();
  for (const row of rows) by.set(row.label, [...(by.get(row.label) ?? []), row]);
  const lines = [...by].map(([label, own]) => ({ label, rows: own })).sort((a, b) => b.rows.length - a.rows.length || (a.label < b.label ? -1 : 1));
  if (lines.length <= LINES) return lines;
  const others = lines.slice(LINES - 1);
  return [...lines.slice(0, LINES - 1), { label: `${others.length} others`, rows: others.flatMap((line) => line.rows) }];
}

/** Bands that overlap, in lines of their own. */
function beside(rows) {
  const lines = [];
  for (const row of rows) {
    const free = lines.find(({ until }) => until <= row.start);
    if (free) {
      free.rows.push(row);
      free.until = row.end ?? row.start;
    } else lines.push({ label: "", rows: [row], until: row.end ?? row.start });
  }
  return lines;
}

/** Draws all lanes; what can be pointed at. */
function paint(drawing, lanes, told, width, reach) {
  const gutter = width > 480 ? 124 : 92;
  const x = clock(told, gutter, width - 10, reach);
  const [ink, soft, line, raised] = ["ink", "soft", "line", "raised"].map(colour);
  const items = [];
  const shapes = [];
  const since = border(lanes, x);
  const stripes = new Map(since === null ? [] : lanes.map((lane) => [lane, uid("stripes")]));
  const words = (text, attrs) => svg("text", { fill: soft, "font-size": 12, ...attrs }, text);
  const short = (text, room) => (text.length * LETTER > room ? `${text.slice(0, Math.max(1, Math.floor(room / LETTER) - 1))}…` : text);
  const top = since === null ? TOP : TOP + NAME;
  let y = top;
  for (const lane of lanes) {
    const tall = lane.shape === "band" ? BAND : ROW;
    if (lane.shape !== "band") {
      shapes.push(svg("path", { d: `M0 ${y + 4}H${width}`, stroke: line }), words(lane.timed ? lane.table : short(lane.table, gutter - 8), { x: 0, y: y + HEAD - 5, fill: ink, "font-weight": 600 }), lane.timed ? null : words(short(`shown where ${lane.parent} begin`, width - gutter), { x: gutter, y: y + HEAD - 5 }));
      y += HEAD;
    } else shapes.push(words(short(lane.table, gutter - 8), { x: 0, y: y + 18, fill: ink, "font-weight": 600 }));
    for (const { label, rows } of lane.lines) {
      if (label) shapes.push(words(short(label, gutter - 8), { x: 0, y: y + 13 }));
      for (const row of rows) {
        if (row.start === null) continue;
        const [from, to] = [x.at(row.start), x.at(row.end ?? row.start)];
        const place = lane.shape === "mark" ? { x: from - 4, y: y + 5, wide: 8, tall: 8 } : { x: from, y: y + 3, wide: Math.max(3, to - from), tall: tall - 6 };
        shapes.push(lane.shape === "mark" ? mark(lane, row, from, y + 9, raised) : bar(lane, row, place, raised, stripes.get(lane)));
        if (lane.shape === "band" && row.label.length * LETTER < place.wide - 10) shapes.push(words(row.label, { x: from + 6, y: y + 18, fill: ink, ...(row.made ? { stroke: raised, "stroke-width": 4, "paint-order": "stroke" } : {}) }));
        if (row.filled.length) shapes.push(dot(place, lane.colour, lane.shape === "band" ? lane.colour : raised));
        items.push({ ...place, from: row.start, text: sentence(lane, row, told.unit) });
      }
      y += tall;
    }
    y += 6;
  }
  const inside = lanes.filter(({ shape }) => shape === "band").flatMap(({ rows }) => rows).filter(({ start }) => start !== null);
  drawing.setAttribute("width", width);
  drawing.setAttribute("height", y + AXIS);
  drawing.setAttribute("viewBox", `0 0 ${width} ${y + AXIS}`);
  drawing.setAttribute("font-family", getComputedStyle(document.body).fontFamily);
  clear(
    drawing,
    stripes.size ? svg("defs", null, [...stripes].map(([lane, id]) => hatch(id, lane.colour, raised))) : null,
    since === null ? null : [
      svg("rect", { x: since, y: TOP, width: Math.max(0, width - since), height: y - TOP, fill: colour("accent"), "fill-opacity": 0.09 }),
      svg("path", { d: `M${since} ${TOP}V${y}`, stroke: colour("accent"), "stroke-width": 1.5 }),
      words("drawn by the model", { x: width - since > 130 ? since + 6 : since - 6, y: TOP + 12, "text-anchor": width - since > 130 ? "start" : "end", fill: colour("accent") }),
    ],
    inside.map(({ start, end }) => svg("rect", { x: x.at(start), y: top, width: Math.max(2, x.at(end ?? start) - x.at(start)), height: y - top, fill: ink, "fill-opacity": 0.05 })),
    x.gaps.map(({ x1, x2, long }) => [
      svg("path", { d: `M${x1 + 3} ${top}V${y}M${x2 - 3} ${top}V${y}`, stroke: soft, "stroke-dasharray": "2 4" }),
      x2 - x1 > LETTER * long.length ? words(long, { x: (x1 + x2) / 2, y: y + 32, "text-anchor": "middle", "font-size": 11 }) : null,
    ]),
    x.pieces.map(({ x1, x2 }) => svg("path", { d: `M${x1} ${y}H${x2}`, stroke: soft })),
    x.ticks.map(({ x: place, text }) => [svg("path", { d: `M${place} ${y}v4`, stroke: soft }), words(text, { x: place, y: y + 16, "text-anchor": "middle", "font-size": 11 })]),
    words(told.unit === "day" ? "day" : "time", { x: 0, y: y + 16 }),
    shapes,
  );
  return items;
}

function bar({ colour: fill, shape }, { end, made }, { x, y, wide, tall }, paper, stripes) {
  const open = end === null;
  if (made) return svg("rect", { x, y, width: open ? Math.max(wide, 10) : wide, height: tall, rx: shape === "band" ? 3 : 2, fill: `url(#${stripes})`, stroke: fill, "stroke-width": 1.5, "stroke-dasharray": open ? "3 2" : null });
  return svg("rect", { x, y, width: open ? Math.max(wide, 10) : wide, height: tall, rx: shape === "band" ? 3 : 2, fill: open ? paper : fill, "fill-opacity": shape === "band" ? 0.25 : 0.85, stroke: fill, "stroke-width": shape === "band" ? 1.5 : 1, "stroke-dasharray": open ? "3 2" : null });
}

/** A circle at its own time; a diamond where the time is that of the row above. */
function mark({ colour: fill, timed }, { made }, x, y, paper) {
  const how = made ? { fill: paper, stroke: fill, "stroke-width": 1.75 } : { fill, "fill-opacity": 0.85 };
  return svg("path", { d: timed ? "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z" : "M0 -5L5 0L0 5L-5 0Z", transform: `translate(${x.toFixed(1)} ${y})`, ...how });
}

function sentence({ table: of, shape, timed, ends }, { start, end, label, cells, made, filled }, unit) {
  const name = unit === "day" ? "Day " : "At ";
  const also = (column) => (filled.includes(column) ? " (filled)" : "");
  const when = `${name}${number(start)}${end !== null && end !== start ? ` to ${number(end)}${also(ends)}` : shape !== "mark" && end === null ? ", no end known" : ""}`;
  const rest = Object.entries(cells).filter(([, value]) => value !== label).map(([column, value]) => `${column} ${value}${also(column)}`);
  const called = label && `${label}${also(Object.keys(cells).find((column) => cells[column] === label))}`;
  return `${made ? "Drawn by the model. " : ""}${timed ? when : `With what began on ${when.toLowerCase()}`}: ${[[of, called].filter(Boolean).join(", "), rest.join(", ")].filter(Boolean).join("; ")}.`;
}

function nearest(items, px, py) {
  let [best, least] = [-1, 14];
  items.forEach(({ x, y, wide, tall }, i) => {
    const far = Math.hypot(Math.max(x - px, 0, px - x - wide), Math.max(y - py, 0, py - y - tall));
    if (far < least) [best, least] = [i, far];
  });
  return best;
}

function table({ tables, unit }) {
  const day = unit === "day" ? "day" : "time";
  const given = !Object.values(drawnOf({ tables, filled: [] })).some(Boolean);
  const drawn = ({ made, filled }) => (given ? [] : [made ? "all of it" : filled.join(", ")]);
  const rows = tables.flatMap(({ table: of, shape, rows: own }) => own.map((row) => [row.start, row.end, of, WORDS[shape], Object.entries(row.cells).map(([name, value]) => `${name}: ${value}`).join("; "), ...drawn(row)]));
  return tableOf({ columns: [`from ${day}`, `to ${day}`, "table", "what it is", "what it says", ...(given ? [] : ["drawn by the model"])], rows: rows.sort((a, b) => (a[0] ?? -1) - (b[0] ?? -1)) });
}
