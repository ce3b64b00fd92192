// What the workspace holds: how many runs, reports, jobs and files, how large, and the newest of each.

import { h, clear } from "../../lib/dom.js";
import { get } from "../../lib/api.js";
import { address } from "../../lib/state.js";
import { amount, many } from "../../lib/states.js";
import { STATES, label, standing, subject, times, unfinished } from "../queue/words.js";

const NEWEST = 4;
const AGAIN = 3000; // milliseconds, while something runs

/** {element, close()}. Each part comes when it is there, and one that does not come says so and keeps none of the others. */
export function workspace() {
  let timer = 0;
  let open = true;
  const parts = [
    part("runs", "Runs", "/api/models", ({ models }) => ({
      count: models.length,
      note: size(models),
      lines: newest(models).map((run) => line("runs", { run: run.name }, run.name, [{ images: "pictures", records: "records", linked: "linked tables" }[run.kind], run.verdict ?? run.error ?? run.state])),
      none: "None yet: train one from a table or from pictures.",
    })),
    part("reports", "Reports", "/api/reports", ({ reports }) => ({
      count: reports.length,
      lines: newest(reports).map((report) => line("reports", { report: report.name }, report.name, [report.verdict?.headline ?? report.error])),
      none: "None yet: a run is judged in its report.",
    })),
    part("queue", "Queue", `/api/jobs?limit=${NEWEST}`, ({ jobs, next }) => ({
      count: jobs.length,
      more: next !== null,
      note: jobs.some(unfinished) ? `${many(jobs.filter(unfinished).length, "job")} under way` : "",
      lines: jobs.map((job) => line("queue", {}, [label(job), ...subject(job).map(([, value]) => value)].join(" "), [unfinished(job) ? standing(job) : STATES[job.state], unfinished(job) ? null : times(job)])),
      none: "Nothing runs, and nothing has run.",
      again: jobs.some(unfinished),
    })),
    part("files", "Files", "/api/files", ({ files }) => ({
      count: files.length,
      note: size(files),
      lines: newest(files.filter(({ name }) => !name.startsWith("runs/"))).map((file) => line("files", folderOf(file.name), file.name, [amount(file.bytes)])),
      none: "None yet: drop a table above.",
    })),
  ];
  const element = h("section", { class: "stack", "aria-labelledby": "workspace" }, h("h2", { id: "workspace" }, "What the workspace holds"), h("div", { class: "holds" }, parts.map((each) => each.element)));
  for (const each of parts) each.fill();
  return {
    element,
    close() {
      open = false;
      clearTimeout(timer);
    },
  };

  function part(view, name, path, told) {
    const head = h("h3", null, h("a", { href: address(view) }, name));
    const body = h("div", { class: "stack tight" }, h("p", { class: "hint" }, "…"));
    async function fill() {
      try {
        const { count, more = false, note = "", lines, none, again = false } = told(await get(path));
        if (!open) return;
        clear(head, h("a", { href: address(view) }, name), count && !more ? h("span", { class: "soft" }, ` ${count.toLocaleString("en")}`) : null);
        clear(body, note ? h("p", { class: "hint" }, note) : null, count ? h("ul", null, lines) : h("p", { class: "hint" }, none));
        if (again) timer = setTimeout(fill, AGAIN);
      } catch (problem) {
        if (open) clear(body, h("p", { class: "hint" }, problem.detail ?? problem.message));
      }
    }
    return { element: h("section", { class: "hold" }, head, body), fill };
  }
}

function line(view, params, name, facts) {
  return h("li", null, h("a", { href: address(view, new URLSearchParams(params)) }, name), h("span", { class: "hint few-lines" }, facts.filter(Boolean).join(" · ")));
}

/** Those changed last. */
function newest(list) {
  return [...list].sort((a, b) => Date.parse(b.modified ?? b.made ?? 0) - Date.parse(a.modified ?? a.made ?? 0)).slice(0, NEWEST);
}

function size(list) {
  const bytes = list.reduce((sum, each) => sum + (each.bytes ?? 0), 0);
  return bytes ? amount(bytes) : "";
}

const folderOf = (name) => (name.includes("/") ? { in: name.split("/").slice(0, -1).join("/") } : {});
