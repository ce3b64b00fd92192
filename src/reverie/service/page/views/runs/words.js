// Runs in words, and where else one is looked at.

import { h } from "../../lib/dom.js";
import { address } from "../../lib/state.js";

export const KINDS = { images: "pictures", records: "records", linked: "linked tables" };
export const STATES = { trained: "trained", training: "training", stopped: "not finished" };

/** Where one run, or several beside each other, are shown. */
export const runAddress = (name) => address("runs", new URLSearchParams({ run: name }));
export const compareAddress = (names) => address("runs", new URLSearchParams({ compare: names.join(",") }));
export const reportAddress = (name) => address("reports", new URLSearchParams({ report: name }));
export const makeAddress = (names) => address("reports", new URLSearchParams({ make: names.join(",") }));

/** Where samples are made of a run. */
export function sampleAddress({ kind, name }) {
  const [view, step] = { images: ["pictures", {}], linked: ["linked", { step: "make" }] }[kind] ?? ["records", { step: "generate" }];
  return address(view, new URLSearchParams({ ...step, model: name }));
}

/** The state of a run as a mark with its word. */
export function stateMark({ state }) {
  return h("span", { class: "state-mark", dataset: { state } }, STATES[state] ?? state);
}

/** How far a run came: "120 of 400 steps". */
export function steps({ done, steps: of }) {
  return done >= of ? `${of.toLocaleString("en")} steps` : `${done.toLocaleString("en")} of ${of.toLocaleString("en")} steps`;
}

/** A loss as people compare them. */
export const loss = (value) => (Number.isFinite(value) ? Number(value.toPrecision(3)).toString() : "–");

/** Settings as lines: {"training.batch": 64, ...} of the nested ones of a card. */
export function flat(settings, before = "") {
  return Object.entries(settings ?? {}).flatMap(([name, value]) => (value && typeof value === "object" && !Array.isArray(value) ? flat(value, `${before}${name}.`) : [[before + name, value]]));
}

/** A setting's value as text. */
export const said = (value) => (value === null || value === undefined ? "–" : Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value));
