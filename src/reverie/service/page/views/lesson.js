// A lesson of fifteen minutes through the views. Each step has its address; which answers were given is kept in this browser.

import { h, clear } from "../lib/dom.js";
import { fetchSchedule } from "../lib/schedules.js";
import { address } from "../lib/state.js";
import { busy, failure } from "../lib/states.js";
import { live } from "./lesson/live.js";
import { numbersOf } from "./lesson/numbers.js";
import { progress } from "./lesson/progress.js";
import { question } from "./lesson/question.js";
import { stepsOf } from "./lesson/steps.js";

export const title = "Diffusion in fifteen minutes";
export const summary = "Ten short steps: read, look at the thing itself, answer a question. All that is shown is computed here and now.";

const END = "end";

export function mount(root, { params, save }) {
  let open = true;
  let leave = () => {};
  const answers = progress();
  const place = h("div");
  root.append(place);
  const load = async () => {
    clear(place, busy("Fetching the numbers"));
    try {
      const [linear, cosine] = await Promise.all(["linear", "cosine"].map((name) => fetchSchedule({ name, settings: {} }, { only: "alpha_bar" })));
      if (!open) return;
      const curves = { linear: linear.alpha_bar, cosine: cosine.alpha_bar };
      const steps = stepsOf(numbersOf(curves));
      const asked = params.get("step") ?? answers.step;
      const key = asked === END || steps.some((each) => each.key === asked) ? asked : steps[0].key;
      answers.step = key;
      if (!params.has("step")) save({ step: key });
      const at = steps.findIndex((each) => each.key === key);
      const outline = contents(steps, key, answers);
      if (key === END) return clear(place, h("div", { class: "lesson" }, outline.element, h("div", { class: "lesson-text" }, end(steps, answers))));
      const shown = live(steps[at], curves);
      leave = shown.destroy;
      clear(place, h("div", { class: "lesson" }, outline.element, reading(steps[at], at, steps), shown.element, h("div", { class: "lesson-ask" }, question(steps[at], answers.of(key), (choice) => (answers.give(key, choice), outline.mark())), passage(steps, at))));
    } catch (problem) {
      if (open) clear(place, failure(problem, load));
    }
  };
  load();
  return () => {
    open = false;
    leave();
  };
}

const at = (key) => address("lesson", new URLSearchParams({ step: key }));

function reading({ title: name, text }, i, steps) {
  return h("div", { class: "lesson-text prose" }, h("p", { class: "hint" }, `Step ${i + 1} of ${steps.length}`), h("h2", null, name), text);
}

/** All steps, with those that were answered. */
function contents(steps, key, answers) {
  const links = steps.map((step) => ({ step, link: h("a", { href: at(step.key), "aria-current": step.key === key ? "step" : null }) }));
  const mark = () => links.forEach(({ step, link }) => {
    const given = answers.of(step.key);
    const state = given === null ? "" : step.choices[given]?.right ? "answered rightly" : "answered";
    link.dataset.state = state;
    clear(link, h("span", { class: "words" }, step.title, state ? [" ", h("span", { class: "unseen" }, `(${state})`)] : null));
  });
  mark();
  return { element: h("nav", { class: "lesson-contents", "aria-label": "Steps of the lesson" }, h("ol", null, links.map(({ link }) => h("li", null, link)))), mark };
}

function passage(steps, i) {
  const before = i > 0 ? h("a", { class: "button", href: at(steps[i - 1].key) }, "Back") : null;
  const next = h("a", { class: "button primary", href: at(steps[i + 1]?.key ?? END) }, i + 1 < steps.length ? `Next: ${steps[i + 1].title}` : "To the end");
  return h("div", { class: "row" }, before, next);
}

function end(steps, answers) {
  const right = steps.filter(({ key, choices }) => choices[answers.of(key)]?.right).length;
  const open = steps.filter(({ key }) => answers.of(key) === null);
  const leads = [
    ["forward", {}, "Drown a picture of your own"],
    ["playground", {}, "Draw a distribution and learn it"],
    ["records", { step: "train", table: "digits" }, "Train a model on digits"],
    ["records", {}, "Make new patients from a table"],
    ["derivations", {}, "Check every line of the mathematics"],
  ];
  return [
    h("h2", null, "That is all of it"),
    h("p", { class: "prose" }, `${right} of ${steps.length} questions are answered rightly. `, open.length ? ["Not answered yet: ", open.flatMap(({ key, title: name }, i) => [i ? ", " : "", h("a", { href: at(key) }, name)]), ". "] : null, "Data is mixed with noise; a denoiser guesses what was under it; a sampler believes a little of each guess and asks again. Everything else is how well the guess is learned, and how exactly the rest is done."),
    h("h3", null, "Go on"),
    h("ul", { class: "lesson-leads" }, leads.map(([view, params, words]) => h("li", null, h("a", { href: address(view, new URLSearchParams(params)) }, words)))),
    h("div", { class: "row" }, h("a", { class: "button", href: at(steps[0].key) }, "From the beginning")),
  ];
}
