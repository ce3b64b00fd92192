// The states between asking and having: nothing yet, busy, failed. Honest about which it is.

import { h } from "./dom.js";
import { button } from "./controls.js";
import { address } from "./state.js";

const LONG = 15; // seconds that nobody wants to sit through

/** Nothing to show, and what to do about it. action: an element, mostly a button. */
export function empty(text, action = null) {
  return h("div", { class: "state" }, h("p", null, text), action);
}

/**
 * Work going on. .say(sentence) changes the sentence; onCancel adds a Stop button. .hear is what job() tells of its course:
 * where the job waits, how far it is (the bar counts), and that the server does not answer. stays: whether it goes on when one
 * leaves, which is said where it takes long.
 */
export function busy(text, { onCancel = null, stays = false } = {}) {
  const said = h("p", { role: "status" }, text);
  const bar = h("progress", { "aria-label": text });
  const left = h("p", { class: "hint" });
  const away = h("p", { class: "notice", role: "status", hidden: true });
  const stop = onCancel && button({ label: "Stop", onClick: onCancel });
  const free = h("p", { class: "hint", hidden: true }, "You can leave: it goes on, and stands in the ", h("a", { href: address("queue") }, "queue"), ".");
  const root = h("div", { class: "state busy" }, said, away, bar, left, free, stop);
  const say = (sentence) => (said.textContent = sentence);
  const hear = {
    onState: ({ state, position }) => say(state === "queued" ? queued(position) : text),
    onProgress({ done, total, seconds_left: seconds = null }) {
      if (!total) return;
      bar.max = total;
      bar.value = done;
      free.hidden = !(stays && seconds > LONG);
      left.textContent = `${done.toLocaleString("en")} of ${total.toLocaleString("en")}${seconds === null ? "" : `, ${duration(seconds)} left`}`;
    },
    onAway(seconds) {
      away.hidden = seconds === null;
      away.textContent = seconds === null ? "" : unanswered(seconds);
    },
  };
  return Object.assign(root, { say, hear });
}

/** What is said while the server is asked again and again. */
export function unanswered(seconds) {
  return `The server does not answer; trying again in ${seconds} s. The job is kept, and goes on when the server does.`;
}

function queued(position) {
  return position ? `Waiting: number ${position} in the queue.` : "Waiting for a free worker …";
}

/** What went wrong, in the server's sentence, field by field where it says so; retry adds a button. */
export function failure(problem, retry = null) {
  const fields = problem.errors?.length > 1 ? problem.errors.map((error) => h("li", null, error.message)) : [];
  return h(
    "div",
    { class: "state failed", role: "alert" },
    h("p", { class: "strong" }, problem.title && problem.title !== problem.detail ? problem.title : "This did not work"),
    h("p", null, problem.detail ?? problem.message ?? String(problem)),
    fields.length ? h("ul", null, fields) : null,
    problem.requestId ? h("p", { class: "hint" }, `Request ${problem.requestId}`) : null,
    retry && button({ label: "Try again", onClick: retry }),
  );
}

/** Scrolls to what was asked for, where it is out of sight: on a telephone results stand above the settings. */
export function reveal(element) {
  const { top, bottom } = element.getBoundingClientRect();
  if (bottom < 64 || top > innerHeight - 64) element.scrollIntoView({ block: "start", behavior: "smooth" });
}

/** A moment in words: the time of today, else the date too. Takes what Date takes. */
export function when(moment) {
  const date = new Date(moment);
  const today = date.toDateString() === new Date().toDateString();
  const time = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return today ? `at ${time}` : `on ${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })}, ${time}`;
}

/** Bytes in words. */
export function amount(bytes) {
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** "1 file", "2 files". */
export function many(count, thing) {
  return `${count.toLocaleString("en")} ${thing}${count === 1 ? "" : "s"}`;
}

/** Seconds in words that a person would use. */
export function duration(seconds) {
  if (seconds < 1) return "under a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
