// The derivations with their checks run live, and the mistakes with their damage measured live.

import { h, clear } from "../lib/dom.js";
import { button, segmented } from "../lib/controls.js";
import { busy, failure, unanswered } from "../lib/states.js";
import { callDialog } from "../lib/call.js";
import { saveData } from "../lib/download.js";
import { PARTS } from "./derivations/steps.js";
import { mistakes, prove } from "./derivations/checks.js";
import { chapters, derivation, mistakeCards } from "./derivations/parts.js";

export const title = "Derivations: why it is right";
export const summary =
  "Every step of the theory is computed from both sides, in float64, at every step of nine schedules, when you open this page. The well-known mistakes run too, and show what they cost.";

const WRONG = {
  key: "mistakes",
  label: "Mistakes",
  title: "Known mistakes, and what they cost",
  intro: "Formulas that stand in texts or in code in wide use, and do not hold. Each wrong form runs here beside the right one; the product never uses it.",
};
const ALL = [...PARTS, WRONG];

export function mount(root, { params, save }) {
  let part = ALL.find(({ key }) => key === params.get("part")) ?? ALL[0];
  let result = null;
  let state = null; // null, "running", or the error
  let stop = null;

  const heading = h("h2");
  const intro = h("p", { class: "prose soft" });
  const count = h("p", { class: "count", role: "status" });
  const body = h("div");
  const note = h("div");

  const found = (name) => {
    if (state === "running") return "running";
    if (!result) return null;
    return result.checks.find((check) => check.name === name) ?? "unknown";
  };
  const show = () => {
    heading.textContent = part.title;
    intro.textContent = part.intro;
    count.textContent = counted();
    const retry = () => run(true);
    const waiting = state === "running" ? busy(part === WRONG ? "Running both forms of every mistake" : "Computing both sides of every check", { onCancel: () => stop?.abort() }) : null;
    clear(note, state instanceof Error ? failure(state, retry) : (part === WRONG || part.steps.length === 0) && waiting);
    if (part === WRONG) clear(body, result ? mistakeCards(result.mistakes) : null);
    else clear(body, part.steps.length ? derivation(part, found) : result ? h("div", { class: "stack wide" }, chapters(part.chapters, result.checks)) : null);
  };
  const counted = () => {
    if (state === "running") return "Checking now …";
    if (state instanceof Error) return "Not checked: see below.";
    if (!result) return "";
    const when = result.at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    if (part === WRONG) return `${result.mistakes.filter(({ shown }) => shown).length} of ${result.mistakes.length} shown to be mistakes, at ${when}.`;
    return `${result.checks.filter(({ passed }) => passed).length} of ${result.checks.length} checks hold, at ${when}.`;
  };
  const run = async (again = false) => {
    const mine = part;
    stop?.abort();
    stop = new AbortController();
    const { signal } = stop;
    result = null;
    state = "running";
    show();
    try {
      const onAway = (seconds) => (count.textContent = seconds === null ? counted() : unanswered(seconds));
      const hear = { again, signal, onAway };
      const answer = mine === WRONG ? await mistakes(hear) : await prove(mine.chapters, hear);
      if (mine !== part || signal.aborted) return;
      result = answer;
      state = null;
    } catch (error) {
      if (mine !== part || (signal.aborted && stop.signal !== signal)) return;
      state = error.name === "AbortError" ? null : error;
    }
    show();
  };

  const tabs = segmented({
    label: "Part",
    options: ALL.map(({ key, label }) => ({ value: key, label })),
    value: part.key,
    onChange: (key) => {
      part = ALL.find((each) => each.key === key);
      save({ part: key === ALL[0].key ? null : key });
      run();
    },
  });
  tabs.classList.add("parts");
  const tools = h(
    "div",
    { class: "row" },
    button({ label: "Check again", kind: "primary", onClick: () => run(true) }),
    callDialog(() => [part === WRONG ? ["show_mistakes", {}] : ["prove", { chapters: part.chapters }]]),
    button({ label: "Save the numbers", onClick: () => result && saveData(`${part.key}.json`, result.checks ?? result.mistakes) }),
  );
  root.append(tabs, h("div", { class: "head" }, heading, intro, h("div", { class: "spread" }, count, tools)), note, body);
  run();
  return () => stop?.abort();
}
