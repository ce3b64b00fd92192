// The samplers by the names that the server knows, with what a person needs to choose one.

import { get } from "../lib/api.js";

/** name, label; random: whether its steps draw noise; about: one sentence. */
export const SAMPLERS = [
  { name: "ddim", label: "DDIM", random: false, about: "Straight steps along the predicted noise. Eta adds noise back: 0 none, 1 as much as ancestral sampling." },
  { name: "ancestral", label: "Ancestral", random: true, about: "The chain the theory is derived for: every step draws noise. Needs many steps." },
  { name: "dpmpp", label: "DPM-Solver++", random: false, about: "Second order at one call a step: remembers the step before." },
  { name: "dpmpp_sde", label: "DPM-Solver++ SDE", random: true, about: "Second order, with noise drawn at every step." },
  { name: "heun", label: "Heun", random: false, about: "Second order by looking twice: two calls a step, one at the last." },
  { name: "angular", label: "Angular", random: false, about: "Steps along the angle between signal and noise." },
  { name: "dpmpp_3m", label: "DPM-Solver++ 3M", random: false, about: "Third order at one call a step: remembers the two steps before." },
  { name: "unipc", label: "UniPC", random: false, about: "Third order at one call a step: what is said of a state corrects the step that led there." },
  { name: "deis", label: "DEIS", random: false, about: "Third order at one call a step: follows the predicted noise instead of the predicted picture." },
  { name: "edm", label: "Heun, stochastic", random: true, about: "Heun's step, a little too far down, and back up with fresh noise, as EDM samples." },
  { name: "restart", label: "Restart", random: true, about: "Heun, which near the end adds noise and comes down again, twice, at as many calls again." },
  { name: "euler_ancestral", label: "Euler ancestral", random: true, about: "Euler's step too far down, and back up with fresh noise. The same as DDIM with eta 1." },
  { name: "consistency", label: "Consistency", random: true, about: "For models of one to four steps: what is predicted, with the fresh noise of the next level." },
];

/** What is known of a sampler; one that the page has no words for keeps its name. */
export function method(name) {
  return SAMPLERS.find((each) => each.name === name) ?? { name, label: name, random: false, about: "" };
}

/** The names of the trained runs of a kind ("images", "records" or "linked"), and the one that was taken: of that the server says what is
 *  wrong. */
export async function runs(kind, taken = null) {
  const { models } = await get("/api/models");
  const names = models.filter((model) => model.kind === kind).map(({ name }) => name);
  return taken && !names.includes(taken) ? [taken, ...names] : names;
}

/** A whole number of the address, brought inside its range; `otherwise` where there is none. */
export function whole(text, least, most, otherwise) {
  const value = text === null || text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? Math.min(most, Math.max(least, Math.round(value))) : otherwise;
}

/** Seconds that were measured, to two digits. */
export function took(seconds) {
  return seconds < 0.1 ? `${Number((1000 * seconds).toPrecision(2))} ms` : `${Number(seconds.toPrecision(2))} s`;
}
