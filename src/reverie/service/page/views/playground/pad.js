// The pad to draw on: points, or a density in cells; by the pointer, or by the arrow keys and the space bar.

import { h } from "../../lib/dom.js";
import { FRAME, SIDE, TOP, placed } from "./code.js";
import { dots, plane, worded } from "./plane.js";

export const MOST = 1000; // points that the server takes
const APART = 0.09; // between two points of one stroke
const CELL = (2 * FRAME) / SIDE;
const RADIUS = 1.6; // of the brush, in cells

/**
 * The pad as an element. drawing: {points} or {cells}; onChange(drawing) after each stroke. .show(drawing) shows another one,
 * .replace(drawing) draws it, so that it can be taken back; .undo(), .destroy().
 */
export function pad({ drawing, onChange }) {
  let now = drawing;
  let past = [];
  let last = null; // where the stroke was
  const said = h("p", { class: "unseen", role: "status" });
  const square = plane({ class: "pad", role: "application", "aria-label": "Drawing: arrow keys move, space draws, backspace takes back. Shift with an arrow goes further." }, paint, {
    onMove: (place) => (said.textContent = worded(place)),
    onPlace(place) {
      begin();
      mark(place);
      said.textContent = now.points ? `A point at ${worded(place)}: ${now.points.length} in all.` : "Painted here.";
      onChange(now);
    },
  });
  const { element } = square;

  const changed = () => {
    square.draw();
    onChange(now);
  };
  const begin = () => {
    past = [...past.slice(-99), now];
    now = now.points ? { points: [...now.points] } : { cells: [...now.cells] };
    last = null;
  };
  const mark = ([x, y]) => {
    if (Math.abs(x) > FRAME || Math.abs(y) > FRAME) return;
    if (now.cells) brush(now.cells, x, y);
    else if (now.points.length < MOST && (last === null || Math.hypot(x - last[0], y - last[1]) >= APART)) {
      last = [placed(x), placed(y)];
      now.points.push(last);
    }
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    begin();
    mark(square.place(event));
    square.draw();
  });
  element.addEventListener("pointermove", (event) => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) mark(square.place(each));
    square.draw();
  });
  const end = (event) => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    element.releasePointerCapture(event.pointerId);
    changed();
  };
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Backspace" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    undo();
  });

  function undo() {
    if (past.length === 0) return;
    now = past.pop();
    said.textContent = "Taken back.";
    changed();
  }

  function paint(context, size, look) {
    if (now.cells) shade(context, size, now.cells, look.accent);
    else dots(context, size, now.points, Math.max(1.6, size / 150), look.accent);
  }

  return Object.assign(h("div", { class: "pad-place" }, element, said), {
    undo,
    show(next) {
      now = next;
      square.draw();
    },
    replace(next) {
      past = [...past.slice(-99), now];
      now = next;
      changed();
    },
    destroy: square.destroy,
  });
}

/** Cells as squares, the darker the higher. */
export function shade(context, size, cells, fill) {
  const side = size / SIDE;
  context.fillStyle = fill;
  cells.forEach((level, i) => {
    if (level === 0) return;
    context.globalAlpha = level / TOP;
    context.fillRect((i % SIDE) * side, Math.floor(i / SIDE) * side, side, side);
  });
  context.globalAlpha = 1;
}

/** Raises the cells around a place, the nearest most. */
function brush(cells, x, y) {
  const [column, row] = [(x + FRAME) / CELL - 0.5, (FRAME - y) / CELL - 0.5];
  for (let r = Math.max(0, Math.ceil(row - RADIUS)); r <= Math.min(SIDE - 1, row + RADIUS); r += 1) {
    for (let c = Math.max(0, Math.ceil(column - RADIUS)); c <= Math.min(SIDE - 1, column + RADIUS); c += 1) {
      const near = 1 - Math.hypot(r - row, c - column) / (RADIUS + 0.01);
      const i = r * SIDE + c;
      if (near > 0) cells[i] = Math.min(TOP, cells[i] + Math.max(1, Math.round(3 * near)));
    }
  }
}
