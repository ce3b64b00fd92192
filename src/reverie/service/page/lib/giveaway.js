// Buttons that give away: what is on the screen, or a run, as one HTML file. What makes the file comes with the first press.

import { h } from "./dom.js";
import { button } from "./controls.js";
import { saved } from "./recording.js";
import { flush } from "./state.js";
import { failure } from "./states.js";

const SHOWN = 4000; // milliseconds that the outcome stands on the button

/** A button that saves the view as a page; null in a page that was saved. */
export function giveButton() {
  return giving({ label: "Save as a page", kind: "quiet give", hint: "One file that shows this view anywhere, without a server", act: ({ viewPage }) => {
    flush();
    return viewPage(document.title);
  } });
}

/** A button that saves a trained run as a page that draws its pictures, or shows patients of it; null in a page that was saved. */
export function giveRunButton({ run, kind }) {
  const hint = kind === "images" ? "One file that draws pictures of this run in any browser" : "One file that shows patients made by this run in any browser";
  return giving({ label: "Save it as a page", kind: "plain", hint, act: ({ runPage }) => runPage(run) });
}

function giving({ label, kind, hint, act }) {
  if (saved) return null;
  const press = button({ label, kind, title: hint, onClick: async () => {
    press.disabled = true;
    say("Saving …");
    try {
      const [files, { saveBlob }] = await Promise.all([import("./page_file.js"), import("./download.js")]);
      const { name, blob } = await act(files);
      saveBlob(name, blob);
      say(`Saved, ${files.megabytes(blob.size)}`);
    } catch (problem) {
      say(label);
      tell(problem);
    } finally {
      press.disabled = false;
      setTimeout(() => say(label), SHOWN);
    }
  } });
  const say = (words) => (press.lastChild.textContent = words);
  press.setAttribute("aria-live", "polite");
  return press;
}

function tell(problem) {
  const dialog = h("dialog", { class: "dialog", "aria-label": "The page was not saved" },
    h("form", { method: "dialog", class: "stack" }, failure(problem), h("div", { class: "row" }, h("button", { class: "button primary" }, "Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
