// Nine states in a row; press one to go there.

import { h, clear } from "../../lib/dom.js";

const GUIDE = [0, 50, 100, 200, 300, 500, 700, 900, 999]; // of 1000

/** The steps of the guide on a schedule of T steps, each once. */
export function stepsOf(steps) {
  return [...new Set(GUIDE.map((t) => Math.round((t * steps) / 1000)))];
}

/** {element, fill(steps, live, subject), mark(t)} */
export function filmstrip(onPick) {
  const element = h("div", { class: "filmstrip", role: "group", "aria-label": "States along the way" });
  let buttons = [];
  return {
    element,
    fill(steps, { tables, numbers }, subject) {
      buttons = steps.map((t) => {
        const label = h("span", { class: "hint" }, `t = ${t}`);
        const small = subject.small?.();
        if (small) {
          numbers.at(tables.signal[t], tables.noise[t]);
          small.draw(numbers.x);
        }
        return h("button", { type: "button", class: "still", dataset: { t }, onclick: () => onPick(t) }, small?.element ?? null, label);
      });
      clear(element, buttons);
    },
    mark(t) {
      for (const each of buttons) each.setAttribute("aria-pressed", String(Number(each.dataset.t) === t));
    },
  };
}
