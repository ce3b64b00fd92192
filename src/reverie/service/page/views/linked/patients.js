// Patients one by one: of one folder, or of the real one and of that which was made, side by side. Each side has its own way through
// its patients; some are fetched ahead, so that going on is at once.

import { h, clear, uid } from "../../lib/dom.js";
import { button, select, toggle } from "../../lib/controls.js";
import { job } from "../../lib/jobs.js";
import { failure } from "../../lib/states.js";
import { breaks } from "./clock.js";
import { drawnOf } from "./drawn.js";
import { timeline } from "./timeline.js";

const PATH = "/api/timelines";
const AHEAD = 8;
const TITLES = { real: "Real", synthetic: "Synthetic", completed: "Completed" };

/**
 * {root, close()}. sides: {name: of TITLES, folder, run, given: the tables that they were completed from, draws: how often, in folders 1,
 * 2, ...} each; the address has which patient of each is shown, counted from 1, and of which draw. Stays are bands, what lasts bars, all
 * else marks. Of completed tables the first patient is one of whom something was drawn, if one comes soon.
 */
export function patients({ sides, params, save }) {
  const stop = new AbortController();
  const shown = sides.map((side) => one(side));
  const root = h("div", { class: `lives${sides.length > 1 ? "" : " alone"}` }, shown.map((each) => each.root));
  const same = sides.length > 1 ? toggle({ label: "One scale of time for both", onChange: rescale }) : null;
  for (const each of shown) each.show(Number(params.get(each.side.name)) || 1, !params.has(each.side.name));
  return { root: h("div", { class: "stack" }, same, root), close: () => stop.abort() };

  /** The longer of both says how far the axis goes, where that is wanted. */
  function rescale() {
    const reach = same?.input.checked ? shown.map(({ drawn }) => drawn()).filter(Boolean).map(breaks).reduce((a, b) => ({ span: Math.max(a.span, b.span), pieces: Math.max(a.pieces, b.pieces) }), { span: 0, pieces: 0 }) : null;
    for (const each of shown) each.stretch(reach);
  }

  function one(side) {
    const place = h("div", { class: "stack" });
    const several = side.draws > 1;
    const draws = several ? Array.from({ length: side.draws }, () => new Map()) : [new Map()]; // patients by number, of each draw
    let draw = several ? Math.min(Math.max(Number(params.get("draw")) || 1, 1), side.draws) : 1;
    let known = draws[draw - 1];
    let now = 1;
    let many = null;
    let drawing = null;
    let told = null;
    const step = (by, sign, words) => {
      const press = button({ label: sign, onClick: () => show(now + by) });
      press.setAttribute("aria-label", `${words} ${side.name} patient`);
      return press;
    };
    const [back, on] = [step(-1, "←", "Previous"), step(1, "→", "Next")];
    const id = uid("patient");
    const number = h("input", { type: "number", id, min: 1, value: 1, onchange: () => number.checkValidity() && show(Number(number.value)) });
    const of = h("span", { class: "hint" });
    const options = draws.map((_, i) => ({ value: String(i + 1), label: `${i + 1} of ${side.draws}` }));
    const choice = several ? select({ label: "Draw", options, value: String(draw), onChange: (wanted) => another(Number(wanted)) }) : null;
    const root = h("section", { class: "life", "aria-label": `${TITLES[side.name]} patient` },
      h("div", { class: "spread" }, h("h3", null, TITLES[side.name]), h("div", { class: "walk" }, choice, h("div", { class: "walk" }, back, h("label", { for: id, class: "unseen" }, `Number of the ${side.name} patient`), number, of, on))), place);
    return { side, root, show, drawn: () => told, stretch: (reach) => drawing?.stretch(reach) };

    /** The same patient in another draw. */
    function another(wanted) {
      draw = wanted;
      known = draws[draw - 1];
      save({ draw: draw === 1 ? null : draw });
      show(now);
    }

    async function show(wanted, first = false) {
      const whole = known;
      now = Math.max(1, many === null ? wanted : Math.min(wanted, many));
      const mine = now;
      number.value = now;
      save({ [side.name]: now === 1 ? null : now });
      try {
        if (!known.has(now)) await ask(now);
        if (mine !== now || whole !== known) return;
        const drawn = first && side.given ? [...known].find(([, each]) => Object.values(drawnOf(each)).some(Boolean))?.[0] : now;
        if (drawn && drawn !== now) return show(drawn);
        told = known.get(now);
        drawing = timeline(told, { title: TITLES[side.name] });
        clear(place, drawing);
        rescale();
      } catch (problem) {
        if (problem.name === "AbortError" || mine !== now || whole !== known) return;
        clear(place, problem.status === 404 ? h("p", { class: "hint" }, `${side.folder} is not in the workspace, so no ${side.name} patient can be shown.`) : failure(problem, () => show(mine)));
      }
      back.disabled = now <= 1;
      on.disabled = many === null || now >= many;
      number.max = many;
      of.textContent = many === null ? "" : `of ${many.toLocaleString("en")}`;
    }

    async function ask(first) {
      const found = known;
      if (!drawing) clear(place, h("p", { class: "hint", role: "status" }, "Reading the tables …"));
      const { patients: all, timelines } = await job(PATH, { folder: several ? `${side.folder}/${draw}` : side.folder, ...(side.run ? { run: side.run } : {}), ...(side.given ? { given: side.given } : {}), first, count: AHEAD }, { signal: stop.signal });
      many = all;
      timelines.forEach((each, i) => found.set(first + i, each));
    }
  }
}
