// A page to give away: what is on the screen, or a run, as one HTML file that needs no server and asks nothing of any machine.

import { h } from "./dom.js";
import { Problem, bytes, job } from "./api.js";
import { button } from "./controls.js";
import { saveBlob } from "./download.js";
import { recorded, saved } from "./recording.js";
import { flush } from "./state.js";
import { failure } from "./states.js";

const MOST = 6_000_000; // bytes of a page
const SHOWN = 4000; // milliseconds that the outcome stands on the button

/**
 * A button that saves the view as a page; null in a page that was saved. title: of the page, a text or a function that gives it;
 * collect(): what else is to be done first, so that all that the view shows has been asked for.
 */
export function giveButton({ title = () => document.title, collect = null, label = "Save as a page", kind = "quiet give" } = {}) {
  if (saved) return null;
  return giving({ label, kind, hint: "One file that shows this view anywhere, without a server", act: async () => {
    flush();
    await collect?.();
    return viewPage(typeof title === "function" ? title() : title);
  } });
}

/** A button that saves a trained run of pictures as a page that draws; null in a page that was saved. */
export function giveRunButton({ run, label = "Save as a page", kind = "" }) {
  if (saved) return null;
  return giving({ label, kind, hint: "One file that draws pictures of this run in any browser", act: async () => {
    const { file } = await job("/api/exports", { run, to: "page" }, { wait: 30 });
    return { name: file.name, blob: new Blob([await bytes(file.href, { taken: true })], { type: "text/html" }) };
  } });
}

/** {name, blob} of the view as it is. Throws a Problem where it would be too large. */
export async function viewPage(title) {
  const shell = new TextDecoder().decode(await bytes("/static/saved.html", { taken: true }));
  const made = { title, address: location.hash || "#/", made: new Date().toISOString(), answers: await recorded() };
  const data = JSON.stringify(made).replaceAll("<", "\\u003c");
  const named = shell.replace(/<title>[^<]*</, () => `<title>${escaped(title)}<`);
  const blob = new Blob([named.replace(/(id="recording">)null</, (_, start) => `${start}${data}<`)], { type: "text/html" });
  if (blob.size > MOST) {
    throw new Problem({
      title: "This view is too large for a page",
      detail: `It would have ${megabytes(blob.size)}, and ${MOST / 1e6} MB is the most: load this view again, ask for fewer or smaller pictures, and save it then.`,
    });
  }
  return { name: `${title.toLowerCase().match(/[\p{L}\p{N}]+/gu)?.join("-") ?? "reverie"}.html`, blob };
}

function giving({ label, kind, hint, act }) {
  const press = button({ label, kind, title: hint, onClick: async () => {
    press.disabled = true;
    say("Saving …");
    try {
      const { name, blob } = await act();
      saveBlob(name, blob);
      say(`Saved, ${megabytes(blob.size)}`);
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

function megabytes(size) {
  return `${(size / 1e6).toFixed(1)} MB`;
}

function escaped(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
