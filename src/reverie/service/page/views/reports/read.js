// One report: what it says in a few words, and its page, in a frame that may do nothing but show it.

import { h, clear } from "../../lib/dom.js";
import { bytes, get, path, remove, urlOf } from "../../lib/api.js";
import { button } from "../../lib/controls.js";
import { saveBlob, saveData } from "../../lib/download.js";
import { authorization } from "../../lib/key.js";
import { saved } from "../../lib/recording.js";
import { address } from "../../lib/state.js";
import { busy, empty, failure, when } from "../../lib/states.js";
import { makeAddress, runAddress } from "../runs/words.js";
import { brief } from "./verdict.js";

/** The report of this name as a view. Gives the way to leave. */
export function read(root, name) {
  const place = h("div", { class: "stage" }, busy("Reading the report …"));
  root.append(h("div", { class: "stage" }, h("p", null, h("a", { href: address("reports") }, "All reports")), place));
  shown(place, name);
  return () => {};
}

/** Puts the report into the place. */
export async function shown(place, name) {
  try {
    const report = await get(`/api/reports/${path(name)}`);
    const runs = report.runs.map((run, i) => [i ? ", " : "", h("a", { href: runAddress(run) }, run)]);
    clear(place,
      h("div", { class: "stack" },
        h("h2", null, report.title ?? `${report.runs.length} reports side by side`),
        h("p", { class: "hint" }, report.runs.length ? ["On ", runs, ". "] : null, report.summary ? `${report.summary} ` : null, `Made ${when(report.made)}.`),
        report.kind === "report" ? brief(report) : null),
      acts(report, place),
      frame(report));
  } catch (problem) {
    clear(place, problem.status === 404 ? empty(`There is no report ${name} here: it was deleted, or is still to be made.`, h("a", { class: "button primary", href: makeAddress([name]) }, "Make it")) : failure(problem, () => shown(place, name)));
  }
}

function acts(report, place) {
  const page = `/api/reports/${path(report.name)}/page`;
  const last = report.name.split("/").at(-1);
  const asked = h("div");
  const again = report.kind === "report" && report.runs.length ? h("a", { class: "button", href: makeAddress([report.runs[0]]) }, "Make it again") : null;
  const begin = button({ label: "Delete", kind: "danger", onClick: () => ask() });
  const alone = Object.keys(authorization()).length === 0 ? h("a", { class: "button", href: urlOf(page), target: "_blank", rel: "noopener" }, "Open by itself") : null;
  function ask() {
    const keep = button({ label: "Keep it", onClick: () => (clear(asked), begin.focus()) });
    const sure = button({ label: "Delete it", kind: "danger", onClick: async () => {
      try {
        await remove(`/api/reports/${path(report.name)}`);
        location.hash = address("reports");
      } catch (problem) {
        clear(asked, failure(problem));
      }
    } });
    clear(asked, h("div", { class: "state", role: "alert" }, h("p", null, `Delete the report ${report.name} for good? ${report.runs.includes(report.name) ? "Its run stays." : ""}`), h("div", { class: "row" }, sure, keep)));
    keep.focus();
  }
  return h("div", { class: "stack" },
    h("div", { class: "row" }, alone, button({ label: "Save the page", onClick: async () => saveBlob(`${last}.html`, new Blob([await bytes(page)], { type: "text/html" })) }), button({ label: "Save the numbers", onClick: () => saveData(`${last}.json`, report.content) }), again, begin),
    asked);
}

/** The page has an origin of its own, so its frame can reach nothing here. A frame cannot send the key of this tab, and a saved page has
 *  no server: there the page is put in without its script, and shows the same. */
function frame(report) {
  const page = `/api/reports/${path(report.name)}/page`;
  const put = saved !== null || Object.keys(authorization()).length > 0;
  const element = h("iframe", { class: "report-page", title: report.title ?? "The reports side by side", sandbox: put ? "" : "allow-scripts", src: put ? null : urlOf(page) });
  if (put) bytes(page).then((content) => (element.srcdoc = new TextDecoder().decode(content).replace(/<script>.*?<\/script>/gs, "")));
  else element.addEventListener("load", () => bytes(page).catch(() => {}), { once: true }); // so that a saved page has it
  return element;
}
