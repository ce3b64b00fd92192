// One run: what it is and how far it came, its losses as they come, the verdict of its report, what it showed and what was made of
// it; and what can be done with it.

import { h, clear } from "../../lib/dom.js";
import { get } from "../../lib/api.js";
import { watch } from "../../lib/jobs.js";
import { address } from "../../lib/state.js";
import { amount, busy, empty, failure, unanswered, when } from "../../lib/states.js";
import { scrolling, tableOf } from "../../lib/table.js";
import { cardOf, facts } from "../models.js";
import { losses } from "../records/losses.js";
import { standing } from "../queue/words.js";
import { verdict } from "../reports/verdict.js";
import { acts } from "./acts.js";
import { figures, samples } from "./made.js";
import { follow } from "./numbers.js";
import { KINDS, flat, said, stateMark, steps } from "./words.js";

const [LIVELY, CALM] = [1000, 10_000]; // milliseconds between two looks, while it trains and while it does not

/** The run of this name. Gives the way to leave. */
export function one(root, name) {
  const leaving = new AbortController();
  const { signal } = leaving;
  const place = h("div", { class: "stage" }, busy(`Reading ${name} …`));
  const away = h("p", { class: "notice warn", role: "status", hidden: true });
  root.append(h("div", { class: "stage" }, h("p", null, h("a", { href: address("runs") }, "All runs")), away, place));
  let shown = null; // the parts of the page, once they are there
  begin();
  return () => leaving.abort();

  function begin() {
    watch("/api/models", {
      signal,
      every: () => (shown?.run.state === "training" ? LIVELY : CALM),
      onAway(seconds) {
        away.hidden = seconds === null;
        away.textContent = seconds === null ? "" : unanswered(seconds);
      },
      onNews({ models }) {
        const run = models.find((each) => each.name === name);
        if (!run) return gone();
        if (run.kind === null) return clear(place, failure({ title: `${name} cannot be read`, detail: run.error }));
        return show(run);
      },
    }).catch((problem) => problem.name !== "AbortError" && clear(place, failure(problem, begin)));
  }

  function gone() {
    shown = null;
    clear(place, empty(`There is no run ${name} here: it was renamed or deleted, or it is still to be made.`, h("a", { class: "button primary", href: address("runs") }, "All runs")));
  }

  function show(run) {
    if (shown && same(shown.run, run)) return;
    const before = shown?.run;
    if (!shown) build(run);
    Object.assign(shown, { run });
    clear(shown.head, h("h2", null, run.name), stateMark(run), h("span", { class: "hint" }, `${KINDS[run.kind]} · ${run.source} · ${amount(run.bytes)} · changed ${when(run.modified)}`));
    shown.acts.of(run);
    training(run);
    if (!before || before.report !== run.report || before.verdict !== run.verdict) report(run);
    if (!before || before.state !== run.state || before.done !== run.done) details(run, before);
  }

  function build(run) {
    const plot = losses();
    const [head, job, told, judged, shows, made, rest] = [h("div", { class: "job-head" }), h("div"), h("div"), h("section", { class: "stack" }), h("div"), h("div"), h("div", { class: "stage" })];
    shown = { run, head, job, told, judged, shows, made, rest, acts: acts(signal) };
    clear(place, head, shown.acts.root, job, told, judged, plot, shows, made, rest);
    follow(run, signal, (lines) => lines.forEach(plot.add));
  }

  /** How the training stands that is at work on it. */
  async function training(run) {
    if (run.job === null) return clear(shown.job);
    try {
      const view = await get(`/api/jobs/${run.job}`, { signal });
      const bar = h("progress", { "aria-label": "How far the training is", ...(view.progress?.total ? { max: view.progress.total, value: view.progress.done } : {}) });
      return clear(shown.job, h("div", { class: "notice" }, h("p", { role: "status" }, `Training: ${standing(view)}. It is not renamed or deleted meanwhile.`), bar, h("p", null, h("a", { href: address("queue") }, "Stop it in the queue"))));
    } catch {
      return clear(shown.job); // it has ended: the next look says so
    }
  }

  async function report(run) {
    if (!run.report) {
      const none = run.state === "training" ? "Its report is made when it is trained." : "No report yet: whether what it makes is realistic, useful and private is not known.";
      return clear(shown.judged, h("h2", null, "Verdict"), h("p", { class: "soft" }, none));
    }
    try {
      const { reports } = await get("/api/reports", { signal });
      return clear(shown.judged, h("h2", null, "Verdict"), verdict(reports.find((each) => each.name === run.report)));
    } catch (problem) {
      return problem.name !== "AbortError" && clear(shown.judged, failure(problem, () => report(run)));
    }
  }

  async function details(run, before) {
    try {
      const card = await cardOf(name, signal);
      shown.acts.of(run, card);
      clear(shown.told, facts({ steps: steps(run).replace(/ steps?$/, ""), "best step": card.best_step, "loss set aside": card.loss_aside, weights: card.parameters }), card.advice?.length ? h("ul", { class: "said hint" }, card.advice.map((sentence) => h("li", null, sentence))) : null);
      if (before && before.state === run.state) return;
      clear(shown.rest, columns(card), h("details", { class: "more" }, h("summary", null, "All settings"), scrolling("Settings", tableOf({ columns: ["setting", "value"], rows: flat(card.config).map(([key, value]) => [key, said(value)]) }))));
      figures(shown.shows, name, signal);
      samples(shown.made, name, signal);
    } catch (problem) {
      if (problem.name !== "AbortError") clear(shown.told, failure(problem, () => details(run)));
    }
  }
}

/** Whether nothing is to be drawn anew. */
function same(one, other) {
  return other.state !== "training" && JSON.stringify(one) === JSON.stringify(other);
}

function columns(card) {
  if (!card.columns) {
    const told = (card.attributes ?? []).map(({ name, kind, levels, length }) => `${name} (${kind === "levels" ? levels.join(", ") : kind === "vector" ? `${length} numbers` : kind})`);
    const said = card.classes?.length ? `Classes: ${card.classes.join(", ")}` : told.length ? `Attributes: ${told.join("; ")}` : null;
    return said && h("p", { class: "hint" }, said);
  }
  const rows = card.columns.map((each) => [each.name, each.role, each.kind, each.levels?.length ? each.levels.join(", ") : null]);
  return h("details", { class: "more" }, h("summary", null, `${card.columns.length} columns`), scrolling("Columns", tableOf({ columns: ["column", "role", "kind", "levels"], rows })));
}
