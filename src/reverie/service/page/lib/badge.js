// How a denoiser knows what it says. Shown wherever something comes out of one.

import { h } from "./dom.js";
import { EVIDENCE } from "./palette.js";

const MEANING = {
  exact: "Exact: the optimal answer for a known data set, computed, not learned.",
  learned: "Learned: a network that was trained; it may be wrong.",
  oracle: "Oracle: it was told the answer. This shows how the process works, not what a model can do.",
};

/** A badge for "exact", "oracle" or "learned". */
export function badge(kind) {
  const meaning = MEANING[kind] ?? kind;
  return h(
    "span",
    { class: "badge", dataset: { evidence: kind }, title: meaning },
    h("span", { class: "dot", style: { background: EVIDENCE[kind] ?? "currentColor" }, "aria-hidden": "true" }),
    kind,
    h("span", { class: "unseen" }, ` (${meaning})`),
  );
}
