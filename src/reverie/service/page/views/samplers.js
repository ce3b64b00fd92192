// Samplers: one noise, many ways down; what each gains for what it costs.

import { h, clear } from "../lib/dom.js";
import { job } from "../lib/api.js";
import { badge } from "../lib/badge.js";
import { callDialog } from "../lib/call.js";
import { button } from "../lib/controls.js";
import { csv, saveData } from "../lib/download.js";
import { address } from "../lib/state.js";
import { busy, empty, failure } from "../lib/states.js";
import { method } from "./methods.js";
import { PATH, calls } from "./samplers/calls.js";
import { gallery } from "./samplers/gallery.js";
import { plots } from "./samplers/plots.js";
import { form, request, told } from "./samplers/settings.js";

export const title = "One noise, many samplers";
export const summary =
  "All samplers start from the same noise and ask the same denoiser. What differs is how far they trust each answer: how near they come to the reference, and for how many network calls.";

export function mount(root, { params, save }) {
  const settings = told(params);
  let work = null;
  let drawn = null;
  let open = true;

  const run = button({ label: "Compare", kind: "primary", onClick: () => start() });
  const stale = h("p", { class: "hint", role: "status" });
  const place = h("div", { class: "stage" });
  const controls = form(settings, (changes) => {
    save(changes);
    if (drawn) stale.textContent = "The settings have changed: compare again to see them.";
  });
  const now = () => calls(request(settings));
  const show = callDialog({ curl: () => now().curl(), cli: () => now().cli(), python: () => now().python() });
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, controls, h("div", { class: "row" }, run, show), stale), place));

  async function start() {
    work?.abort();
    forget();
    const mine = (work = new AbortController());
    const body = request(settings);
    save({ run: 1 }); // a link to a comparison that was made makes it again
    stale.textContent = "";
    const wait = busy("Comparing …", { onCancel: () => mine.abort() });
    const table = gallery({ ...body, watch: (sampler, steps) => watch(settings, sampler, steps) });
    clear(place, wait, table);
    run.disabled = true;
    try {
      const result = await job(PATH, body, {
        signal: mine.signal,
        ...wait.hear,
        onMetric: (cell) => cell.image && table.add(cell),
      });
      if (!open) return;
      result.cells.forEach(table.add);
      table.rank(result.cells);
      await present(result, table, body);
    } catch (problem) {
      if (!open || work !== mine) return;
      clear(place, problem.name === "AbortError" ? empty("Stopped. Nothing is computing any more.") : failure(problem, start));
    } finally {
      if (work === mine) work = null;
      run.disabled = false;
    }
  }

  async function present(result, table, body) {
    const { cells, reference, start: noise, metadata } = result;
    drawn = await plots(cells);
    const end = (src, name, words) => h("figure", null, h("img", { class: "pixels", src, alt: name }), h("figcaption", null, h("div", { class: "strong" }, name), h("p", { class: "hint" }, words)));
    const ended = method(reference.sampler).label;
    clear(
      place,
      h("div", { class: "row" }, badge(metadata.evidence), h("span", { class: "soft" }, metadata.denoiser)),
      h("div", { class: "ends" }, end(noise, "The noise", `Seed ${body.seed}: where all of them start.`), end(reference.image, "The reference", `${ended} in ${reference.steps} steps: what all are measured against.${own(reference)}`)),
      table,
      h("p", { class: "hint prose" }, "Error: root mean square distance to the reference, pixels in −1 … 1. Outlined: the nearest of those without noise. Samplers that draw noise end at another picture of the same distribution: their distance is no error of the solver, and does not go to zero."),
      drawn.root,
      h("div", { class: "row" },
        button({ label: "Save the numbers", onClick: () => saveData("samplers.csv", csv(["sampler", "steps", "calls", "seconds", "error"], cells.map((cell) => [cell.sampler, cell.steps, cell.calls, cell.seconds, cell.error]))) }),
        button({ label: "Save everything", title: "Pictures and numbers, as the server sent them", onClick: () => saveData("samplers.json", result) })),
    );
    await drawn.made;
  }

  function forget() {
    drawn?.destroy();
    drawn = null;
  }

  clear(place, empty("Choose samplers and numbers of steps, then compare. The exact denoiser of six photographs with a little grain takes seconds; a network takes longer."));
  if (params.has("run")) start();
  return () => {
    open = false;
    work?.abort();
    forget();
  };
}

/** Where a run of the grid can be watched step by step. */
function watch({ model, size, seed }, sampler, steps) {
  return address("reverse", new URLSearchParams({ ...(model ? { model } : { denoiser: "grainy", size }), sampler, steps, seed }));
}

function own({ own_error: error }) {
  return typeof error === "number" ? ` Itself in half as many differs by ${Number(error.toPrecision(2))}.` : "";
}
