// The API key of this tab, where the server wants one: asked for once, kept until the tab is closed.

import { h } from "./dom.js";

const KEY = "reverie-key";

/** The header that a call carries, none where there is no key yet. */
export function authorization() {
  try {
    const key = sessionStorage.getItem(KEY);
    return key ? { Authorization: `Bearer ${key}` } : {};
  } catch {
    return {};
  }
}

let asking = null;

/** Whether a key was given; one dialog, however many calls wait for it. refused: the key there was is not taken. */
export function askForKey(refused) {
  asking ??= new Promise((resolve) => {
    const input = h("input", { type: "password", id: "api-key", autocomplete: "off", required: true });
    const dialog = h(
      "dialog",
      { class: "dialog", "aria-labelledby": "api-key-title" },
      h(
        "form",
        { method: "dialog", class: "stack" },
        h("h2", { id: "api-key-title" }, "API key"),
        h("p", null, refused ? "The server refused this key. Try another." : "This server asks for a key. It is kept until you close this tab."),
        h("label", { for: "api-key" }, "Key"),
        input,
        h("div", { class: "row" }, h("button", { class: "button primary", value: "ok" }, "Use it"), h("button", { class: "button", value: "", formnovalidate: true }, "Cancel")),
      ),
    );
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "ok";
      if (given) sessionStorage.setItem(KEY, input.value.trim());
      resolve(given);
      dialog.remove();
      asking = null;
    });
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}
