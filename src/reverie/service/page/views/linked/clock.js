// The axis of a patient's time: where much happens it is as wide as it lasts, and long stretches of nothing are cut out.

import { scale } from "../../lib/scales.js";

const GAP = 44; // pixels of a stretch that is cut out
const LEAST = 14; // of a piece that has no length
const FEW = 0.25; // a stretch of nothing is long from this share of all that something is in
const TICK = 52;

/** {span, pieces}: how long all pieces of a patient last together, and how many there are. */
export function breaks(told) {
  const pieces = piecesOf(told);
  return { span: pieces.reduce((sum, [from, to]) => sum + to - from, 0), pieces: pieces.length };
}

/** From times to pixels between left and right: {at(time), pieces, gaps, ticks}; reach: what else has to fit, of `breaks`. */
export function clock(told, left, right, reach = null) {
  const pieces = piecesOf(told);
  const own = breaks(told);
  const most = { span: Math.max(own.span, reach?.span ?? 0), pieces: Math.max(own.pieces, reach?.pieces ?? 0) };
  const gap = Math.min(GAP, (0.35 * (right - left)) / Math.max(1, most.pieces - 1));
  const room = right - left - gap * (most.pieces - 1) - LEAST * most.pieces;
  const rate = most.span > 0 ? Math.max(0, room) / most.span : 0;
  let x = left;
  const placed = pieces.map(([from, to]) => {
    const piece = { from, to, x1: x, x2: x + LEAST + (to - from) * rate };
    x = piece.x2 + gap;
    return piece;
  });
  const at = (time) => {
    const { from, to, x1, x2 } = placed.find((piece) => time <= piece.to) ?? placed.at(-1) ?? { from: 0, to: 0, x1: left, x2: left };
    const pad = LEAST / 2;
    return x1 + pad + (to > from ? ((time - from) / (to - from)) * (x2 - x1 - 2 * pad) : 0);
  };
  const gaps = placed.slice(1).map((piece, i) => ({ x1: placed[i].x2, x2: piece.x1, long: length(piece.from - placed[i].to, told.unit) }));
  return { at, pieces: placed, gaps, ticks: ticksOf(placed, at) };
}

/** How long a stretch is, in a few letters. */
function length(time, unit) {
  return `${Number(time.toPrecision(time < 10 ? 2 : 3)).toLocaleString("en")}${unit === "day" ? " d" : ""}`;
}

/** A time to two digits after the point. */
export function number(value) {
  return Number(value.toFixed(2)).toLocaleString("en");
}

/** [from, to] of each stretch in which something is. */
function piecesOf({ tables }) {
  const all = tables.flatMap(({ rows }) => rows.filter(({ start }) => start !== null).map(({ start, end }) => [start, Math.max(start, end ?? start)])).sort((a, b) => a[0] - b[0]);
  const joined = (least) => {
    const found = [];
    for (const [from, to] of all) {
      if (found.length && from - found.at(-1)[1] <= least) found.at(-1)[1] = Math.max(found.at(-1)[1], to);
      else found.push([from, to]);
    }
    return found;
  };
  const filled = joined(0).reduce((sum, [from, to]) => sum + to - from, 0);
  return joined(filled > 0 ? FEW * filled : Infinity); // of instants alone nothing is cut out
}

/** Round times, as many as have room, and where each piece begins. */
function ticksOf(placed, at) {
  const found = [];
  let free = -Infinity;
  for (const { from, to, x1, x2 } of placed) {
    const round = scale({}, [from, to], x1, x2, TICK).ticks.map(({ value }) => value).filter((value) => value >= from && value <= to);
    for (const value of new Set([from, ...round])) {
      const place = at(value);
      const text = number(value === from ? Math.round(value * 10) / 10 : value);
      const half = 3.2 * text.length;
      if (place - half < free) continue;
      found.push({ x: place, text });
      free = place + half + 6;
    }
  }
  return found;
}
