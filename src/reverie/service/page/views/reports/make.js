// Make a report on a run, or put those of several in one table. All is filled in: one press is enough.

import { h, clear } from "../../lib/dom.js";
import { get } from "../../lib/api.js";
import { callDialog } from "../../lib/call.js";
import { more } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
import { address } from "../../lib/state.js";
import { busy, empty, failure } from "../../lib/states.js";
import { tablesHere } from "../../lib/uploads.js";
import { worker } from "../../lib/work.js";
import { cardOf } from "../models.js";
import { shown } from "./read.js";

const PATH = "/api/reports";
const listed = { parse: (text) => text.split(",").filter(Boolean), write: (names) => names.join(","), otherwise: [] };

/** The fields of a report on these runs. */
function declared({ runs, tables, reports }, chosen) {
  const several = chosen.length > 1;
  const of = runs.find((run) => run.name === chosen[0]);
  const table = (label, words, hint) => ({ kind: "select", label, hint, options: [{ value: "", label: words }, ...tables.map((value) => ({ value, label: value }))], open: true, otherwise: null });
  const usual = several ? free("reports/comparison", reports) : (chosen[0] ?? "");
  const records = of?.kind === "records" && !several;
  return {
    make: { ...listed },
    holdout: { ...table("Real patients held out", "those of the training", "Or a table of others that the model never saw."), when: () => records },
    synthetic: { ...table("Synthetic patients", "made for the report", "Or a table of them that is here already."), when: () => records },
    source: { ...table("Table it was trained on", "the one that its run names", "Where that was moved or renamed."), when: () => records },
    out: { kind: "text", label: "Name of the report", otherwise: usual, hint: several ? "A folder of the workspace." : "That of the run: it stays with the run, and goes where the run goes." },
    seed: { kind: "number", label: "Seed", hint: "The same seed gives the same report." },
    overwrite: { kind: "toggle", label: "Replace the report that is there", otherwise: reports.some(({ name }) => name === usual), when: ({ out }) => reports.some(({ name }) => name === out) },
  };
}

export function make(root, { params, save }) {
  const place = h("div", { class: "stage" }, busy("Looking for runs …"));
  let leave = null;
  let open = true;
  root.append(h("div", { class: "stage" }, h("p", null, h("a", { href: address("reports") }, "All reports")), place));
  begin();
  return () => {
    open = false;
    leave?.();
  };

  async function begin() {
    try {
      const [{ models }, { reports }, tables] = await Promise.all([get("/api/models"), get("/api/reports"), tablesHere()]);
      if (!open) return;
      const runs = models.filter((run) => run.kind !== null && (run.state === "trained" || run.state === "stopped"));
      const names = (params.get("make") ?? "").split(",").filter(Boolean);
      if (runs.length === 0 && names.length === 0) return clear(place, empty("There is no trained run to report on yet.", h("a", { class: "button primary", href: "#/records?step=train" }, "Train one")));
      const chosen = names.length ? names : [newest(runs)];
      const { source = {} } = (chosen.length === 1 && (await cardOf(chosen[0]).catch(() => null))?.config) || {}; // what is wrong with it the report says
      if (!open) return;
      leave = build(place, { runs, reports, tables, source }, chosen, { params, save, again: begin });
    } catch (problem) {
      if (open) clear(place, failure(problem, begin));
    }
    return undefined;
  }
}

function build(place, here, chosen, { params, save, again }) {
  const several = chosen.length > 1;
  const stage = h("div", { class: "stage" });
  const own = form(PATH, declared(here, chosen), { params, save });
  const { settings } = own;
  const body = () => ({
    runs: chosen,
    out: settings.out || chosen[0],
    ...(settings.overwrite && here.reports.some(({ name }) => name === settings.out) ? { overwrite: true } : {}),
    ...(several ? {} : { ...given("holdout"), ...given("synthetic"), ...given("source"), ...(settings.seed ? { seed: settings.seed } : {}) }),
  });
  const given = (name) => (settings[name] ? { [name]: settings[name] } : {});
  const work = worker(stage, {
    path: PATH,
    params,
    save,
    label: several ? "Put them in one table" : "Make the report",
    waiting: () => (several ? "Putting them in one table …" : `Making the report on ${chosen[0]} …`),
    body,
    present: (result) => shown(stage, result.name),
    again: "Begin once more",
  });
  const run = h("select", { id: "report-run", onchange: () => {
    for (const key of ["work", "run", "out", "holdout", "synthetic", "source", "overwrite"]) params.delete(key);
    params.set("make", run.value);
    save({ make: run.value, work: null, run: null, out: null, holdout: null, synthetic: null, source: null, overwrite: null });
    work.close();
    again();
  } }, [...new Set([...chosen, ...here.runs.map(({ name }) => name)])].map((name) => h("option", { value: name, selected: name === chosen[0] }, name)));
  const which = several
    ? h("div", { class: "field" }, h("p", { class: "label" }, "In one table"), h("ul", { class: "lines" }, chosen.map((name) => h("li", null, name))))
    : h("div", { class: "field" }, h("label", { for: "report-run" }, "Run"), run);
  clear(place, h("div", { class: "split" },
    h("div", { class: "controls" }, which, own.holdout, own.synthetic, own.overwrite, more("More", own.out, own.source, several ? null : own.seed), h("div", { class: "row" }, work.button, callDialog(() => [["make_report", body()]]))),
    stage));
  const { query, stream } = here.source;
  if (query || stream) clear(stage, h("div", { class: "state" }, h("p", null, `This run was trained on ${query ? "rows that a query asked for" : "a table that is read in parts"}, which only the command line reads. Its report is made there, and is then shown here:`), h("code", null, `reverie report ${chosen[0]}`)));
  else work.ready(several
    ? "Each measure that two of them have becomes a line of one table, with the nearest to its own best marked."
    : "The model makes as many as it was trained on, 10,000 at most, and each score is set beside what held-out data reaches. That takes minutes at the server, and goes on when you leave the page.");
  return () => work.close();
}

/** The run that was changed last. */
function newest(runs) {
  return [...runs].sort((a, b) => b.modified.localeCompare(a.modified))[0]?.name;
}

/** A name that no report has yet. */
function free(name, reports) {
  const taken = new Set(reports.map((report) => report.name));
  let number = 1;
  while (taken.has(number === 1 ? name : `${name}-${number}`)) number += 1;
  return number === 1 ? name : `${name}-${number}`;
}
