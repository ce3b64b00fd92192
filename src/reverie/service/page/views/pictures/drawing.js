// What both steps ask of a model: which one, of which class, by which sampler, from which noise.

import { h } from "../../lib/dom.js";
import { form } from "../../lib/form.js";
import { ASKED, METHODS, SEED, asking, offer } from "../fields.js";
import { cardOf, chooser } from "../models.js";

const USUAL = { value: "", label: "the model's usual" };
const STEPS = [4, 6, 8, 12, 20, 50, 100];
const DECLARED = {
  model: {},
  ...ASKED,
  sampler: { kind: "select", label: "Sampler", options: [USUAL, ...METHODS] },
  steps: { kind: "select", label: "Steps", options: [USUAL, ...STEPS.map((value) => ({ value, label: value }))], otherwise: null },
  seed: SEED,
};

/** As fields of a request for something drawn from noise. */
export function request({ model, of, wish, guidance, sampler, steps, seed }) {
  return { model, ...asking({ of, wish, guidance }), ...(sampler ? { sampler } : {}), ...(steps ? { steps } : {}), seed };
}

/**
 * A form of these fields and of those that are declared besides, with its chooser of models. onModel(card) is called once a model
 * is known, with null where there is none; all: whether every class in turn can be asked for.
 */
export function drawing(path, declared, { params, save, onModel, onError, all = false }) {
  const own = form(path, { ...DECLARED, ...declared }, { params, save });
  const { settings } = own;
  const choose = async (name) => {
    const before = settings.model;
    own.set({ model: name || null, ...(before && before !== name ? { of: null, wish: "" } : {}) });
    own.wish.input.value = settings.wish;
    offer(own, {}, { all });
    if (!name) return onModel(null);
    try {
      const card = await cardOf(name);
      if (settings.model !== name) return;
      offer(own, card, { all });
      onModel(card);
    } catch (problem) {
      if (settings.model === name) onError(problem, () => choose(name));
    }
  };
  return { ...own, chooser: chooser({ kind: "images", value: settings.model, onChange: choose, onError }) };
}

/** What to do where there is no model yet. */
export function train() {
  return h("a", { class: "button primary", href: "#/records?step=train&table=digits" }, "Train one on digits");
}
