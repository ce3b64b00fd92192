// What a trained run is good for, in a sentence each on realism, use and privacy; the report that says why is one press away.

import { h, clear } from "../../lib/dom.js";
import { get } from "../../lib/api.js";
import { button } from "../../lib/controls.js";
import { empty, failure } from "../../lib/states.js";
import { worker } from "../../lib/work.js";
import { brief } from "../reports/verdict.js";
import { reportAddress } from "../runs/words.js";

const PATH = "/api/reports";

/** {root, close()} of a run: its report if there is one, else it is made, at once if the run is fresh. params, save: of the view. */
export function verdict(run, { params, save, fresh = false }) {
  const place = h("div", { class: "stack" });
  const root = h("section", { class: "stack verdict", "aria-label": "Verdict" }, h("h2", null, "Is it any good?"), place);
  const work = worker(place, { path: PATH, params, save, waiting: "Making patients and holding them beside real ones …", again: "Make the report", body: () => ({ runs: [run] }), present: lay });

  if (params.has("work")) work.resume();
  else find();
  return { root, close: work.close };

  async function find() {
    try {
      const known = (await get(PATH)).reports.find(({ kind, runs }) => kind === "report" && runs.includes(run));
      if (!work.alive()) return;
      if (known) lay(known);
      else if (fresh) work.start();
      else clear(place, empty("Nobody has held what it makes beside real patients yet: a report does.", button({ label: "Make the report", kind: "primary", onClick: work.start })));
    } catch (problem) {
      if (work.alive()) clear(place, failure(problem, find));
    }
  }

  function lay(report) {
    clear(place, brief(report), h("div", { class: "row" }, h("a", { class: "button", href: reportAddress(report.name) }, "Read the report")));
  }
}
