// Where one begins: what one has leads to the view for it, with the thing in place.

import { h } from "../lib/dom.js";
import { address } from "../lib/state.js";

export const title = "A picture or a table?";
export const summary = "Watch a picture drown in noise and come back, or make new patients from a table of visits.";

export function mount(root) {
  root.append(
    h("div", { class: "row" }, h("a", { class: "button primary", href: address("forward", new URLSearchParams({ picture: "flower", play: "1" })) }, "A picture"), h("a", { class: "button", href: address("records") }, "A table")),
  );
}
