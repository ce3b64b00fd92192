// Change: a picture made over, a hole in it filled, enlarged, sharpened, taken to its noise and back, or led to another.

import { h, clear } from "../../lib/dom.js";
import { badge } from "../../lib/badge.js";
import { callDialog } from "../../lib/call.js";
import { field, more } from "../../lib/controls.js";
import { limits } from "../../lib/operations.js";
import { loadPicture, picker } from "../../lib/pictures.js";
import { busy, empty, failure } from "../../lib/states.js";
import { worker } from "../../lib/work.js";
import { asking, ofClass } from "../fields.js";
import { facts, files } from "../models.js";
import { drawing, request, train } from "./drawing.js";
import { SHAPES, fitted, hole } from "./hole.js";

const PATH = "/api/edits";
const WAYS = {
  "image-to-image": { label: "Make it over", about: "Noise up to a level, then the reverse process: the higher the level, the less of the picture stays." },
  inpaint: { label: "Fill a hole", about: "What lies outside the hole stays as it is, and what is inside is made to go with it." },
  upscale: { label: "Enlarge it", about: "The picture is taken as a small copy, each of its pixels the mean of a block. What is made are large pictures that it may be of." },
  deblur: { label: "Sharpen it", about: "The picture is taken as a blurred one. What is made are sharp pictures that it may be of." },
  invert: { label: "To its noise and back", about: "The noise that the picture would have come from, and what sampling makes of that noise again." },
  interpolate: { label: "Lead it to another", about: "Both are taken to their noises, and the arc between these is sampled." },
};
const RESTORED = ["inpaint", "upscale", "deblur"];
const DRAWN = ["image-to-image", ...RESTORED];
const WALKS = [25, 50, 100, 200];
const DECLARED = {
  edit: { kind: "select", label: "How", options: Object.entries(WAYS).map(([value, { label }]) => ({ value, label })), otherwise: "image-to-image" },
  picture: { otherwise: "digits:3" },
  other: { otherwise: "digits:8" },
  hole: { parse: (name) => (name in SHAPES ? name : null), otherwise: "left" },
  level: { kind: "slider", label: "Noise level", step: 0.05, format: (value) => value.toFixed(2), hint: "As a share of T.", when: ({ edit }) => edit === "image-to-image" },
  walk: { kind: "select", label: "Steps of the walk", options: WALKS.map((value) => ({ value, label: `${value} to the noise, and as many back` })), otherwise: 50, hint: "More retrace the picture better, and take longer.", when: ({ edit }) => !DRAWN.includes(edit) },
  factor: { kind: "number", label: "Factor", hint: "How many times smaller it is, in pixels of a side, than the pictures of the model.", when: ({ edit }) => edit === "upscale" },
  blur: { kind: "number", label: "Blur", hint: "Deviation of the Gaussian, in pixels of the model's pictures.", when: ({ edit }) => edit === "deblur" },
  soft: { kind: "toggle", label: "With soft edges", hint: "The brush fades: where it is pale, a pixel is known by half.", when: ({ edit, own_size }) => edit === "inpaint" && !own_size },
  own_size: { kind: "toggle", label: "At the picture's own size", hint: "The part around the hole is changed, and pasted back.", when: ({ edit, soft }) => edit === "inpaint" && !soft },
  many: { kind: "slider", label: "How many", min: 2, max: 15, step: 1, otherwise: 8, when: ({ edit }) => edit !== "invert" }, // as many as the reply shows
};

