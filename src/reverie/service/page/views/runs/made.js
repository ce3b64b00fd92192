// What a run showed while it trained, and what was made of it since.

import { h, clear } from "../../lib/dom.js";
import { bytes, get, path } from "../../lib/api.js";
import { saveBlob } from "../../lib/download.js";
import { button } from "../../lib/controls.js";
import { STATES, label, made, times } from "../queue/words.js";

const FIRST = 6;
const JOBS = 200;
const USES = ["sample", "imputation", "image-to-image", "inpaint", "invert", "interpolate"];

/** The pictures in the run's folder: figures of its course, and samples. */
export async function figures(place, name, signal) {
  try {
    const { files } = await get("/api/files", { signal });
    const own = files.filter((file) => file.name.startsWith(`${name}/`) && file.name.endsWith(".png"));
    if (own.length === 0) return;
    const list = h("div", { class: "shows" });
    const fill = (some) => some.forEach((file) => list.append(picture(file, name, signal)));
    const rest = own.slice(FIRST);
    const more = rest.length > 0 && button({ label: `Show ${rest.length} more`, onClick: () => (fill(rest), more.remove()) });
    fill(own.slice(0, FIRST));
    clear(place, h("section", { class: "stack" }, h("h2", null, "What it showed"), list, more));
  } catch {
    // figures are a kindness: the rest of the page says what is wrong
  }
}

function picture(file, name, signal) {
  const words = file.name.slice(name.length + 1).replace(/^figures\/|\.png$/g, "").replace(/[/_-]+/g, " ");
  const image = h("img", { alt: words });
  bytes(`/api/files/${path(file.name)}`, { signal }).then((content) => {
    image.src = URL.createObjectURL(new Blob([content], { type: "image/png" }));
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  }, () => {});
  const open = button({ label: "Save", kind: "quiet", onClick: async () => saveBlob(file.name.split("/").at(-1), new Blob([await bytes(`/api/files/${path(file.name)}`)])) });
  return h("figure", { class: "show" }, image, h("figcaption", { class: "hint" }, words, open));
}

/** The jobs that named it as their model. */
export async function samples(place, name, signal) {
  try {
    const { jobs } = await get(`/api/jobs?limit=${JOBS}`, { signal });
    const own = jobs.filter(({ about = {} }) => USES.includes(about.operation) && about.model === name);
    if (own.length === 0) return;
    const line = (job) => {
      const kept = made(job);
      return h("li", null, h("span", null, label(job), " ", kept ? h("a", { href: kept.href }, kept.label) : null), h("span", { class: "hint" }, `${STATES[job.state]} · ${times(job)}`));
    };
    clear(place, h("section", { class: "stack" }, h("h2", null, "Made of it"), h("ul", { class: "lines" }, own.map(line))));
  } catch {
    // as above
  }
}
