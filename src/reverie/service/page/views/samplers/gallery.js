// The pictures of a comparison as a table: a row for each sampler, a column for each number of steps.

import { h, clear } from "../../lib/dom.js";
import { figure } from "../../lib/scales.js";
import { method, took } from "../methods.js";

/** A table that fills as cells come. watch(sampler, steps) is the address where that run can be watched. */
export function gallery({ samplers, steps, watch }) {
  const places = new Map(samplers.flatMap((sampler) => steps.map((n) => [`${sampler} ${n}`, h("td", null, h("div", { class: "blank", "aria-hidden": "true" }))])));
  const head = h("tr", null, h("th", { scope: "col" }, "Sampler"), steps.map((n) => h("th", { scope: "col" }, n === 1 ? "1 step" : `${n} steps`)));
  const rows = samplers.map((name) => {
    const { label, random } = method(name);
    return h("tr", null, h("th", { scope: "row" }, h("div", null, label), random ? h("div", { class: "random", title: "Its steps draw noise: it ends at another picture of the same distribution, so its distance is no error of the solver." }, "draws noise") : null), steps.map((n) => places.get(`${name} ${n}`)));
  });
  const root = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Pictures by sampler and number of steps" }, h("table", { class: "gallery" }, h("caption", null, "Every picture starts from the same noise. Press one to watch it being made."), h("thead", null, head), h("tbody", null, rows)));
  const add = (cell) => {
    const place = places.get(`${cell.sampler} ${cell.steps}`);
    if (!place) return;
    const words = `${method(cell.sampler).label} in ${cell.steps} steps`;
    clear(
      place,
      h("figure", null, h("a", { href: watch(cell.sampler, cell.steps), title: `Watch ${words}` }, h("img", { class: "pixels", src: cell.image, alt: `${words}: distance ${figure(cell.error)} from the reference` })), h("figcaption", null, h("div", { class: "strong" }, `error ${Number(cell.error.toPrecision(2))}`), h("div", { class: "hint" }, `${cell.calls} calls, ${took(cell.seconds)}`))),
    );
  };
  /** Marks in each column the picture, or those, nearest to the reference, of samplers that draw no noise. */
  const rank = (cells) => {
    for (const n of steps) {
      const column = cells.filter((cell) => cell.steps === n && !method(cell.sampler).random);
      const least = Math.min(...column.map(({ error }) => error));
      const best = column.filter(({ error }) => error <= 1.001 * least);
      if (best.length === column.length) continue; // all alike: none is nearest
      for (const { sampler } of best) places.get(`${sampler} ${n}`)?.querySelector("img")?.classList.add("best");
    }
  };
  return Object.assign(root, { add, rank });
}
