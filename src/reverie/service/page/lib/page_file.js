// The files to give away: what is on the screen, or a run, as one HTML file that needs no server and asks nothing of any machine.

import { Problem, bytes } from "./api.js";
import { job } from "./jobs.js";
import { recorded } from "./recording.js";

const MOST = 6_000_000; // bytes of a page

/** {name, blob} of a trained run as a page: pictures are drawn in it, patients that were made are shown. */
export async function runPage(run) {
  const { file } = await job("/api/exports", { run, to: "page" }, { wait: 30 });
  return { name: file.name, blob: new Blob([await bytes(file.href, { taken: true })], { type: "text/html" }) };
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

/** A size in words. */
export function megabytes(size) {
  return `${(size / 1e6).toFixed(1)} MB`;
}

function escaped(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
