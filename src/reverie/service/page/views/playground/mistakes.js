// The known mistakes as switches, one at a time, each with what it does to the numbers once it was made.

import { h, clear } from "../../lib/dom.js";
import { TITLES } from "../derivations/titles.js";
import { short } from "./numbers.js";

const NAMES = { prediction: "prediction", schedule: "schedule", sampler: "sampler", spacing: "spacing" };

/** {root, set(number or null), found(result), forget()}: onSwitch(mistake or null) of those listed. */
export function switches({ known, taken, onSwitch }) {
  const cards = known.map((mistake) => card(mistake, (on) => {
    for (const other of cards) other.set(on ? mistake.number : null);
    onSwitch(on ? mistake : null);
  }));
  const root = h("section", { class: "stack" },
    h("div", null, h("h2", null, "Known mistakes, one at a time"), h("p", { class: "hint prose" }, "Each has stood in texts or in code in wide use. Switch one on: it is made in the place of the right form, and its numbers stand beside those without it. ", h("a", { href: "#/derivations?part=mistakes" }, "What is wrong with each"))),
    h("div", { class: "mistakes" }, cards.map((each) => each.root)));
  for (const each of cards) each.set(taken);
  return {
    root,
    set: (number) => cards.forEach((each) => each.set(number)),
    /** Keeps what a result says of its mistake. */
    found(result) {
      cards.find(({ number }) => number === result.mistake?.number)?.found(result);
    },
    /** The settings are others: what was found before is of other runs. */
    forget: () => cards.forEach((each) => each.found(null)),
  };
}

function card({ number, wrong, right, says, needs }, onSwitch) {
  const input = h("input", { type: "checkbox", role: "switch", onchange: () => onSwitch(input.checked) });
  const what = h("p", { class: "hint" });
  const needed = Object.entries(needs).map(([name, value]) => `the ${NAMES[name]} ${value.replace("_", " ")}`).join(" and ");
  const root = h("article", { class: "card switch" },
    h("label", null, input, h("span", null, `${number}. ${TITLES[number] ?? "A mistake"}`)),
    h("p", null, says),
    needed ? h("p", { class: "hint" }, `Takes ${needed}, and chooses it.`) : null,
    h("details", { class: "more" }, h("summary", null, "Wrong and right"), h("p", null, h("span", { class: "wrong" }, "Wrong "), h("code", null, wrong)), h("p", null, h("span", { class: "good" }, "Right "), h("code", null, right))),
    what);
  return {
    root,
    number,
    set(taken) {
      input.checked = taken === number;
      root.dataset.on = String(input.checked);
    },
    found(result) {
      clear(what, result ? ["Learned samples to the drawing: ", h("span", { class: "strong" }, `${short(result.mistake.without.learned)} → ${short(result.distance.learned)}`), result.mistake.place === "sampling" ? "" : `; score error: ${short(result.mistake.without.excess)} → ${short(result.excess.excess)}`] : null);
    },
  };
}
