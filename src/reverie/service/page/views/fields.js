// Fields that several views have: the seed, the size, and what a model with classes is asked for.

import { SAMPLERS } from "./methods.js";

export const SEED = { kind: "number", label: "Seed", hint: "The same seed gives the same noise." };

/** Sizes to choose from, where no model sets its own. */
export function sizes(list) {
  return { kind: "select", field: "width", label: "Size", options: list.map((each) => ({ value: each, label: `${each} × ${each} pixels` })), when: ({ model }) => !model };
}

/** The samplers by their labels. */
export const METHODS = SAMPLERS.map(({ name, label }) => ({ value: name, label }));

/** The class, null for any, or attributes that a table told of, as "colour=red, age=40"; and how strongly it is followed. */
export const ASKED = {
  of: { kind: "select", label: "Class", options: [], open: true },
  wish: { kind: "text", label: "Attributes", otherwise: "", placeholder: "name=value, ...", hint: "" },
  guidance: { kind: "slider", label: "Guidance", step: 0.25, otherwise: 1, format: (value) => value.toFixed(2), hint: "1: as learned. Above: more of what is asked for, at two network calls a step.", when: ({ of, wish }) => of !== null || wish !== "" },
};

/** Offers the classes or attributes of a model, none where it has none; all: whether every class in turn can be asked for. */
export function offer({ settings: { of, wish }, of: control, wish: words }, { classes: names = [], attributes = [] } = {}, { all = false } = {}) {
  const others = all ? [{ value: "*", label: "each in turn" }] : [];
  const strange = of === null || names.includes(of) || (all && of === "*") ? [] : [of]; // the server says what is wrong with it
  control.options([{ value: "", label: "any" }, ...others, ...strange, ...names]);
  control.set(of ?? "");
  control.hidden = names.length === 0 && of === null;
  words.hidden = attributes.length === 0 && wish === "";
  words.querySelector(".hint").textContent = attributes.map(({ name, kind, levels }) => `${name}: ${kind === "levels" ? levels.join(", ") : `a ${kind}`}`).join("; ");
}

/** The same as fields of a request. */
export function asking({ of, wish, guidance }) {
  const where = [...(of === null ? [] : [`class=${of}`]), ...wish.split(",").map((each) => each.trim()).filter(Boolean)];
  return where.length ? { where, ...(guidance === 1 ? {} : { guidance }) } : {};
}

/** What was asked for, in words after a model's name. */
export function ofClass({ of, wish }) {
  const words = wish === "" ? "" : `, ${wish}`;
  return (of === null ? "" : of === "*" ? ", of every class in turn" : `, of class ${of}`) + words;
}
