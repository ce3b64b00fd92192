// What is compared: which samplers, how many steps, on whose denoiser.

import { h } from "../../lib/dom.js";
import { more, select } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
import { SEED, sizes } from "../fields.js";
import { SAMPLERS, runs } from "../methods.js";

const SIZES = [16, 32, 64, 96, 128];
const MOST = { columns: 8, steps: 200 };
const list = (values) => values.join(",");
const DECLARED = {
  model: {},
  size: sizes(SIZES),
  samplers: { otherwise: ["ddim", "dpmpp", "heun", "ancestral"], parse: chosen, write: list },
  steps: {
    kind: "text",
    label: "Numbers of steps",
    otherwise: [5, 10, 20, 50],
    parse: counts,
    write: list,
    show: (values) => values.join(", "),
    hint: `Up to ${MOST.columns} numbers from 1 to ${MOST.steps}, with commas between them.`,
    wrong: "Write whole numbers with commas between them, such as 5, 10, 20.",
  },
  seed: SEED,
  reference: { kind: "number", field: "reference_steps", label: "Steps of the reference", hint: "The picture that all are measured against is made with so many." },
};

/** The request of these settings. */
export function request({ model, size, samplers, steps, seed, reference }) {
  return { ...(model ? { model } : { width: size, height: size }), samplers, steps, seed, reference_steps: reference };
}

/** {settings, root}: the settings of the address and their form; change() after each change. */
export function controls(path, { params, save, change }) {
  const own = form(path, DECLARED, { params, save, change });
  const { settings } = own;
  const choices = (names) => [{ value: "", label: "Exact, six photographs with grain" }, ...names];
  const model = select({ label: "Denoiser", options: choices(settings.model ? [settings.model] : []), value: settings.model ?? "", onChange: (value) => own.set({ model: value || null }) });
  runs("images", settings.model).then(
    (names) => {
      model.options(choices(names));
      model.set(settings.model ?? "");
    },
    () => {}, // the list of runs is an extra: without it the exact denoiser is still there
  );
  const boxes = SAMPLERS.map(({ name, label, random, about }) =>
    h("label", { title: about }, h("input", { type: "checkbox", value: name, checked: settings.samplers.includes(name), onchange: () => pick() }), h("span", null, label), random ? h("span", { class: "random" }, "draws noise") : null),
  );
  const none = h("p", { class: "wrong", role: "alert", hidden: true }, "Choose at least one sampler.");
  const pick = () => {
    const samplers = boxes.map((box) => box.querySelector("input")).filter((box) => box.checked).map((box) => box.value);
    none.hidden = samplers.length > 0;
    if (samplers.length) own.set({ samplers });
  };
  const root = h("div", { class: "stack" }, model, own.size, h("fieldset", { class: "checks" }, h("legend", null, "Samplers"), h("div", null, boxes), none), own.steps, own.seed, more("More", own.reference));
  return { settings, root };
}

/** Samplers that are known, each once; null where none is. */
function chosen(words) {
  const known = words.split(",").filter((name) => SAMPLERS.some((each) => each.name === name));
  return known.length ? [...new Set(known)] : null;
}

/** "5, 10,20" as rising numbers without repeats; null where it is not that. */
function counts(words) {
  const found = words.split(/[\s,]+/).filter(Boolean).map(Number);
  const good = found.length > 0 && found.length <= MOST.columns && found.every((n) => Number.isInteger(n) && n >= 1 && n <= MOST.steps);
  return good ? [...new Set(found)].sort((a, b) => a - b) : null;
}
