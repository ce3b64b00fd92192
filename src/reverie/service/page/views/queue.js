// Queue: every job of this server, the newest first, as it stands now; waiting and running ones can be cancelled.

import { h, clear } from "../lib/dom.js";
import { get, watch } from "../lib/api.js";
import { button, select } from "../lib/controls.js";
import { address } from "../lib/state.js";
import { empty, failure } from "../lib/states.js";
import { jobRow } from "./queue/row.js";
import { STATES, unfinished } from "./queue/words.js";

export const title = "Queue";
export const summary = "What this server does, did and will do. Jobs go on when you leave the page, close the browser or restart the server.";

const PAGE = 30;
const [LIVELY, CALM] = [1000, 4000]; // milliseconds between two questions, while something runs and while nothing does
const LANES = { quick: "quick: demonstrations, tables read", slow: "slow: training, large samples" };

export function mount(root, { params, save }) {
  const rows = new Map(); // by id {element, show}
  const older = []; // jobs of the pages after the first
  const asked = { state: params.get("state"), lane: params.get("lane") };
  let newest = [];
  let next = null; // the cursor behind all that is shown
  let first = null; // the cursor behind the first page
  let following = null;

  const away = h("p", { class: "notice warn", role: "status", hidden: true });
  const list = h("ul", { class: "jobs", "aria-label": "Jobs" });
  const place = h("div", { class: "stack" });
  const more = button({ label: "Older ones", onClick: () => fetchOlder() });
  const foot = h("div", { class: "stack" }, more);
  const filter = (name, label, options) =>
    select({
      label,
      options: [{ value: "", label: "all" }, ...Object.entries(options).map(([value, words]) => ({ value, label: words }))],
      value: asked[name] ?? "",
      onChange: (value) => {
        asked[name] = value || null;
        save({ [name]: asked[name] });
        begin();
      },
    });

  const query = (more) => new URLSearchParams(Object.entries({ limit: PAGE, ...asked, ...more }).filter(([, value]) => value !== null)).toString();

  function begin() {
    following?.abort();
    following = new AbortController();
    const { signal } = following;
    older.length = 0;
    next = first = null;
    clear(place, h("p", { class: "soft", role: "status" }, "Asking the server …"));
    watch(`/api/jobs?${query()}`, {
      signal,
      every: () => (newest.some(unfinished) ? LIVELY : CALM),
      onAway: (seconds) => {
        away.hidden = seconds === null;
        away.textContent = seconds === null ? "" : `The server does not answer; trying again in ${seconds} s. Its jobs are kept, and go on when it does.`;
      },
      onNews: ({ jobs, next: cursor = null }) => {
        if (older.length) older.unshift(...newest.filter((job) => !jobs.some(({ id }) => id === job.id))); // pushed off the first page
        newest = jobs;
        if (next === first) next = cursor;
        first = cursor;
        draw();
      },
    }).catch((problem) => problem.name !== "AbortError" && clear(place, failure(problem, begin)));
  }

  async function fetchOlder() {
    more.disabled = true;
    try {
      const { jobs, next: cursor = null } = await get(`/api/jobs?${query({ after: next })}`);
      older.push(...jobs);
      next = cursor;
      first = Symbol("passed"); // the first page says no more where the end is
      draw();
    } catch (problem) {
      clear(foot, failure(problem, fetchOlder));
    } finally {
      more.disabled = false;
    }
  }

  function draw() {
    const all = [...newest, ...older].filter((job, i, jobs) => jobs.findIndex(({ id }) => id === job.id) === i);
    if (all.length === 0) {
      const narrowed = asked.state || asked.lane;
      clear(place, narrowed ? empty("No job is like this.", button({ label: "Show all", onClick: all_ })) : empty("No job yet. What you train, make or compare stands here while it runs, and afterwards.", h("a", { class: "button primary", href: address("home") }, "Begin with a picture or a table")));
      return;
    }
    for (const [id, { element }] of rows) if (!all.some((job) => job.id === id)) {
      element.remove();
      rows.delete(id);
    }
    all.forEach((job, i) => {
      if (!rows.has(job.id)) rows.set(job.id, jobRow(() => {}));
      const { element, show } = rows.get(job.id);
      show(job);
      if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
    });
    more.hidden = next === null;
    if (!list.isConnected) clear(place, list, foot);
  }

  function all_() {
    asked.state = asked.lane = null;
    save({ state: null, lane: null });
    for (const each of filters) each.set("");
    begin();
  }

  const filters = [filter("state", "Which", STATES), filter("lane", "Lane", LANES)];
  root.append(h("div", { class: "stage" }, h("div", { class: "filters" }, filters), away, place));
  begin();
  return () => following.abort();
}
