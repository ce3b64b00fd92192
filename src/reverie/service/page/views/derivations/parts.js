// How the parts of the view are laid out: steps of a derivation, a table of checks, the mistakes.

import { h } from "../../lib/dom.js";
import { formula } from "../../lib/formula.js";
import { figure } from "../../lib/scales.js";
import { CHAPTERS } from "./steps.js";
import { TITLES } from "./titles.js";
import { verdict } from "./checks.js";

/** A derivation: its start, then numbered steps, each with a place for its verdict. found(name) gives a check's state. */
export function derivation({ start, steps }, found) {
  return h(
    "div",
    { class: "stack" },
    h("div", { class: "start" }, h("div", { class: "scroll formula", tabindex: "0", role: "group", "aria-label": "Formula" }, formula(start.tex, { display: true })), h("p", { class: "soft" }, start.text)),
    h(
      "ol",
      { class: "steps" },
      steps.map(([name, tex, sentence]) =>
        h(
          "li",
          { id: name.replace("/", "-") },
          h("div", { class: "said" }, h("p", null, sentence), h("div", { class: "scroll formula", tabindex: "0", role: "group", "aria-label": "Formula" }, formula(tex, { display: true }))),
          h("div", { class: "checked" }, verdict(found(name)), h("code", { class: "hint" }, name)),
        ),
      ),
    ),
  );
}

/** Chapters of checks as tables; before the answer there are no rows, since the server knows their names. */
export function chapters(names, checks) {
  return names.map((chapter) => {
    const rows = checks.filter(({ name }) => name.startsWith(`${chapter}/`));
    return h(
      "section",
      { class: "stack tight" },
      h("h3", null, CHAPTERS[chapter]),
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": `Checks: ${CHAPTERS[chapter]}` },
        h(
          "table",
          { class: "laws" },
          h("thead", null, h("tr", null, ["check", "one side", "the other", "verdict"].map((word) => h("th", { scope: "col" }, word)))),
          h(
            "tbody",
            null,
            rows.map((check) => {
              const [one, ...other] = check.compared.split(" | ");
              return h("tr", null, h("th", { scope: "row" }, h("code", null, check.name.split("/")[1])), h("td", null, one), h("td", null, other.join(" | ") || "–"), h("td", null, verdict(check)));
            }),
          ),
        ),
      ),
    );
  });
}

/** The mistakes, each with both forms and what the wrong one costs. */
export function mistakeCards(found) {
  return h("div", { class: "mistakes" }, found.map(card));
}

function card({ number, where, wrong, right, damage, numbers, shown }) {
  return h(
    "article",
    { class: "card mistake", id: `mistake-${number}` },
    h("div", { class: "spread" }, h("h3", null, `${number}. ${TITLES[number] ?? "A mistake"}`), h("span", { class: "hint" }, where)),
    h("div", { class: "form", dataset: { form: "wrong" } }, h("span", { class: "word" }, "Wrong"), h("code", null, wrong)),
    h("div", { class: "form", dataset: { form: "right" } }, h("span", { class: "word" }, "Right"), h("code", null, right)),
    h("p", null, damage),
    bars(numbers),
    h("span", { class: "verdict", dataset: { state: shown ? "passed" : "failed" } }, h("span", { class: "sign", "aria-hidden": "true" }, shown ? "✓" : "✕"), h("span", { class: "hint" }, shown ? "Both forms ran just now: the wrong one failed, the right one passed." : "NOT shown: the wrong form did not fail, or the right one did.")),
  );
}

/** The measured numbers; where they are of the wrong and of the right form, as two bars on one scale. */
function bars(numbers) {
  const { wrong, right, ...rest } = numbers ?? {};
  const both = Number.isFinite(wrong) && Number.isFinite(right);
  const top = both ? Math.max(Math.abs(wrong), Math.abs(right)) : 0;
  const entries = Object.entries(both ? rest : (numbers ?? {}));
  const bar = (word, value) =>
    h("div", { class: "measure", dataset: { form: word } }, h("span", { class: "word" }, word), h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "length", style: { width: `${(100 * Math.abs(value)) / (top || 1)}%` } })), h("span", { class: "value" }, figure(value)));
  return h(
    "div",
    { class: "stack tight" },
    both ? [bar("wrong", wrong), bar("right", right)] : null,
    entries.length ? h("details", { class: "more" }, h("summary", null, both ? "Further numbers" : "The numbers"), h("dl", { class: "plain" }, entries.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value === null ? "not finite" : figure(value)))))) : null,
  );
}
