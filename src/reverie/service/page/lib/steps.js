// A view in steps: each is a tab, and a link leads to any of them.

import { h, clear, uid } from "./dom.js";

/**
 * steps: [name, label, module] each, module.mount(panel, {params, save, go}) as of a view; the first is the usual one.
 * What a step saves stays for the next one: the table that was described is the one to train on.
 */
export function mountSteps(root, steps, { params, save }) {
  let leave = null;
  const panel = h("div", { role: "tabpanel", id: uid("panel") });
  const tabs = steps.map(([name, label], i) =>
    h("button", { type: "button", role: "tab", id: uid("tab"), "aria-controls": panel.id, dataset: { step: name }, onclick: () => show(name, true) }, h("span", { "aria-hidden": "true" }, i + 1), label),
  );
  const list = h("div", { class: "steps", role: "tablist", "aria-label": "Steps" }, tabs);
  list.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = (tabs.indexOf(document.activeElement) + by + tabs.length) % tabs.length;
    show(steps[at][0], true);
    tabs[at].focus();
  });

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
    const [, , step] = steps.find(([known]) => known === name) ?? steps[0];
    for (const tab of tabs) {
      const taken = tab.dataset.step === name;
      tab.setAttribute("aria-selected", String(taken));
      tab.tabIndex = taken ? 0 : -1;
      if (taken) panel.setAttribute("aria-labelledby", tab.id);
    }
    if (told) keep({ step: name === steps[0][0] ? null : name, run: null }); // what was run in one step is not asked for in the next
    clear(panel);
    leave = step.mount(panel, { params, save: keep, go });
  }

  clear(root, list, panel);
  const asked = params.get("step");
  show(steps.some(([name]) => name === asked) ? asked : steps[0][0]);
  return () => leave?.();
}
