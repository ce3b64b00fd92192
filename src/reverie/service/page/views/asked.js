// What a model with classes is asked for: the class, and how strongly it is followed.

import { h } from "../lib/dom.js";
import { select, slider } from "../lib/controls.js";

/** {of, guidance} of the address; of is null for any class. */
export function toldAsked(params) {
  const guidance = Number(params.get("guidance") ?? 1);
  return { of: params.get("of"), guidance: guidance >= 0 && guidance <= 10 ? guidance : 1 };
}

/** Fields for {of, guidance}, hidden where there are no classes; change(settings) is called with what was changed. all: whether
 *  every class in turn can be asked for. .classes(names) tells them; .forget() goes back to any. */
export function asked({ of, guidance }, change, { all = false } = {}) {
  let names = [];
  const kind = select({
    label: "Class",
    options: [],
    onChange: (value) => {
      of = value === "" ? null : value;
      arrange();
      change({ of });
    },
  });
  const strength = slider({ label: "Guidance", min: 0, max: 6, step: 0.25, value: guidance, format: (value) => value.toFixed(2), onInput: () => {}, onChange: (value) => change({ guidance: value }), hint: "1: the class as learned. Above: more of it, at two network calls a step." });
  const root = h("div", { class: "stack" }, kind, strength);
  const arrange = () => {
    const others = all ? [{ value: "*", label: "each in turn" }] : [];
    const strange = of === null || names.includes(of) || (all && of === "*") ? [] : [of]; // the server says what is wrong with it
    kind.options([{ value: "", label: "any" }, ...others, ...strange, ...names]);
    kind.set(of ?? "");
    strength.hidden = of === null;
    root.hidden = names.length === 0 && of === null;
  };
  arrange();
  return Object.assign(root, {
    classes(list) {
      names = list;
      arrange();
    },
    forget() {
      of = null;
      names = [];
      arrange();
    },
  });
}

/** The same as fields of a request. */
export function asking({ of, guidance }) {
  return of === null ? {} : { where: [`class=${of}`], ...(guidance === 1 ? {} : { guidance }) };
}
