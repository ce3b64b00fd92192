// Reverse: from noise to a picture, every state of it, to play, pause and step through.

import { h, clear } from "../lib/dom.js";
import { button } from "../lib/controls.js";
import { callDialog } from "../lib/call.js";
import { loadPicture } from "../lib/pictures.js";
import { fetchSchedule } from "../lib/schedules.js";
import { worker } from "../lib/work.js";
import { whole } from "./methods.js";
import { develop } from "./reverse/film.js";
import { controls, request } from "./reverse/settings.js";
import { stage } from "./reverse/stage.js";

const PATH = "/api/trajectories";
export const title = "From noise to a picture, step by step";
export const summary =
  "The reverse process starts from pure noise. At each step the denoiser says what picture it takes the noise to hide, and the sampler goes a little that way. Watch both.";

export const asks = true;

export function mount(root, { params, save }) {
  let own = null; // a picture of one's own, for the oracle
  let shown = null; // the run on the screen
  let at = whole(params.get("frame"), 0, 200, 0);
  const stale = h("p", { class: "hint", role: "status" });
  const place = h("div", { class: "stage" });
  const form = controls(PATH, { params, save, change: () => start(), picked: (picture) => (own = picture), onError: (problem) => clear(stale, problem.detail) });
  const { settings } = form;
  const work = worker(place, {
    path: PATH,
    params,
    save,
    waiting: "Running backwards …",
    again: "Run",
    body: async () => request(settings, await pixels()),
    async present(result, body, stays) {
      const [frames, curve] = await Promise.all([develop(result.frames), schedule(result.metadata.schedule)]);
      if (!stays()) return;
      shown = stage({ result, frames, curve, at, rate: whole(params.get("speed"), 2, 50, 10), save });
      clear(place, shown.root);
      at = 0;
    },
  });
  const run = button({ label: "New noise", title: "Start from other noise: another seed", onClick: () => form.reseed() });
  const show = callDialog(() => [["make_trajectory", request(settings, settings.picture.startsWith("own:") ? "data:" : null)]]);
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, form.root, h("div", { class: "row" }, run, show), stale), place));

  async function pixels() {
    if (settings.model || settings.denoiser !== "oracle" || !settings.picture.startsWith("own:")) return null;
    if (own?.name !== settings.picture) own = await loadPicture(settings.picture);
    return own.dataURL;
  }

  async function start(begin = work.start) {
    shown?.movie.pause();
    place.style.minHeight = `${place.offsetHeight}px`; // so that the page does not jump while it waits
    await begin();
    place.style.minHeight = "";
  }

  start(work.resume);
  return () => {
    work.close();
    shown?.movie.pause();
    form.destroy();
  };
}

/** The curve of a run's schedule; null where it is not to be had: the plot then joins the steps. */
async function schedule({ name, ...settings }) {
  try {
    return await fetchSchedule({ name, settings: Object.fromEntries(Object.entries(settings).filter(([, value]) => typeof value === "number")) }, { only: "alpha_bar" });
  } catch {
    return null;
  }
}
