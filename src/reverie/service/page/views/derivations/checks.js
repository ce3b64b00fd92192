// Checks and mistakes as the server runs them, and how each looks before, while and after.

import { h } from "../../lib/dom.js";
import { job } from "../../lib/jobs.js";
import { figure } from "../../lib/scales.js";

const WAIT = 25; // seconds within which the answer mostly comes by itself

const done = new Map();

/** {name: check} of some chapters, run now or, if this page asked before, then. */
export async function prove(chapters, { again = false, ...hear } = {}) {
  const key = chapters.join();
  if (again || !done.has(key)) {
    const { checks } = await job("/api/proofs", { chapters }, { wait: WAIT, ...hear });
    done.set(key, { checks, at: new Date() });
  }
  return done.get(key);
}

/** All mistakes, likewise. */
export async function mistakes({ again = false, ...hear } = {}) {
  if (again || !done.has("mistakes")) {
    const { mistakes: found } = await job("/api/mistakes", {}, { wait: WAIT, ...hear });
    done.set("mistakes", { mistakes: found, at: new Date() });
  }
  return done.get("mistakes");
}

/** The verdict on one check: pending (null), "running", "unknown" (asked, but not answered), or the check itself. */
export function verdict(check) {
  if (check === null) return pill("pending", "Not checked yet", null);
  if (check === "running") return pill("running", "Checking", null);
  if (check === "unknown") return pill("failed", "Not answered", "The server did not run this check.");
  const detail = `largest error ${short(check.largest_error)}, allowed ${short(check.tolerance)}`;
  return check.passed ? pill("passed", "Holds", detail) : pill("failed", "Fails", detail);
}

function pill(state, word, detail) {
  const sign = { pending: "·", running: "…", passed: "✓", failed: "✕" }[state];
  return h("span", { class: "verdict", dataset: { state } }, h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", null, h("span", { class: "strong" }, word), detail ? h("span", { class: "hint" }, detail) : null));
}

/** An error as people write it: 2.2e-16, 0, 0.33. */
export function short(value) {
  if (value === null || value === undefined) return "not a number";
  if (value === 0) return "0";
  return Math.abs(value) < 1e-3 ? value.toExponential(1).replace(".0e", "e") : figure(Number(value.toPrecision(3)));
}
