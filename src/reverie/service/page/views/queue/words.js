// Jobs in words: what each is about, how it stands, and where to look at what it made.

import { address } from "../../lib/state.js";
import { duration, when } from "../../lib/states.js";

/** Operations in words. */
export const NAMES = {
  description: "Read a table",
  series: "Read a patient's series",
  linked: "Read linked tables",
  timelines: "Look at patients",
  simulation: "Simulate a cohort",
  training: "Train",
  distillation: "Distil a run",
  report: "Report",
  export: "Export",
  sample: "Make new ones",
  imputation: "Complete records",
  "image-to-image": "Make a picture over",
  inpaint: "Fill a hole",
  upscale: "Enlarge a picture",
  deblur: "Sharpen a picture",
  invert: "Take a picture to its noise",
  interpolate: "Lead a picture to another",
  analysis: "Drown a picture",
  forward: "Drown a picture",
  walk: "Walk back by the oracle",
  reverse: "Run backwards",
  trajectory: "Run backwards",
  comparison: "Compare samplers",
  posteriors: "Compare posterior samplers",
  statistics: "A schedule in numbers",
  schedules: "Compare schedules",
  network: "Look at a network",
  views: "Four views of a prediction",
  proofs: "Check the derivations",
  mistakes: "Run the mistakes",
  playground: "Train on a drawing",
};

const FIELDS = { out: "into", source: "from", image_path: "picture" };

/** Choices among the jobs, with the states that each means. */
export const WHICH = {
  underway: { label: "under way", states: ["queued", "running"] },
  done: { label: "done", states: ["succeeded"] },
  failed: { label: "failed or ended early", states: ["failed", "cancelled", "interrupted"] },
};

/** The states in people's words. */
export const STATES = { queued: "waiting", running: "running", succeeded: "done", failed: "failed", cancelled: "cancelled", interrupted: "interrupted" };

export const unfinished = ({ state }) => state === "queued" || state === "running";

/** What is done. */
export function label(job) {
  const operation = job.about?.operation ?? job.task.replace(/-large$/, "");
  return NAMES[operation] ?? operation.replaceAll("-", " ");
}

/** [field, name] of whatever the request names: a table, a model, what is to be written. */
export function subject({ about = {} }) {
  return Object.entries(about)
    .filter(([key, value]) => key !== "operation" && value !== null && value !== "")
    .map(([key, value]) => [FIELDS[key] ?? key.replaceAll("_", " "), value]);
}

/** When, and for how long. */
export function times({ created, started, ended }) {
  if (!started) return `asked for ${when(created)}`;
  if (!ended) return `begun ${when(started)}`;
  return `${when(ended)}, took ${duration((Date.parse(ended) - Date.parse(started)) / 1000)}`;
}

/** How an unfinished job stands. */
export function standing({ state, position, progress, seconds_left: left = progress?.seconds_left }) {
  if (state === "queued") return position ? `Number ${position} in the queue` : "Waits for a worker";
  const far = progress?.total ? `${progress.done.toLocaleString("en")} of ${progress.total.toLocaleString("en")}` : "Running";
  return Number.isFinite(left) ? `${far}, ${duration(left)} left` : far;
}

/** {href, label} of where to look at what a job made, or null. */
export function made({ state, about = {} }) {
  if (state !== "succeeded" || typeof about.out !== "string" || about.out === "") return null;
  const to = (view, key) => ({ href: address(view, new URLSearchParams({ [key]: about.out })), label: about.out });
  if (["training", "distillation", "export"].includes(about.operation)) return to("runs", "run");
  if (about.operation === "report") return to("reports", "report");
  const folder = about.out.split("/").slice(0, -1).join("/");
  return { href: address("files", new URLSearchParams(folder ? { in: folder } : {})), label: about.out };
}