export function mount(root, { params, save }) {
  let card = null;
  const given = {}; // the pictures, by their names, once they were read
  const place = h("div", { class: "stage" });
  const wrong = h("div");
  const about = h("p", { class: "hint" });
  const work = worker(place, { path: PATH, waiting: "Changing the picture …", label: "Change it", body: ready, present, refused: (problem) => form.refuse(problem), params, save });
  const methods = [{ value: "", label: "the usual" }, ...limits(PATH, "method").options];
  const method = { kind: "select", label: "Method", options: methods, hint: "How what was seen is kept to.", when: ({ edit }) => RESTORED.includes(edit) };
  const form = drawing(PATH, { ...DECLARED, method }, { params, save, onModel: known, onError: (problem, again) => work.alive() && clear(place, failure(problem, again)) });
  const { settings } = form;
  form.edit.input.addEventListener("change", () => arrange());
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
  const opening = hole({ value: settings.hole, change: (name) => form.set({ hole: name }) });
  for (const each of [form.soft, form.own_size]) each.input.addEventListener("change", () => look());
  const drawn = more("More", form.method, form.sampler, form.steps, form.seed);
  const show = callDialog(() => [["edit_pictures", body()]]);
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, form.chooser, h("div", { class: "field" }, form.edit, about), picture, other, wrong, opening, form.soft, form.own_size, form.factor, form.blur, form.level, form.of, form.wish, form.guidance, form.many, form.walk, drawn, h("div", { class: "row" }, work.button, show)), place));
  clear(place, busy("Looking for models …"));
  arrange();
  return () => {
    work.close();
    picture.destroy();
    other.destroy();
  };

  function arrange() {
    about.textContent = WAYS[settings.edit].about;
    other.hidden = settings.edit !== "interpolate";
    opening.hidden = settings.edit !== "inpaint";
    drawn.hidden = !DRAWN.includes(settings.edit);
    look();
  }

  /** Of the picture as the server takes it. */
  function shapeOf({ edit, factor, own_size }) {
    const [height, width, channels] = card.image_shape;
    const { height: high, width: wide } = given[settings.picture];
    return edit === "upscale" ? [height / factor, width / factor, channels] : own_size ? [high, wide, channels] : card.image_shape;
  }

  /** The request; of pictures of one's own, what is sent. */
  function body() {
    const { edit, model } = settings;
    const pixels = (name) => (name.startsWith("own:") ? (given[name]?.dataURL ?? "data:") : name);
    const asked = DRAWN.includes(edit) ? request(settings) : { model, ...asking({ ...settings, guidance: 1 }), steps: settings.walk };
    return {
      edit,
      ...asked,
      picture: pixels(settings.picture),
      ...(edit === "interpolate" ? { other: pixels(settings.other) } : {}),
      ...(edit === "inpaint" ? { mask: opening.mask() } : {}),
      ...(edit === "image-to-image" ? { level: settings.level } : {}),
      ...(edit === "upscale" ? { factor: settings.factor } : {}),
      ...(edit === "deblur" ? { blur: settings.blur } : {}),
      ...(edit === "inpaint" && settings.own_size ? { own_size: true } : edit === "inpaint" && settings.soft ? { soft: true } : {}),
      ...(RESTORED.includes(edit) && settings.method ? { method: settings.method } : {}),
      ...(edit === "invert" ? {} : { count: settings.many }),
    };
  }

  async function read(name) {
    return (given[name] ??= await loadPicture(name));
  }

  /** Shows the picture under the hole, once both are known. */
  async function look() {
    if (settings.edit !== "inpaint" || card === null) return;
    try {
      const found = await read(settings.picture);
      opening.fade(settings.soft);
      if (work.alive()) await opening.show(found, card, settings.own_size);
    } catch (problem) {
      if (work.alive()) clear(wrong, failure(problem));
    }
  }

  async function known(found) {
    if (!work.alive()) return;
    card = found;
    work.button.disabled = card === null;
    if (card === null) return clear(place, empty("There is no trained model of pictures in the workspace yet.", train()));
    await look();
    if (!work.alive()) return;
    work.ready("Choose a picture, say how it is to change, and change it.");
  }

  async function ready() {
    form.refuse(null);
    await Promise.all([read(settings.picture), settings.edit === "interpolate" ? read(settings.other) : null]);
    await look(); // the hole goes with the picture that is sent
    return body();
  }

  async function present({ summary, files: made, preview }, asked, stays) {
    const seen = h("canvas", { class: "pixels", role: "img", "aria-label": "The picture as the model sees it" });
    const before = DRAWN.includes(asked.edit) ? [await fitted(seen, await read(settings.picture), shapeOf(asked), card.config?.source)] : [];
    if (!stays()) return;
    const names = { invert: ["given", "from its noise"], interpolate: preview.images.map((_, i) => (i === 0 ? "from" : i === preview.images.length - 1 ? "to" : `${i + 1}`)) }[asked.edit] ?? preview.images.map((_, i) => `${i + 1}`);
    const shown = (element, words) => h("figure", null, element, h("figcaption", { class: "hint" }, words));
    const pictures = preview.images.map((source, i) => shown(h("img", { class: "pixels", src: source, alt: `${WAYS[asked.edit].label}: ${names[i]}` }), names[i]));
    const { edit, note, ...numbers } = summary;
    clear(
      place,
      h("div", { class: "row" }, badge("learned"), h("span", { class: "soft" }, `the model in ${asked.model}${ofClass(settings)}`)),
      h("div", { class: "made", dataset: { edit } }, before.map((canvas) => shown(canvas, "given")), pictures),
      note ? h("p", { class: "notice warn", role: "status" }, note) : null,
      facts(numbers),
      h("div", { class: "row" }, files(made)),
    );
  }
}
