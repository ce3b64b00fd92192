// Train: within a budget, with the losses as they come. The job lives at the server: its id is in the address, so a page
// that is loaded anew goes on showing it, and neither leaving the page nor a restart of the server ends it.

import { h, clear } from "../../lib/dom.js";
import { post } from "../../lib/api.js";
import { cancel, rejoin } from "../../lib/jobs.js";
import { callDialog } from "../../lib/call.js";
import { button } from "../../lib/controls.js";
import { csv, saveData } from "../../lib/download.js";
import { address } from "../../lib/state.js";
import { busy, empty, failure, reveal } from "../../lib/states.js";
import { isPictures } from "../../lib/uploads.js";
import { controls, request } from "./budget.js";
import { losses } from "./losses.js";
import { facts } from "../models.js";
import { verdict } from "./verdict.js";

const PATH = "/api/trainings";
const FRESH = 60_000; // milliseconds: a run that ended so lately is judged without being asked

const RECORDS = {
  controls,
  request,
  next: (name, go) => [button({ label: "Make new patients", kind: "primary", onClick: () => go("generate", { model: name }) }), button({ label: "Complete a record", onClick: () => go("complete", { model: name }) })],
};

export const mount = (root, view) => training(root, view, RECORDS);

/** The step of a view that trains. of: its {controls, request} as those of budget.js, and next(name of the run, go), what leads on. */
export function training(root, { params, save, go }, { controls, request, next: further }) {
  const { settings, root: fields } = controls(PATH, { params, save });
  let following = null;
  let plot = null;
  let judged = null; // what is said of the run
  const place = h("div", { class: "stage" });
  const start = button({ label: "Train", kind: "primary", onClick: () => begin() });
  const show = callDialog(async () => [["train", await request(settings)]]);
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, fields, h("div", { class: "row" }, start, show)), place));

  async function begin() {
    start.disabled = true;
    start.className = "button primary";
    forget();
    clear(place, busy("Sending …"));
    reveal(place);
    try {
      const { body, status } = await post(PATH, await request(settings), { wait: 0 });
      if (status !== 202) return finished(body);
      save({ job: body.id, work: null }, { push: true });
      await follow(body.id);
    } catch (problem) {
      clear(place, failure(problem, begin), undecided(problem));
    } finally {
      start.disabled = false;
    }
  }

  async function follow(id) {
    const mine = (following = new AbortController());
    const wait = busy("Training …", { onCancel: () => stop(id, wait), stays: true });
    const said = h("ul", { class: "hint said" });
    let ended = null;
    plot = losses();
    clear(place, wait, plot, said);
    start.disabled = true;
    try {
      const card = await rejoin(id, {
        signal: mine.signal,
        ...wait.hear,
        onMetric: plot.add,
        onEnd: (view) => (ended = Date.parse(view.ended)),
        onSay: (sentence) => typeof sentence === "string" && said.append(h("li", null, sentence)),
      });
      if (following === mine) finished(card, said, Date.now() - ended < FRESH);
    } catch (problem) {
      if (following !== mine) return;
      const stopped = problem.name === "AbortError";
      const kept = plot.rows().length ? plot : null;
      clear(place, stopped ? empty("Stopped. What was learned up to the last checkpoint stays in the run's folder.") : failure(problem.status === 404 ? { title: "This training is not known here any more", detail: "Its server keeps only so many jobs. A finished run is still listed under Runs." } : problem), undecided(problem), kept, kept && said);
      save({ job: null });
    } finally {
      if (following === mine) start.disabled = false;
    }
  }

  /** The way to where a table is told what it does not say by itself. */
  function undecided(problem) {
    return problem.errors?.some(({ choices }) => choices?.length) ? h("div", { class: "row" }, button({ label: "Choose it where the table is described", kind: "primary", onClick: () => go("describe", {}) })) : null;
  }

  async function stop(id, wait) {
    wait.say("Stopping …");
    try {
      await cancel(id);
    } catch (problem) {
      wait.say(problem.detail ?? problem.message);
    }
  }

  function finished(card, said = null, fresh = true) {
    const name = card.name ?? settings.out;
    const pictures = card.kind === "images" || (card.kind === undefined && isPictures(settings.table));
    const told = { steps: card.steps?.done, "best step": card.best_step, "loss set aside": card.loss_aside, parameters: card.parameters };
    start.className = "button plain"; // the next step is the accent now
    const next = pictures
      ? [h("a", { class: "button primary", href: address("reverse", new URLSearchParams({ model: name })) }, "Watch it run backwards"), h("a", { class: "button", href: address("samplers", new URLSearchParams({ model: name, run: "1" })) }, "Compare samplers")]
      : further(name, go);
    judged?.close();
    judged = verdict(name, { params, save, fresh: fresh && !pictures });
    clear(
      place,
      h("h2", null, `${name} is trained`),
      facts(told),
      judged.root,
      h("div", { class: "row" }, next, plot ? button({ label: "Save the losses", onClick: () => saveLosses(name) }) : null),
      plot,
      said,
    );
  }

  function saveLosses(name) {
    saveData(`${name.split("/").at(-1)}-losses.csv`, csv(["step", "loss", "loss_aside"], plot.rows().map((row) => [row.step, row.loss, row.loss_aside])));
  }

  function forget() {
    following?.abort(); // stops listening; the job goes on
    judged?.close();
    following = plot = judged = null;
  }

  if (params.has("job")) follow(params.get("job"));
  else clear(place, empty("The losses appear here as training goes on. It runs at the server: you can leave this page, and come back by its address."));
  return forget;
}
