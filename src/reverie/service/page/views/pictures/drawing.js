// What both steps ask of a model: which one, of which class, by which sampler, from which noise.

import { h } from "../../lib/dom.js";
import { number, select } from "../../lib/controls.js";
import { asked, asking, toldAsked } from "../asked.js";
import { SAMPLERS, whole } from "../methods.js";
import { cardOf, chooser } from "../models.js";

const STEPS = [4, 6, 8, 12, 20, 50, 100];
const USUAL = { value: "", label: "the model's usual" };

/** The settings that the address tells. */
export function told(params) {
  const steps = whole(params.get("steps"), 1, 200, 0);
  return {
    model: params.get("model"),
    ...toldAsked(params),
    sampler: SAMPLERS.some(({ name }) => name === params.get("sampler")) ? params.get("sampler") : null,
    steps: STEPS.includes(steps) ? steps : null,
    seed: whole(params.get("seed"), 0, 2 ** 31 - 1, 0),
  };
}

/** As fields of a request for something drawn from noise. */
export function request({ model, of, guidance, sampler, steps, seed }) {
  return { model, ...asking({ of, guidance }), ...(sampler ? { sampler } : {}), ...(steps ? { steps } : {}), seed };
}

/**
 * The fields: {model, ask, sampler, steps, seed}. save(changes) writes to the address; onModel(card) is called once a model
 * is known, with null where there is none.
 */
export function fields(settings, { save, onModel, onError, all = false }) {
  const set = (changes) => {
    Object.assign(settings, changes);
    save({ ...changes, ...(changes.guidance === 1 ? { guidance: null } : {}) });
  };
  const ask = asked(settings, set, { all });
  const choose = async (name) => {
    if (settings.model !== name && settings.model !== null) {
      ask.forget();
      settings.of = null;
      save({ of: null });
    }
    settings.model = name || null;
    if (!settings.model) return onModel(null);
    save({ model: settings.model });
    try {
      const card = await cardOf(name);
      if (settings.model !== name) return;
      ask.classes(card.classes);
      onModel(card);
    } catch (problem) {
      if (settings.model === name) onError(problem, () => choose(name));
    }
  };
  return {
    model: chooser({ kind: "images", value: settings.model, onChange: choose, onError }),
    ask,
    sampler: select({ label: "Sampler", options: [USUAL, ...SAMPLERS.map(({ name, label }) => ({ value: name, label }))], value: settings.sampler ?? "", onChange: (value) => set({ sampler: value || null }) }),
    steps: select({ label: "Steps", options: [USUAL, ...STEPS.map((n) => ({ value: String(n), label: String(n) }))], value: String(settings.steps ?? ""), onChange: (value) => set({ steps: Number(value) || null }) }),
    seed: number({ label: "Seed", min: 0, max: 2 ** 31 - 1, value: settings.seed, onChange: (value) => set({ seed: value }), hint: "The same seed gives the same noise." }),
    set,
  };
}

/** What to do where there is no model yet. */
export function train() {
  return h("a", { class: "button primary", href: "#/records?step=train&table=digits" }, "Train one on digits");
}
