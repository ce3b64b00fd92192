// Tabs: one of them is taken, by the pointer or the arrow keys, and names what the panel shows.

import { h, uid } from "./dom.js";

/** {list, panel, show(name)} for tabs [name, label (text or elements)]; onShow(name, asked) fills the panel, asked: by a person. */
export function tabbed(tabs, { panel, label, kind, onShow }) {
  Object.assign(panel, { id: uid("panel") }).setAttribute("role", "tabpanel");
  const buttons = tabs.map(([name, words]) => h("button", { type: "button", role: "tab", id: uid("tab"), "aria-controls": panel.id, dataset: { name }, onclick: () => show(name, true) }, words));
  const list = h("div", { class: kind, role: "tablist", "aria-label": label }, buttons);
  list.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = buttons[(buttons.indexOf(document.activeElement) + by + buttons.length) % buttons.length];
    show(next.dataset.name, true);
    next.focus();
  });
  function show(name, asked = false) {
    for (const button of buttons) {
      const taken = button.dataset.name === name;
      button.setAttribute("aria-selected", String(taken));
      button.tabIndex = taken ? 0 : -1;
      if (taken) panel.setAttribute("aria-labelledby", button.id);
    }
    onShow(name, asked);
  }
  return { list, panel, show, focus: (name) => buttons.find((button) => button.dataset.name === name).focus() };
}
