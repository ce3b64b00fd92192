// Where a saved page begins: at the address that it was saved at, with a line that says what it is.

import { h } from "./lib/dom.js";
import { BEYOND, saved } from "./lib/recording.js";

if (location.hash === "") history.replaceState(null, "", saved.address);
const day = new Date(saved.made).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
const note = h("p", { class: "hint", role: "status" }, `Saved on ${day}. What was on this page then works here; the rest needs Reverie itself.`);
document.getElementById("bar").after(h("div", { class: "saved" }, note));

// What leads to the server leads nowhere from here.
document.addEventListener("click", (event) => {
  if (!event.target.closest?.('a[href]:not([href^="#"], [href^="data:"], [href^="blob:"], [href^="http"])')) return;
  event.preventDefault();
  note.textContent = BEYOND;
  note.parentElement.scrollIntoView({ block: "center" });
});

import("./main.js");
