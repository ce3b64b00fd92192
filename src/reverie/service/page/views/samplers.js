// Samplers: one noise, many ways down; what each gains for what it costs.

import { h, clear } from "../lib/dom.js";
import { badge } from "../lib/badge.js";
import { callDialog } from "../lib/call.js";
import { button } from "../lib/controls.js";
import { csv, saveData } from "../lib/download.js";
import { address } from "../lib/state.js";
import { empty } from "../lib/states.js";
import { worker } from "../lib/work.js";
import { method } from "./methods.js";
import { gallery } from "./samplers/gallery.js";
import { plots } from "./samplers/plots.js";
import { controls, request } from "./samplers/settings.js";

const PATH = "/api/comparisons";

export const title = "One noise, many samplers";
export const summary =
  "All samplers start from the same noise and ask the same denoiser. What differs is how far they trust each answer: how near they come to the reference, and for how many network calls.";

export const asks = true;

export function mount(root, { params, save }) {
  const place = h("div", { class: "stage" });
  const stale = h("p", { class: "hint", role: "status" });
  const run = button({ label: "Compare", kind: "primary", onClick: () => start(work.start) });
  let compared = false;
  const { settings, root: fields } = controls(PATH, {
    params,
    save,
    change() {
      if (compared) stale.textContent = "The settings have changed: compare again to see them.";
    },
  });
  const work = worker(place, {
    path: PATH,
    params,
    save,
    waiting: "Comparing …",
    body: () => request(settings),
    beside: () => gallery({ ...settings, watch: (sampler, steps) => watch(settings, sampler, steps) }),
    hear: (table) => ({ onMetric: (cell) => cell.image && table.add(cell) }),
    present(result, body, stays, table) {
      result.cells.forEach(table.add);
      table.rank(result.cells);
      compared = true;
      present(result, table, body);
    },
  });
  const show = callDialog(() => [["compare_samplers", request(settings)]]);
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, fields, h("div", { class: "row" }, run, show), stale), place));

  async function start(begin) {
    save({ run: 1 }, { now: true }); // a link to a comparison that was made makes it again
    compared = false;
    stale.textContent = "";
    run.disabled = true;
    await begin();
    run.disabled = false;
  }

  function present(result, table, body) {
    const { cells, reference, start: noise, metadata } = result;
    const end = (src, name, words) => h("figure", null, h("img", { class: "pixels", src, alt: name }), h("figcaption", null, h("div", { class: "strong" }, name), h("p", { class: "hint" }, words)));
    const ended = method(reference.sampler).label;
    clear(
      place,
      h("div", { class: "row" }, badge(metadata.evidence), h("span", { class: "soft" }, metadata.denoiser)),
      h("div", { class: "ends" }, end(noise, "The noise", `Seed ${body.seed}: where all of them start.`), end(reference.image, "The reference", `${ended} in ${reference.steps} steps: what all are measured against.${own(reference)}`)),
      table,
      h("p", { class: "hint prose" }, "Error: root mean square distance to the reference, pixels in −1 … 1. Outlined: the nearest of those without noise. Samplers that draw noise end at another picture of the same distribution: their distance is no error of the solver, and does not go to zero."),
      plots(cells),
      h("div", { class: "row" },
        button({ label: "Save the numbers", onClick: () => saveData("samplers.csv", csv(["sampler", "steps", "calls", "seconds", "error"], cells.map((cell) => [cell.sampler, cell.steps, cell.calls, cell.seconds, cell.error]))) }),
        button({ label: "Save everything", title: "Pictures and numbers, as the server sent them", onClick: () => saveData("samplers.json", result) })),
    );
  }

  clear(place, empty("Choose samplers and numbers of steps, then compare. The exact denoiser of six photographs with a little grain takes seconds; a network takes longer."));
  if (params.has("run")) start(work.resume);
  return work.close;
}

/** Where a run of the grid can be watched step by step. */
function watch({ model, size, seed }, sampler, steps) {
  return address("reverse", new URLSearchParams({ ...(model ? { model } : { denoiser: "grainy", size }), sampler, steps, seed }));
}

function own({ own_error: error }) {
  return typeof error === "number" ? ` Itself in half as many differs by ${Number(error.toPrecision(2))}.` : "";
}
