// Queue: every job of this server, the newest first, as it stands now; waiting and running ones can be cancelled.

import { h, clear } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { watch } from "../lib/jobs.js";
import { button, select } from "../lib/controls.js";
import { address, flush } from "../lib/state.js";
import { empty, failure, unanswered } from "../lib/states.js";
import { jobRow } from "./queue/row.js";
import { NAMES, WHICH, unfinished } from "./queue/words.js";

export const title = "Queue";
export const summary = "What this server does, did and will do. Jobs go on when you leave the page, close the browser or restart the server.";

const PART = 30;
const [LIVELY, CALM] = [1000, 4000]; // milliseconds between two questions, while something runs and while nothing does

export function mount(root, { params, save }) {
  const asked = { which: params.get("which"), operation: params.get("operation") };
  const rows = new Map(); // by id
  let newest = []; // what the server is asked for again and again
  let older = []; // what was asked for by hand
  let next = null; // the cursor behind all of them
  let following = null;

  const away = h("p", { class: "notice warn", role: "status", hidden: true });
  const list = h("ul", { class: "jobs", "aria-label": "Jobs" });
  const place = h("div", { class: "stack" });
  const wrong = h("div");
  const more = button({ label: "Older ones", onClick: () => goOn() });
  const filter = (name, label, options) =>
    select({
      label,
      options: [{ value: "", label: "all" }, ...options],
      value: asked[name] ?? "",
      onChange: (value) => narrow({ [name]: value || null }),
    });
  const filters = {
    which: filter("which", "Which", Object.entries(WHICH).map(([value, { label }]) => ({ value, label }))),
    operation: filter("operation", "Of what kind", Object.entries(NAMES).map(([value, label]) => ({ value, label }))),
  };

  function narrow(changes) {
    Object.assign(asked, changes);
    save(changes);
    flush(); // one choice, not a slider: a reload right after it finds it
    for (const [name, control] of Object.entries(filters)) control.set(asked[name] ?? "");
    begin();
  }

  function path(after = null) {
    const query = new URLSearchParams({ limit: PART });
    for (const state of WHICH[asked.which]?.states ?? []) query.append("state", state);
    if (asked.operation) query.set("operation", asked.operation);
    if (after) query.set("after", after);
    return `/api/jobs?${query}`;
  }

  function begin() {
    following?.abort();
    following = new AbortController();
    const { signal } = following;
    [newest, older, next] = [[], [], null];
    clear(wrong);
    clear(place, h("p", { class: "soft", role: "status" }, "Asking the server …"));
    watch(path(), {
      signal,
      every: () => ([...newest, ...older].some(unfinished) ? LIVELY : CALM),
      onAway(seconds) {
        away.hidden = seconds === null;
        away.textContent = seconds === null ? "" : unanswered(seconds);
      },
      async onNews({ jobs, next: cursor }) {
        if (older.length) {
          const pushed = newest.filter(({ id }) => !jobs.some((job) => job.id === id)); // they are no longer in the first part
          older = await Promise.all([...pushed, ...older].map((job) => (unfinished(job) ? get(job.links.self, { signal }).catch(() => job) : job)));
        } else next = cursor;
        newest = jobs;
        draw();
      },
    }).catch((problem) => problem.name !== "AbortError" && clear(place, failure(problem, begin)));
  }

  async function goOn() {
    const { signal } = following;
    more.disabled = true;
    clear(wrong);
    try {
      const found = await get(path(next), { signal });
      older.push(...found.jobs);
      next = found.next;
      draw();
    } catch (problem) {
      if (!signal.aborted) clear(wrong, failure(problem));
    } finally {
      more.disabled = false;
    }
  }

  function draw() {
    const jobs = new Map([...older, ...newest].map((job) => [job.id, job]));
    const order = [...new Set([...newest, ...older].map(({ id }) => id))];
    for (const [id, { element }] of rows) {
      if (jobs.has(id)) continue;
      element.remove();
      rows.delete(id);
    }
    order.forEach((id, i) => {
      if (!rows.has(id)) rows.set(id, jobRow());
      const { element, show } = rows.get(id);
      show(jobs.get(id));
      if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null);
    });
    more.hidden = next === null;
    if (order.length === 0) clear(place, nothing());
    else if (!list.isConnected) clear(place, list, more, wrong);
  }

  function nothing() {
    if (asked.which || asked.operation) return empty("No job is like this.", button({ label: "Show all", onClick: () => narrow({ which: null, operation: null }) }));
    return empty("No job yet. What you train, make or compare stands here while it runs, and afterwards.", h("a", { class: "button primary", href: address("home") }, "Begin with a picture or a table"));
  }

  root.append(h("div", { class: "stage" }, h("div", { class: "filters" }, Object.values(filters)), away, place));
  begin();
  return () => following.abort();
}
