// What a run is told: who denoises, how, in how many steps; all of it in the address.

import { h, clear } from "../../lib/dom.js";
import { field, number, select, slider } from "../../lib/controls.js";
import { picker } from "../../lib/pictures.js";
import { failure } from "../../lib/states.js";
import { asked, asking, toldAsked } from "../asked.js";
import { SAMPLERS, method, runs, whole } from "../methods.js";
import { cardOf } from "../models.js";

const SIZES = [16, 32, 64, 96, 128, 192, 256];
const DEFAULTS = { denoiser: "exact", model: null, of: null, guidance: 1, picture: "china", size: 64, sampler: "ddim", steps: 50, eta: 0, seed: 0 };

/** The settings that the address tells. */
export function told(params) {
  const eta = Number(params.get("eta") ?? DEFAULTS.eta);
  const size = whole(params.get("size"), 16, 256, DEFAULTS.size);
  return {
    denoiser: ["grainy", "oracle"].includes(params.get("denoiser")) ? params.get("denoiser") : DEFAULTS.denoiser,
    model: params.get("model"),
    ...toldAsked(params),
    ...(params.get("model") ? {} : { of: null }),
    picture: params.get("picture") ?? DEFAULTS.picture,
    size: SIZES.includes(size) ? size : DEFAULTS.size,
    sampler: SAMPLERS.some(({ name }) => name === params.get("sampler")) ? params.get("sampler") : DEFAULTS.sampler,
    steps: whole(params.get("steps"), 1, 200, DEFAULTS.steps),
    eta: eta >= 0 && eta <= 1 ? eta : DEFAULTS.eta,
    seed: whole(params.get("seed"), 0, 2 ** 31 - 1, DEFAULTS.seed),
  };
}

/** The request of these settings; pixels: the data URL of a picture of one's own. */
export function request({ denoiser, model, of, guidance, picture, size, sampler, steps, eta, seed }, pixels) {
  const who = model ? { model, ...asking({ of, guidance }) } : { denoiser, ...(denoiser === "oracle" ? { picture: pixels ?? picture } : {}), width: size, height: size };
  return { ...who, sampler, steps, ...(sampler === "ddim" ? { eta } : {}), seed };
}

/** The form. change(settings) is called with what was changed; picked(picture) with a picture chosen for the oracle. */
export function form(settings, { change, picked, onError }) {
  const set = (next) => {
    Object.assign(settings, next);
    arrange();
    change(Object.fromEntries(Object.entries(next).map(([key, value]) => [key, value === DEFAULTS[key] ? null : value])));
  };
  const who = () => (settings.model ? `model:${settings.model}` : settings.denoiser);
  const choices = (list) => [
    { value: "exact", label: "Exact, of six photographs" },
    { value: "grainy", label: "Exact, of the same with grain" },
    { value: "oracle", label: "Oracle, told a picture" },
    ...list.map((name) => ({ value: `model:${name}`, label: name })),
  ];
  const denoiser = select({
    label: "Denoiser",
    options: choices(settings.model ? [settings.model] : []),
    value: who(),
    onChange: (value) => {
      ask.forget();
      set({ of: null, ...(value.startsWith("model:") ? { model: value.slice(6), denoiser: "exact" } : { model: null, denoiser: value }) });
      classes();
    },
  });
  const none = h("p", { class: "hint" }, "Trained runs of pictures in the workspace are listed here too. ", h("a", { href: "#/records?step=train&table=digits" }, "Train one on digits."));
  runs("images").then((list) => {
    const names = list.map(({ name }) => name);
    if (settings.model && !names.includes(settings.model)) names.push(settings.model);
    denoiser.options(choices(names));
    denoiser.set(who());
    none.hidden = names.length > 0;
  }, onError);

  const ask = asked(settings, set);
  const classes = async () => {
    const { model } = settings;
    if (model === null) return;
    try {
      const card = await cardOf(model);
      if (model === settings.model) ask.classes(card.classes);
    } catch {
      // the run itself says what is wrong with the model
    }
  };

  const size = select({ label: "Size", options: SIZES.map((each) => ({ value: String(each), label: `${each} × ${each} pixels` })), value: String(settings.size), onChange: (value) => set({ size: Number(value) }) });
  const pictures = picker({
    value: settings.picture,
    promise: "It is sent to this server, which keeps it no longer than the run.",
    onPick: (picture) => {
      pictures.mark(picture.name);
      picked(picture);
      set({ picture: picture.name });
    },
    onError: (problem) => clear(wrong, failure(problem)),
  });
  const wrong = h("div");
  const picture = field("Picture that the oracle knows", h("div", { class: "stack" }, pictures, wrong));
  const sampler = select({ label: "Sampler", options: SAMPLERS.map(({ name, label }) => ({ value: name, label })), value: settings.sampler, onChange: (value) => set({ sampler: value }) });
  const about = h("p", { class: "hint" });
  const steps = slider({ label: "Steps", min: 1, max: 200, value: settings.steps, onInput: () => {}, onChange: (value) => set({ steps: value }) });
  const eta = slider({ label: "Eta", min: 0, max: 1, step: 0.05, value: settings.eta, format: (value) => value.toFixed(2), onInput: () => {}, onChange: (value) => set({ eta: value }), hint: "0: the same noise gives the same picture. 1: ancestral." });
  const seed = number({ label: "Seed", min: 0, max: 2 ** 31 - 1, value: settings.seed, onChange: (value) => set({ seed: value }), hint: "The same seed gives the same noise." });
  const arrange = () => {
    size.hidden = Boolean(settings.model);
    picture.hidden = Boolean(settings.model) || settings.denoiser !== "oracle";
    eta.hidden = settings.sampler !== "ddim";
    about.textContent = method(settings.sampler).about;
  };
  arrange();
  classes();
  const root = h("div", { class: "stack" }, denoiser, none, ask, picture, size, h("div", { class: "field" }, sampler, about), steps, eta, seed);
  const reseed = (value) => {
    seed.set(value);
    set({ seed: value });
  };
  return Object.assign(root, { reseed, destroy: () => pictures.destroy() });
}
