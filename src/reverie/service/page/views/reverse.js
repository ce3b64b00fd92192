// Reverse: from noise to a picture, every state of it, to play, pause and step through.

import { h, clear } from "../lib/dom.js";
import { get, job } from "../lib/api.js";
import { button } from "../lib/controls.js";
import { callDialog } from "../lib/call.js";
import { loadPicture } from "../lib/pictures.js";
import { busy, empty, failure } from "../lib/states.js";
import { whole } from "./methods.js";
import { calls } from "./reverse/calls.js";
import { develop } from "./reverse/film.js";
import { form, request, told } from "./reverse/settings.js";
import { stage } from "./reverse/stage.js";

export const title = "From noise to a picture, step by step";
export const summary =
  "The reverse process starts from pure noise. At each step the denoiser says what picture it takes the noise to hide, and the sampler goes a little that way. Watch both.";

export function mount(root, { params, save }) {
  const settings = told(params);
  let own = null; // a picture of one's own, for the oracle
  let work = null; // the run at the server, while there is one
  let shown = null; // the run on the screen
  let open = true;

  const run = button({
    label: "New noise",
    title: "Start from other noise: another seed",
    onClick: () => controls.reseed(Math.floor(Math.random() * 1e6)),
  });
  const stale = h("p", { class: "hint", role: "status" });
  const place = h("div", { class: "stage" });
  const changed = (changes) => {
    save(changes);
    start(0);
  };
  const controls = form(settings, {
    change: changed,
    picked: (picture) => (own = picture),
    onError: (problem) => clear(stale, problem.detail),
  });
  const show = callDialog({ curl: () => calls(request(settings)).curl(), cli: () => calls(request(settings)).cli(), python: () => calls(request(settings)).python() });
  clear(root, h("div", { class: "split stage-first" }, h("div", { class: "controls" }, controls, h("div", { class: "row" }, run, show), stale), place));

  async function pixels() {
    if (settings.model || settings.denoiser !== "oracle" || !settings.picture.startsWith("own:")) return null;
    if (own?.name !== settings.picture) own = await loadPicture(settings.picture);
    return own.dataURL;
  }

  async function start(at) {
    work?.abort();
    shown?.movie.pause();
    const mine = (work = new AbortController());
    const wait = busy("Running backwards …", { onCancel: () => mine.abort() });
    place.style.minHeight = `${place.offsetHeight}px`; // so that the page does not jump while it waits
    clear(place, wait);
    try {
      const body = request(settings, await pixels());
      const result = await job("/api/trajectories", body, { signal: mine.signal, ...wait.hear });
      const [frames, curve] = await Promise.all([develop(result.frames), schedule(result.metadata.schedule)]);
      if (mine.signal.aborted || !open) return;
      shown = stage({ result, frames, curve, at, rate: whole(params.get("speed"), 2, 50, 10), save });
      clear(place, shown.root);
    } catch (problem) {
      if (!open || work !== mine) return;
      clear(place, problem.name === "AbortError" ? empty("Stopped. Nothing is computing any more.", button({ label: "Run", kind: "primary", onClick: () => start(0) })) : failure(problem, () => start(0)));
    } finally {
      if (work === mine) work = null;
      place.style.minHeight = "";
    }
  }

  start(whole(params.get("frame"), 0, 200, 0));
  return () => {
    open = false;
    work?.abort();
    shown?.movie.pause();
    controls.destroy();
  };
}

/** The curve of a run's schedule; null where it is not to be had: the plot then joins the steps. */
async function schedule({ name, ...settings }) {
  try {
    const query = new URLSearchParams(Object.entries(settings).filter(([, value]) => typeof value === "number"));
    return await get(`/api/schedules/${encodeURIComponent(name)}?${query}`);
  } catch {
    return null;
  }
}
