// "Show the call": the same result without the page, as curl, as a command, as Python. The server composes them.

import { h, clear, uid } from "./dom.js";
import { post } from "./api.js";
import { button } from "./controls.js";
import { tabbed } from "./tabs.js";

const TABS = [
  ["curl", "curl"],
  ["command", "Command line"],
  ["python", "Python"],
];
const NONE = "# There is no such call for this view: use one of the others.";

/** {curl, command, python} of an operation with this request, null where it has no such form. */
export async function composed(operation, request) {
  try {
    return (await post(`/api/calls/${operation}`, shortened(request))).body ?? {};
  } catch (problem) {
    return problem.status === 404 ? {} : { curl: `# ${problem.detail ?? problem.message}` };
  }
}

/** A button that shows the call; calls() gives the operations and their requests, [name, request] each, of the view as it is now. */
export function callDialog(calls) {
  return button({
    label: "Show the call",
    onClick: async () => {
      const all = await Promise.all((await calls()).map(([operation, request]) => composed(operation, request)));
      open(Object.fromEntries(TABS.map(([key]) => [key, all.map((each) => each[key]).filter(Boolean).join("\n") || null])));
    },
  });
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

/** Pictures inside a request, which nobody wants to read, are cut. */
function shortened(request) {
  return Object.fromEntries(Object.entries(request).map(([name, value]) => [name, typeof value === "string" && value.startsWith("data:") ? "data:image/png;base64,..." : value]));
}
