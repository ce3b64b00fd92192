// The reports of this workspace, the newest first; several on runs are chosen to be put in one table.

import { h, clear } from "../../lib/dom.js";
import { get } from "../../lib/api.js";
import { busy, empty, failure, when } from "../../lib/states.js";
import { makeAddress, reportAddress, runAddress } from "../runs/words.js";
import { brief } from "./verdict.js";

export function list(root, { params, save }) {
  const chosen = new Set((params.get("chosen") ?? "").split(",").filter(Boolean));
  const place = h("div", { class: "stage" }, busy("Looking for reports …"));
  const acts = h("div", { class: "row" });
  let open = true;
  root.append(place);
  begin();
  return () => (open = false);

  async function begin() {
    try {
      const { reports } = await get("/api/reports");
      if (!open) return;
      if (reports.length === 0) return clear(place, empty("No report was made here yet. It says in plain words what the data that a run makes is good for, and what not.", h("a", { class: "button primary", href: makeAddress([]) }, "Make one")));
      tell(reports);
      clear(place, acts, h("ul", { class: "reports", "aria-label": "Reports" }, reports.map((report) => line(report, reports))));
    } catch (problem) {
      if (open) clear(place, failure(problem, begin));
    }
    return undefined;
  }

  function tell(reports) {
    const names = [...chosen].filter((name) => reports.some((report) => report.name === name));
    const one = reports.some(({ kind }, i) => kind === "report" && reports.findIndex((each) => each.kind === "report") !== i);
    clear(acts, h("a", { class: "button primary", href: makeAddress([]) }, "Make a report"), names.length > 1 ? h("a", { class: "button", href: makeAddress(names) }, `${names.length} in one table`) : one ? h("span", { class: "hint" }, "Choose two or more to see them in one table.") : null);
  }

  function line(report, reports) {
    const box = report.kind === "report" && h("input", { type: "checkbox", checked: chosen.has(report.name), "aria-label": `Choose ${report.name}`, onchange: () => {
      if (box.checked) chosen.add(report.name);
      else chosen.delete(report.name);
      save({ chosen: [...chosen].join(",") || null });
      tell(reports);
    } });
    const runs = report.runs.map((name, i) => [i ? ", " : "", h("a", { href: runAddress(name) }, name)]);
    return h("li", null,
      h("div", { class: "spread" }, h("h2", { class: "report-name" }, box || null, h("a", { href: reportAddress(report.name) }, report.name)), h("span", { class: "hint" }, when(report.made))),
      report.kind === null ? h("p", { class: "wrong" }, report.error)
        : report.kind === "comparison" ? h("p", { class: "soft" }, "Side by side: ", runs)
          : [h("p", { class: "hint" }, report.runs.length && report.runs[0] !== report.name ? ["On ", runs, ". "] : null, report.summary), brief(report)]);
  }
}
