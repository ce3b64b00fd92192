// What a run is asked for: who denoises, how, in how many steps; all of it in the address.

import { h, clear } from "../../lib/dom.js";
import { field, select } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
import { picker } from "../../lib/pictures.js";
import { failure } from "../../lib/states.js";
import { ASKED, METHODS, SEED, asking, offer, sizes } from "../fields.js";
import { method, runs } from "../methods.js";
import { cardOf } from "../models.js";

const DECLARED = {
  denoiser: { options: ["exact", "grainy", "oracle"], parse: (word) => (["grainy", "oracle"].includes(word) ? word : null) },
  model: {},
  ...ASKED,
  picture: { otherwise: "china" },
  size: sizes([16, 32, 64, 96, 128, 192, 256]),
  sampler: { kind: "select", label: "Sampler", options: METHODS },
  steps: { kind: "slider", label: "Steps" },
  eta: { kind: "slider", label: "Eta", step: 0.05, format: (value) => value.toFixed(2), hint: "0: the same noise gives the same picture. 1: ancestral.", when: ({ sampler }) => sampler === "ddim" },
  seed: SEED,
};

/** The request of these settings; pixels: the data URL of a picture of one's own. */
export function request({ model, of, wish, guidance, denoiser, picture, size, sampler, steps, eta, seed }, pixels) {
  const who = model ? { model, ...asking({ of, wish, guidance }) } : { denoiser, ...(denoiser === "oracle" ? { picture: pixels ?? picture } : {}), width: size, height: size };
  return { ...who, sampler, steps, ...(sampler === "ddim" ? { eta } : {}), seed };
}

/** {settings, root, reseed(), destroy()}; change() after each change, picked(picture) with a picture chosen for the oracle. */
export function controls(path, { params, save, change, picked, onError }) {
  const arrange = () => {
    picture.hidden = Boolean(settings.model) || settings.denoiser !== "oracle";
    about.textContent = method(settings.sampler).about;
  };
  const own = form(path, DECLARED, {
    params,
    save,
    change() {
      arrange();
      change();
    },
  });
  const { settings } = own;
  if (!settings.model) Object.assign(settings, { of: null, wish: "" });
  const who = () => (settings.model ? `model:${settings.model}` : settings.denoiser);
  const choices = (names) => [
    { value: "exact", label: "Exact, of six photographs" },
    { value: "grainy", label: "Exact, of the same with grain" },
    { value: "oracle", label: "Oracle, told a picture" },
    ...names.map((name) => ({ value: `model:${name}`, label: name })),
  ];
  const denoiser = select({
    label: "Denoiser",
    options: choices(settings.model ? [settings.model] : []),
    value: who(),
    onChange: (value) => {
      own.set({ of: null, wish: "", ...(value.startsWith("model:") ? { model: value.slice(6), denoiser: "exact" } : { model: null, denoiser: value }) });
      classes();
    },
  });
  const none = h("p", { class: "hint" }, "Trained runs of pictures in the workspace are listed here too. ", h("a", { href: "#/records?step=train&table=digits" }, "Train one on digits."));
  runs("images", settings.model).then((names) => {
    denoiser.options(choices(names));
    denoiser.set(who());
    none.hidden = names.length > 0;
  }, onError);

  async function classes() {
    own.wish.input.value = settings.wish;
    offer(own);
    const { model } = settings;
    if (!model) return;
    try {
      const card = await cardOf(model);
      if (model === settings.model) offer(own, card);
    } catch {
      // the run itself says what is wrong with the model
    }
  }

  const wrong = h("div");
  const pictures = picker({
    value: settings.picture,
    promise: "It is sent to this server, which keeps it no longer than the run.",
    onPick: (chosen) => {
      pictures.mark(chosen.name);
      picked(chosen);
      own.set({ picture: chosen.name });
    },
    onError: (problem) => clear(wrong, failure(problem)),
  });
  const picture = field("Picture that the oracle knows", h("div", { class: "stack" }, pictures, wrong));
  const about = h("p", { class: "hint" });
  arrange();
  classes();
  const root = h("div", { class: "stack" }, denoiser, none, own.of, own.wish, own.guidance, picture, own.size, h("div", { class: "field" }, own.sampler, about), own.steps, own.eta, own.seed);
  const reseed = () => {
    own.seed.set(Math.floor(Math.random() * 1e6));
    own.set({ seed: Number(own.seed.input.value) });
  };
  return { settings, root, reseed, destroy: () => pictures.destroy() };
}
