// Change: a picture made over, a hole in it filled, taken to its noise and back, or led to another.

import { h, clear } from "../../lib/dom.js";
import { job } from "../../lib/api.js";
import { badge } from "../../lib/badge.js";
import { callDialog } from "../../lib/call.js";
import { button, field, more, select, slider } from "../../lib/controls.js";
import { loadPicture, picker } from "../../lib/pictures.js";
import { busy, empty, failure } from "../../lib/states.js";
import { asking } from "../asked.js";
import { whole } from "../methods.js";
import { facts, files } from "../models.js";
import { changing } from "./calls.js";
import { fields, request, told, train } from "./drawing.js";
import { fitted, hole, toldHole } from "./hole.js";

const WAYS = {
  "image-to-image": { label: "Make it over", about: "Noise up to a level, then the reverse process: the higher the level, the less of the picture stays." },
  inpaint: { label: "Fill a hole", about: "What lies outside the hole stays as it is, and what is inside is made to go with it." },
  invert: { label: "To its noise and back", about: "The noise that the picture would have come from, and what sampling makes of that noise again." },
  interpolate: { label: "Lead it to another", about: "Both are taken to their noises, and the arc between these is sampled." },
};
const WALK = 50;

export function mount(root, { params, save }) {
  const level = Number(params.get("level") ?? 0.6);
  const settings = {
    ...told(params),
    edit: params.get("edit") in WAYS ? params.get("edit") : "image-to-image",
    picture: params.get("picture") ?? "digits:3",
    other: params.get("other") ?? "digits:8",
    level: level >= 0 && level <= 1 ? level : 0.6,
    many: whole(params.get("many"), 2, 15, 8),
  };
  let card = null;
  let work = null;
  let open = true;
  const given = {}; // the pictures, by their names, once they were read
  const place = h("div", { class: "stage" });
  const wrong = h("div");
  const run = button({ label: "Change it", kind: "primary", disabled: true, onClick: () => start() });
  const form = fields(settings, { save, onModel: known, onError: (problem, again) => open && clear(place, failure(problem, again)) });
  const about = h("p", { class: "hint" });
  const way = select({ label: "How", options: Object.entries(WAYS).map(([value, { label }]) => ({ value, label })), value: settings.edit, onChange: (value) => choose(value) });
  const pick = (key, label) => {
    const choice = picker({
      value: settings[key],
      promise: "It is sent to this server, which keeps it no longer than the work takes; what is made of it stays with the job.",
      onPick: (picture) => {
        given[picture.name] = picture;
        choice.mark(picture.name);
        clear(wrong);
        form.set({ [key]: picture.name });
        look();
      },
      onError: (problem) => clear(wrong, failure(problem)),
    });
    return Object.assign(field(label, choice), { destroy: () => choice.destroy() });
  };
  const picture = pick("picture", "Picture");
  const other = pick("other", "The other picture");
  const opening = hole({ value: toldHole(params), change: (name) => save({ hole: name }) });
  const from = slider({ label: "Noise level", min: 0, max: 1, step: 0.05, value: settings.level, format: (value) => value.toFixed(2), onInput: () => {}, onChange: (value) => form.set({ level: value }), hint: "As a share of T." });
  const many = slider({ label: "How many", min: 2, max: 15, value: settings.many, onInput: () => {}, onChange: (value) => form.set({ many: value }) });
  const drawn = more("More", form.sampler, form.steps, form.seed);
  const show = callDialog(Object.fromEntries(["curl", "cli", "python"].map((kind) => [kind, () => changing(body())[kind]()])));
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, form.model, h("div", { class: "field" }, way, about), picture, other, wrong, opening, from, form.ask, many, drawn, h("div", { class: "row" }, run, show)), place));

  const choose = (edit) => {
    form.set({ edit });
    arrange();
  };
  const isDrawn = () => ["image-to-image", "inpaint"].includes(settings.edit);
  const arrange = () => {
    about.textContent = WAYS[settings.edit].about;
    other.hidden = settings.edit !== "interpolate";
    opening.hidden = settings.edit !== "inpaint";
    from.hidden = settings.edit !== "image-to-image";
    many.hidden = settings.edit === "invert";
    drawn.hidden = !isDrawn();
    look();
  };

  /** The request; of pictures of one's own, what is sent. */
  function body() {
    const { edit, model } = settings;
    const pixels = (name) => (name.startsWith("own:") ? (given[name]?.dataURL ?? "data:") : name);
    const asked = isDrawn() ? request(settings) : { model, ...asking({ of: settings.of, guidance: 1 }), steps: WALK };
    return {
      edit,
      ...asked,
      picture: pixels(settings.picture),
      ...(edit === "interpolate" ? { other: pixels(settings.other) } : {}),
      ...(edit === "inpaint" ? { mask: opening.mask() } : {}),
      ...(edit === "image-to-image" ? { level: settings.level } : {}),
      ...(edit === "invert" ? {} : { count: settings.many }),
    };
  }

  const read = async (name) => (given[name] ??= await loadPicture(name));

  /** Shows the picture under the hole, once both are known. */
  async function look() {
    if (settings.edit !== "inpaint" || card === null) return;
    try {
      const found = await read(settings.picture);
      if (open) await opening.show(found, card.image_shape);
    } catch (problem) {
      if (open) clear(wrong, failure(problem));
    }
  }

  async function known(found) {
    if (!open) return;
    card = found;
    run.disabled = card === null;
    if (card === null) return clear(place, empty("There is no trained model of pictures in the workspace yet.", train()));
    await look();
    if (!open) return;
    if (params.has("run")) start();
    else clear(place, empty("Choose a picture, say how it is to change, and change it."));
  }

  async function start() {
    work?.abort();
    const mine = (work = new AbortController());
    const wait = busy("Changing the picture …", { onCancel: () => mine.abort() });
    clear(place, wait);
    save({ run: 1 });
    try {
      const own = await Promise.all([read(settings.picture), settings.edit === "interpolate" ? read(settings.other) : null]);
      await look(); // the hole goes with the picture that is sent
      const asked = body();
      const result = await job("/api/edits", asked, { signal: mine.signal, ...wait.hear });
      const before = isDrawn() ? [await fitted(h("canvas", { class: "pixels", role: "img", "aria-label": "The picture as the model sees it" }), own[0], card.image_shape)] : [];
      if (!open || work !== mine) return;
      present(asked, result, before);
    } catch (problem) {
      if (!open || work !== mine) return;
      clear(place, problem.name === "AbortError" ? empty("Stopped. Nothing is computing any more.") : failure(problem, start));
    }
  }

  function present(asked, { summary, files: made, preview }, before) {
    const names = { invert: ["given", "from its noise"], interpolate: preview.images.map((_, i) => (i === 0 ? "from" : i === preview.images.length - 1 ? "to" : `${i + 1}`)) }[asked.edit] ?? preview.images.map((_, i) => `${i + 1}`);
    const shown = (element, words) => h("figure", null, element, h("figcaption", { class: "hint" }, words));
    const pictures = preview.images.map((source, i) => shown(h("img", { class: "pixels", src: source, alt: `${WAYS[asked.edit].label}: ${names[i]}` }), names[i]));
    const { edit, ...numbers } = summary;
    clear(
      place,
      h("div", { class: "row" }, badge("learned"), h("span", { class: "soft" }, `the model in ${asked.model}${settings.of === null ? "" : `, of class ${settings.of}`}`)),
      h("div", { class: "made", dataset: { edit } }, before.map((canvas) => shown(canvas, "given")), pictures),
      facts(numbers),
      h("div", { class: "row" }, files(made)),
    );
  }

  clear(place, busy("Looking for models …"));
  arrange();
  return () => {
    open = false;
    work?.abort();
    picture.destroy();
    other.destroy();
  };
}
