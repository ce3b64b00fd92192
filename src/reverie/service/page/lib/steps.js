// A view in steps: each is a tab, and a link leads to any of them. Back and forward go through the steps that were taken.

import { h, clear } from "./dom.js";
import { tabbed } from "./tabs.js";

/**
 * steps: [name, label, module] each, module.mount(panel, {params, save, go}) as of a view; the first is the usual one.
 * What a step saves stays for the next one: the table that was described is the one to train on.
 */
export function mountSteps(root, steps, { params, save }) {
  const [usual] = steps[0];
  let leave = null;
  let now = null;
  let along = {}; // what the step to come is told by the one that leads to it
  const begun = {}; // by step, what was run in it: another step does not ask for it, and it is there again on coming back
  const keep = (changes, options) => {
    for (const [key, value] of Object.entries(changes)) {
      if (value === null || value === undefined || value === "") params.delete(key);
      else params.set(key, String(value));
    }
    save(changes, options);
  };
  const go = (name, changes) => {
    along = changes;
    tabs.show(name, true);
    tabs.focus(name);
  };
  const tabs = tabbed(steps.map(([name, label], i) => [name, [h("span", { "aria-hidden": "true" }, i + 1), label]]), {
    panel: h("div"),
    label: "Steps",
    kind: "steps",
    onShow(name, asked) {
      leave?.();
      if (asked) {
        begun[now] = { run: params.get("run"), work: params.get("work") };
        keep({ step: name === usual ? null : name, run: null, work: null, ...begun[name], ...along }, { push: name !== now });
      }
      now = name;
      along = {};
      const [, , step] = steps.find(([known]) => known === name);
      leave = step.mount(clear(tabs.panel), { params, save: keep, go });
    },
  });
  clear(root, tabs.list, tabs.panel);
  tabs.show(steps.some(([name]) => name === params.get("step")) ? params.get("step") : usual);
  return () => leave?.();
}
