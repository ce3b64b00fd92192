// A job as a line of the queue.

import { h, clear } from "../../lib/dom.js";
import { get } from "../../lib/api.js";
import { cancel } from "../../lib/jobs.js";
import { button } from "../../lib/controls.js";
import { saveData, saveFrom } from "../../lib/download.js";
import { amount } from "../../lib/states.js";
import { STATES, label, made, standing, subject, times, unfinished } from "./words.js";

/** {element, show(job)}: the line, and how the job stands now. */
export function jobRow() {
  const state = h("span", { class: "job-state" });
  const name = h("span", { class: "strong" });
  const about = h("span", { class: "job-about" });
  const told = h("p", { class: "hint" });
  const course = h("div", { class: "job-course" });
  const bar = h("progress");
  const far = h("span", { class: "hint" });
  const outcome = h("div", { class: "job-outcome" });
  const ends = button({ label: "Cancel", onClick: () => end() });
  const said = h("p", { class: "wrong", role: "alert", hidden: true });
  const element = h("li", { class: "job" }, h("div", { class: "job-head" }, state, name, about), told, course, outcome, said, ends);
  let job = null;

  async function end() {
    ends.disabled = true; // a running one takes a moment to end
    try {
      show(await cancel(job.id));
    } catch (problem) {
      said.hidden = false;
      said.textContent = problem.detail ?? problem.message;
      ends.disabled = false;
    }
  }

  function show(next) {
    const before = job?.state;
    job = next;
    const going = unfinished(job);
    state.textContent = STATES[job.state];
    state.dataset.state = job.state;
    name.textContent = label(job);
    clear(about, subject(job).map(([key, value]) => h("span", null, h("span", { class: "soft" }, `${key} `), value)));
    told.textContent = [times(job), job.who && `asked by ${job.who}`, job.attempt > 1 && `attempt ${job.attempt}`].filter(Boolean).join(" · ");
    ends.hidden = !going;
    ends.setAttribute("aria-label", `Cancel: ${label(job)}`);
    course.hidden = !going;
    if (going) {
      far.textContent = standing(job);
      bar.setAttribute("aria-label", `${label(job)}: how far it is`);
      if (job.progress?.total) Object.assign(bar, { max: job.progress.total, value: job.progress.done });
      else bar.removeAttribute("value");
      clear(course, job.state === "running" ? bar : null, far, job.message ? h("p", { class: "hint" }, job.message) : null);
    } else if (before !== job.state) clear(outcome, came(job));
  }
  return { element, show };
}

function came(job) {
  if (job.error) return h("p", { class: "job-error" }, job.error.detail ?? job.error.title);
  const place = made(job);
  if (place) return h("a", { href: place.href }, `Look at ${place.label}`);
  return job.state === "succeeded" ? result(job) : null;
}

/** What stays with the job alone: its files and its numbers, fetched when asked for. */
function result(job) {
  const root = h("div", { class: "row" });
  const ask = button({
    label: "What came of it",
    kind: "quiet",
    onClick: async () => {
      ask.disabled = true;
      try {
        const found = await get(job.links.result);
        const files = [found?.files ?? [], found?.file ?? []].flat().filter(({ href }) => href);
        clear(
          root,
          files.map(({ name, href, bytes: size }) => button({ label: `Save ${name}${size ? `, ${amount(size)}` : ""}`, onClick: () => saveFrom(href, name.split("/").at(-1)) })),
          button({ label: "Save the numbers", onClick: () => saveData(`${job.id.slice(0, 8)}.json`, found) }),
        );
      } catch (problem) {
        clear(root, h("p", { class: "hint" }, problem.detail ?? problem.message));
      }
    },
  });
  root.append(ask);
  return root;
}
