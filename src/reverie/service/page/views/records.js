// Records: from a table of visits to a model of patients, in four steps; each is a tab, and a link leads to any of them.

import { h, clear, uid } from "../lib/dom.js";
import * as describe from "./records/describe.js";
import * as train from "./records/train.js";
import * as generate from "./records/generate.js";
import * as complete from "./records/complete.js";

export const title = "Patient records";
export const summary =
  "Give a table of visits: see how it is read, train a model of it, make new patients with the properties you ask for, and fill or continue the record of one, with the uncertainty shown.";

const STEPS = [
  ["describe", "Describe", describe],
  ["train", "Train", train],
  ["generate", "Generate", generate],
  ["complete", "Complete", complete],
];

export function mount(root, { params, save }) {
  let leave = null;
  const panel = h("div", { role: "tabpanel", id: uid("panel") });
  const tabs = STEPS.map(([name, label], i) =>
    h("button", { type: "button", role: "tab", id: uid("tab"), "aria-controls": panel.id, dataset: { step: name }, onclick: () => show(name, true) }, h("span", { "aria-hidden": "true" }, i + 1), label),
  );
  const list = h("div", { class: "steps", role: "tablist", "aria-label": "Steps" }, tabs);
  list.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = (tabs.indexOf(document.activeElement) + by + tabs.length) % tabs.length;
    show(STEPS[at][0], true);
    tabs[at].focus();
  });

  // What a tab saves stays for the next one: the table that was described is the one to train on.
  const keep = (changes, options) => {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === undefined || value === "") params.delete(key);
      else params.set(key, String(value));
    }
    save(changes, options);
  };
  const go = (name, changes) => {
    keep(changes);
    show(name, true);
    tabs.find((tab) => tab.dataset.step === name).focus();
  };

  function show(name, told = false) {
    leave?.();
    const [, , step] = STEPS.find(([known]) => known === name) ?? STEPS[0];
    for (const tab of tabs) {
      const taken = tab.dataset.step === name;
      tab.setAttribute("aria-selected", String(taken));
      tab.tabIndex = taken ? 0 : -1;
      if (taken) panel.setAttribute("aria-labelledby", tab.id);
    }
    if (told) keep({ step: name === "describe" ? null : name, run: null }); // what was run in one step is not asked for in the next
    clear(panel);
    leave = step.mount(panel, { params, save: keep, go });
  }

  clear(root, list, panel);
  const asked = params.get("step");
  show(STEPS.some(([name]) => name === asked) ? asked : "describe");
  return () => leave?.();
}
