// A place where files are dropped, or chosen by a button.

import { h } from "./dom.js";
import { button } from "./controls.js";

/** The place; onFile(file) is called with each file. accept: types and suffixes; name: what a screen reader says of the input. */
export function drop({ label, hint, name, accept, onFile }) {
  const input = h("input", { type: "file", accept, class: "unseen", tabindex: "-1", "aria-label": name });
  input.addEventListener("change", () => {
    if (input.files[0]) onFile(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  const place = h("div", { class: "drop" }, button({ label, onClick: () => input.click() }), h("span", { class: "hint" }, hint), input);
  const over = (on) => (event) => {
    event.preventDefault();
    place.classList.toggle("over", on);
  };
  place.addEventListener("dragover", over(true));
  place.addEventListener("dragleave", over(false));
  place.addEventListener("drop", (event) => {
    over(false)(event);
    const [dropped] = event.dataTransfer.files;
    if (dropped) onFile(dropped);
  });
  return place;
}
