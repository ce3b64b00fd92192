// "Show the call": the same result without the page, as curl, as a command, as Python.

import { h, clear, uid } from "./dom.js";
import { button } from "./controls.js";

const TABS = [
  ["curl", "curl"],
  ["cli", "Command line"],
  ["python", "Python"],
];

/** A button that shows the call. Each of curl, cli and python is a function that gives the text for the view as it is now;
 *  one that gives null is said to have no such form. */
export function callDialog(forms) {
  return button({ label: "Show the call", onClick: () => open(forms) });
}

function open(forms) {
  const id = uid("call");
  const body = h("pre", { class: "code", tabindex: "0", id: `${id}-panel`, role: "tabpanel" });
  const said = h("span", { class: "hint", role: "status" });
  const copy = button({
    label: "Copy",
    onClick: async () => {
      said.textContent = (await copied(body.textContent)) ? "Copied" : "Select the text and copy it";
    },
  });
  const tabs = TABS.map(([key, label]) =>
    h("button", { type: "button", role: "tab", id: `${id}-${key}`, "aria-controls": `${id}-panel`, dataset: { key }, onclick: () => show(key) }, label),
  );
  const show = (key) => {
    const code = forms[key]?.() ?? null;
    body.textContent = code ?? "# There is no such call for this view: use one of the others.";
    copy.disabled = code === null;
    said.textContent = "";
    for (const tab of tabs) {
      const taken = tab.dataset.key === key;
      tab.setAttribute("aria-selected", String(taken));
      tab.tabIndex = taken ? 0 : -1;
      if (taken) body.setAttribute("aria-labelledby", tab.id);
    }
  };
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Ways to call" }, tabs);
  list.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = (tabs.findIndex((tab) => tab.tabIndex === 0) + by + tabs.length) % tabs.length;
    show(tabs[at].dataset.key);
    tabs[at].focus();
  });
  const dialog = h("dialog", { class: "dialog wide", "aria-labelledby": `${id}-title` });
  clear(
    dialog,
    h("div", { class: "spread" }, h("h2", { id: `${id}-title` }, "The call"), button({ label: "Close", kind: "quiet", onClick: () => dialog.close() })),
    h("p", { class: "hint" }, "What is on the screen now, without the page."),
    list,
    body,
    h("div", { class: "row" }, copy, said),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  show(TABS.find(([key]) => forms[key]?.() != null)?.[0] ?? "curl");
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

/** A curl line for a GET or, with a body, a POST, for the server of this page. */
export function curl(path, body = null) {
  const at = `${location.origin}${path}`;
  if (body === null) return `curl -s ${quoted(at)}`;
  return `curl -s ${quoted(at)} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(JSON.stringify(body))}`;
}

/** A word for the shell. */
export function quoted(word) {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${String(word).replaceAll("'", "'\\''")}'`;
}
