// "Show the call": the same result without the page, as curl, as a command, as Python.

import { h, clear, uid } from "./dom.js";
import { button } from "./controls.js";
import { tabbed } from "./tabs.js";

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
      const code = forms[key]?.() ?? null;
      body.textContent = code ?? "# There is no such call for this view: use one of the others.";
      copy.disabled = code === null;
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
  tabs.show(TABS.find(([key]) => forms[key]?.() != null)?.[0] ?? "curl");
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
