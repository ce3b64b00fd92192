// What is compared: which samplers, how many steps, on whose denoiser.

import { h } from "../../lib/dom.js";
import { more, number, select, text } from "../../lib/controls.js";
import { SAMPLERS, runs, whole } from "../methods.js";

const SIZES = [16, 32, 64, 96, 128];
const MOST = { columns: 8, steps: 200 };
const DEFAULTS = { model: null, size: 32, samplers: "ddim,dpmpp,heun,ancestral", steps: "5,10,20,50", seed: 0, reference: 200 };

/** The settings that the address tells. */
export function told(params) {
  const size = whole(params.get("size"), 16, 128, DEFAULTS.size);
  const known = (params.get("samplers") ?? DEFAULTS.samplers).split(",").filter((name) => SAMPLERS.some((each) => each.name === name));
  return {
    model: params.get("model"),
    size: SIZES.includes(size) ? size : DEFAULTS.size,
    samplers: known.length ? [...new Set(known)] : DEFAULTS.samplers.split(","),
    steps: counts(params.get("steps") ?? "") ?? counts(DEFAULTS.steps),
    seed: whole(params.get("seed"), 0, 2 ** 31 - 1, DEFAULTS.seed),
    reference: whole(params.get("reference"), 20, 500, DEFAULTS.reference),
  };
}

/** The request of these settings. */
export function request({ model, size, samplers, steps, seed, reference }) {
  return { ...(model ? { model } : { width: size, height: size }), samplers, steps, seed, reference_steps: reference };
}

/** The form; change(what was changed, for the address). */
export function form(settings, change) {
  const set = (next) => {
    Object.assign(settings, next);
    size.hidden = Boolean(settings.model);
    change(Object.fromEntries(Object.entries(next).map(([key, value]) => [key, String(value) === String(DEFAULTS[key]) ? null : value])));
  };
  const choices = (names) => [{ value: "", label: "Exact, six photographs with grain" }, ...names.map((name) => ({ value: name, label: name }))];
  const model = select({ label: "Denoiser", options: choices(settings.model ? [settings.model] : []), value: settings.model ?? "", onChange: (value) => set({ model: value || null }) });
  runs("images").then(
    (list) => {
      const names = list.map(({ name }) => name);
      if (settings.model && !names.includes(settings.model)) names.push(settings.model);
      model.options(choices(names));
      model.set(settings.model ?? "");
    },
    () => {}, // the list of runs is an extra: without it the exact denoiser is still there
  );
  const size = select({ label: "Size", options: SIZES.map((each) => ({ value: String(each), label: `${each} × ${each} pixels` })), value: String(settings.size), onChange: (value) => set({ size: Number(value) }) });
  const boxes = SAMPLERS.map(({ name, label, random, about }) =>
    h("label", { title: about }, h("input", { type: "checkbox", value: name, checked: settings.samplers.includes(name), onchange: () => pick() }), h("span", null, label), random ? h("span", { class: "random" }, "draws noise") : null),
  );
  const none = h("p", { class: "wrong", role: "alert", hidden: true }, "Choose at least one sampler.");
  const pick = () => {
    const samplers = boxes.map((box) => box.querySelector("input")).filter((box) => box.checked).map((box) => box.value);
    none.hidden = samplers.length > 0;
    if (samplers.length) set({ samplers });
  };
  const steps = text({
    label: "Numbers of steps",
    value: settings.steps.join(", "),
    hint: `Up to ${MOST.columns} numbers from 1 to ${MOST.steps}, with commas between them.`,
    onChange: (value) => {
      const found = counts(value);
      steps.input.setAttribute("aria-invalid", String(found === null));
      wrong.hidden = found !== null;
      if (found) set({ steps: found });
    },
  });
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true }, "Write whole numbers with commas between them, such as 5, 10, 20.");
  steps.append(wrong);
  const seed = number({ label: "Seed", min: 0, max: 2 ** 31 - 1, value: settings.seed, onChange: (value) => set({ seed: value }), hint: "The same seed gives the same noise." });
  const reference = number({ label: "Steps of the reference", min: 20, max: 500, value: settings.reference, onChange: (value) => set({ reference: value }), hint: "The picture that all are measured against is made with so many." });
  size.hidden = Boolean(settings.model);
  return h("div", { class: "stack" }, model, size, h("fieldset", { class: "checks" }, h("legend", null, "Samplers"), h("div", null, boxes), none), steps, seed, more("More", reference));
}

/** "5, 10,20" as rising numbers without repeats; null where it is not that. */
function counts(words) {
  const found = words.split(/[\s,]+/).filter(Boolean).map(Number);
  const good = found.length > 0 && found.length <= MOST.columns && found.every((n) => Number.isInteger(n) && n >= 1 && n <= MOST.steps);
  return good ? [...new Set(found)].sort((a, b) => a - b) : null;
}
