// Make: new pictures of a trained model, all on one sheet.

import { h, clear } from "../../lib/dom.js";
import { bytes } from "../../lib/api.js";
import { badge } from "../../lib/badge.js";
import { callDialog } from "../../lib/call.js";
import { button, more } from "../../lib/controls.js";
import { busy, empty, failure } from "../../lib/states.js";
import { worker } from "../../lib/work.js";
import { ofClass } from "../fields.js";
import { facts, files } from "../models.js";
import { drawing, request, train } from "./drawing.js";

const PATH = "/api/samples";
const DECLARED = { count: { kind: "select", label: "How many", options: [1, 4, 9, 16, 36, 64], otherwise: 36 } };

export function mount(root, { params, save }) {
  const place = h("div", { class: "stage" });
  const other = button({
    label: "New noise",
    title: "From other noise: another seed",
    disabled: true,
    onClick: () => {
      const seed = Math.floor(Math.random() * 1e6);
      form.seed.set(seed);
      form.set({ seed });
      work.start();
    },
  });
  const work = worker(place, { path: PATH, waiting: "Making pictures …", label: "Make", body, present, params, save });
  const form = drawing(PATH, DECLARED, { params, save, all: true, onModel: known, onError: (problem, again) => work.alive() && clear(place, failure(problem, again)) });
  const { settings } = form;
  const show = callDialog(() => [["sample", { ...body(), out: "pictures.png" }]]);
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, form.chooser, form.of, form.wish, form.guidance, form.count, more("More", form.sampler, form.steps, form.seed), h("div", { class: "row" }, work.button, other, show)), place));
  clear(place, busy("Looking for models …"));
  return work.close;

  function body() {
    return { ...request(settings), count: settings.count };
  }

  function known(card) {
    if (!work.alive()) return;
    work.button.disabled = other.disabled = card === null;
    if (card === null) clear(place, empty("There is no trained model of pictures in the workspace yet.", train()));
    else work.ready("Say what the pictures are to be, or nothing, and make them.");
  }

  async function present(result, { count, model }, stays) {
    const sheet = URL.createObjectURL(new Blob([await bytes(result.files[0].href)], { type: "image/png" }));
    if (!stays()) return URL.revokeObjectURL(sheet);
    const image = h("img", { class: "pixels whole", src: sheet, alt: `${count} pictures made by ${model}${ofClass(settings)}` });
    image.addEventListener("load", () => URL.revokeObjectURL(sheet), { once: true });
    clear(place, h("div", { class: "row" }, badge("learned"), h("span", { class: "soft" }, `the model in ${model}${ofClass(settings)}`)), image, facts(result.summary), h("div", { class: "row" }, files(result.files)));
  }
}
