// What the forward view works on: the curves of a schedule, what is noised and the noise; and the calls that give the same.

import { get } from "../../lib/api.js";
import { loadPicture } from "../../lib/pictures.js";
import { forwardNoise } from "../../lib/randomness.js";
import { fetchSchedule } from "../../lib/schedules.js";
import { stepsOf } from "./filmstrip.js";
import { seriesPath } from "./patients.js";
import { pictureScene } from "./scenes.js";

/** Pictures of one's own by name, for browsers that keep nothing. */
export const held = new Map();
const noises = new Map();

/** alpha_bar over t = 0..T, and the factors of x_0 and of the noise. */
export async function curvesOf(schedule) {
  const tables = await fetchSchedule(schedule, { only: "alpha_bar" });
  return { ...tables, signal: tables.alpha_bar.map(Math.sqrt), noise: tables.alpha_bar.map((share) => Math.sqrt(1 - share)) };
}

/** The scene of what is noised. */
export async function subjectOf(state) {
  if (state.kind === "series") {
    const [{ seriesScene }, series] = await Promise.all([import("./series.js"), get(seriesPath(state))]);
    return seriesScene(series);
  }
  return pictureScene(held.get(state.picture) ?? (await loadPicture(state.picture)));
}

/** The noise that belongs to a seed. */
export function noiseOf(shape, seed) {
  const name = JSON.stringify([shape, seed]);
  if (!noises.has(name)) {
    if (noises.size > 8) noises.clear();
    noises.set(name, forwardNoise(shape, seed));
  }
  return noises.get(name);
}

/** The operations that give what is shown, and their requests. */
export function calls({ kind, table, patient, picture, schedule, seed, t }, live) {
  const config = { name: schedule.name, ...schedule.settings };
  if (kind === "series") return [["get_series", { table, ...(patient === null ? {} : { patient }) }], ["get_schedule", config]];
  const timesteps = [...new Set([...stepsOf(live?.steps ?? 1000), Math.round(t)])].sort((a, b) => a - b);
  const own = picture.startsWith("own:") ? { image_base64: live?.subject.dataURL ?? "data:" } : { image_path: picture };
  return [["demonstrate_forward_diffusion", { ...own, timesteps, schedule: config, seed }]];
}

/** A name to save what is shown under. */
export function fileName(name) {
  return name.replace(/\.[a-z]+$/i, "").replace(/[^A-Za-z0-9-]+/g, "-");
}
