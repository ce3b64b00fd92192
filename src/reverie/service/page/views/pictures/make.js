// Make: new pictures of a trained model, all on one sheet.

import { h, clear } from "../../lib/dom.js";
import { bytes, job } from "../../lib/api.js";
import { badge } from "../../lib/badge.js";
import { callDialog } from "../../lib/call.js";
import { button, more, select } from "../../lib/controls.js";
import { busy, empty, failure } from "../../lib/states.js";
import { whole } from "../methods.js";
import { facts, files } from "../models.js";
import { making } from "./calls.js";
import { fields, request, told, train } from "./drawing.js";

const COUNTS = [1, 4, 9, 16, 36, 64];

export function mount(root, { params, save }) {
  const count = whole(params.get("count"), 1, 64, 36);
  const settings = { ...told(params), count: COUNTS.includes(count) ? count : 36 };
  let work = null;
  let open = true;
  const place = h("div", { class: "stage" });
  const body = () => ({ ...request(settings), count: settings.count });
  const run = button({ label: "Make", kind: "primary", disabled: true, onClick: () => start() });
  const other = button({
    label: "New noise",
    title: "From other noise: another seed",
    disabled: true,
    onClick: () => {
      const seed = Math.floor(Math.random() * 1e6);
      form.seed.set(seed);
      form.set({ seed });
      start();
    },
  });
  const form = fields(settings, {
    save,
    all: true,
    onModel: known,
    onError: (problem, again) => open && clear(place, failure(problem, again)),
  });
  const many = select({ label: "How many", options: COUNTS.map(String), value: String(settings.count), onChange: (value) => form.set({ count: Number(value) }) });
  const show = callDialog(Object.fromEntries(["curl", "cli", "python"].map((kind) => [kind, () => making(body())[kind]()])));
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, form.model, form.ask, many, more("More", form.sampler, form.steps, form.seed), h("div", { class: "row" }, run, other, show)), place));

  function known(card) {
    if (!open) return;
    run.disabled = other.disabled = card === null;
    if (card === null) clear(place, empty("There is no trained model of pictures in the workspace yet.", train()));
    else if (params.has("run")) start();
    else clear(place, empty("Say what the pictures are to be, or nothing, and make them."));
  }

  async function start() {
    work?.abort();
    const mine = (work = new AbortController());
    const wait = busy("Making pictures …", { onCancel: () => mine.abort() });
    clear(place, wait);
    save({ run: 1 });
    try {
      const asked = body();
      const result = await job("/api/samples", asked, { signal: mine.signal, ...wait.hear });
      const sheet = URL.createObjectURL(new Blob([await bytes(result.files[0].href)], { type: "image/png" }));
      if (!open || work !== mine) return URL.revokeObjectURL(sheet);
      const of = settings.of === null ? "" : settings.of === "*" ? ", of every class in turn" : `, of class ${settings.of}`;
      const image = h("img", { class: "pixels whole", src: sheet, alt: `${asked.count} pictures made by ${asked.model}${of}` });
      image.addEventListener("load", () => URL.revokeObjectURL(sheet), { once: true });
      clear(place, h("div", { class: "row" }, badge("learned"), h("span", { class: "soft" }, `the model in ${asked.model}${of}`)), image, facts(result.summary), h("div", { class: "row" }, files(result.files)));
    } catch (problem) {
      if (!open || work !== mine) return;
      clear(place, problem.name === "AbortError" ? empty("Stopped. Nothing is computing any more.") : failure(problem, start));
    }
  }

  clear(place, busy("Looking for models …"));
  return () => {
    open = false;
    work?.abort();
  };
}
