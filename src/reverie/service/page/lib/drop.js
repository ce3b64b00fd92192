// A place where files are dropped, or chosen by a button.

import { h } from "./dom.js";
import { button } from "./controls.js";

/** The place; onFile(file) is called with each file, of which there may be `several` at once. accept: types and suffixes; name: what
 *  a screen reader says of the input; kind: of the button. */
export function drop({ label, hint, name, accept = null, several = false, kind = "plain", onFile }) {
  const input = h("input", { type: "file", accept, multiple: several, class: "unseen", tabindex: "-1", "aria-label": name });
  const take = (files) => [...files].slice(0, several ? undefined : 1).forEach((file) => onFile(file));
  input.addEventListener("change", () => {
    take(input.files);
    input.value = ""; // so that the same file can be chosen again
  });
  const place = h("div", { class: "drop" }, button({ label, kind, onClick: () => input.click() }), h("span", { class: "hint" }, hint), input);
  const over = (on) => (event) => {
    event.preventDefault();
    place.classList.toggle("over", on);
  };
  place.addEventListener("dragover", over(true));
  place.addEventListener("dragleave", over(false));
  place.addEventListener("drop", (event) => {
    over(false)(event);
    take(event.dataTransfer.files);
  });
  return place;
}
