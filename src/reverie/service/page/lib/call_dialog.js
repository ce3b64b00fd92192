// The dialog that shows calls in each of their forms, and puts one on the clipboard.

import { h, clear, uid } from "./dom.js";
import { button } from "./controls.js";
import { tabbed } from "./tabs.js";

const TABS = [
  ["curl", "curl"],
  ["command", "Command line"],
  ["python", "Python"],
];
const NONE = "# There is no such call for this view: use one of the others.";

/** Shows calls, {curl, command, python} each, one after another in each form. */
export function showCalls(calls) {
  const forms = Object.fromEntries(TABS.map(([key]) => [key, calls.map((each) => each[key]).filter(Boolean).join("\n") || null]));
  const id = uid("call");
  const body = h("pre", { class: "code", tabindex: "0" });
  const said = h("span", { class: "hint", role: "status" });
  const copy = button({
    label: "Copy",
    onClick: async () => {
      said.textContent = (await copied(body.textContent)) ? "Copied" : "Select the text and copy it";
    },
  });
  const tabs = tabbed(TABS, {
    panel: body,
    label: "Ways to call",
    kind: "tabs",
    onShow(key) {
      body.textContent = forms[key] ?? NONE;
      copy.disabled = forms[key] === null;
      said.textContent = "";
    },
  });
  const dialog = h("dialog", { class: "dialog wide", "aria-labelledby": `${id}-title` });
  clear(
    dialog,
    h("div", { class: "spread" }, h("h2", { id: `${id}-title` }, "The call"), button({ label: "Close", kind: "quiet", onClick: () => dialog.close() })),
    h("p", { class: "hint" }, "What is on the screen now, without the page."),
    tabs.list,
    body,
    h("div", { class: "row" }, copy, said),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  tabs.show(TABS.find(([key]) => forms[key] !== null)?.[0] ?? "curl");
  dialog.showModal();
}

/** Puts text on the clipboard; false where the browser forbids it. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
