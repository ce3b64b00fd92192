// Noise schedules by name and settings: their curves from the server, their controls, and the lines that make them elsewhere.
// A schedule is written "cosine,steps=500,offset=0.01" in addresses; settings that have their default are left out.

import { get } from "./api.js";
import { h, clear } from "./dom.js";
import { more, number, select, toggle } from "./controls.js";
import { about, limits, operations } from "./operations.js";

const PATH = "/api/schedules/{name}";
const SETTINGS = {
  steps: { label: "Steps T" },
  beta_min: { label: "beta_min" },
  beta_max: { label: "beta_max" },
  offset: { label: "offset", hint: "Keeps the first steps from being too small." },
  max_beta: { label: "max_beta", hint: "The cap on the last steps." },
  reach: { label: "reach", hint: "How far along the logistic curve." },
};

let known = null;

/** {name: {setting: default}} of every schedule that the server names. */
export async function knownSchedules() {
  known ??= Promise.all([about(), operations()]).then(([{ schedules }]) => schedules);
  try {
    return await known;
  } catch (error) {
    known = null;
    throw error;
  }
}

/** "cosine,steps=500" -> {name, settings}. What is not a number is dropped. */
export function parseSchedule(text) {
  const [name, ...parts] = text.split(",");
  const settings = {};
  for (const part of parts) {
    const [key, value] = part.split("=");
    if (key === "zero_terminal_snr") settings[key] = true;
    else if (key in SETTINGS && value !== "" && Number.isFinite(Number(value))) settings[key] = Number(value);
  }
  return { name, settings };
}

/** The inverse of parseSchedule. */
export function writeSchedule({ name, settings }) {
  return [name, ...Object.entries(settings).map(([key, value]) => `${key}=${Number(value)}`)].join(",");
}

const curves = new Map();

/** The server's tables of a schedule, each a list over t = 0..T, null where infinite; fetched once. only: one of them alone. */
export async function fetchSchedule(schedule, { signal, only = null } = {}) {
  const path = schedulePath(schedule, only);
  if (!curves.has(path)) curves.set(path, await get(path, { signal }));
  return curves.get(path);
}

/** The path of the call above. */
function schedulePath({ name, settings }, only) {
  const query = new URLSearchParams(Object.entries(settings).map(([key, value]) => [key, String(value)]));
  if (only) query.set("only", only);
  return `/api/schedules/${encodeURIComponent(name)}${query.size ? `?${query}` : ""}`;
}

/** "cosine, steps 500" */
export function nameOf({ name, settings }) {
  const words = Object.entries(settings).map(([key, value]) => (value === true ? "zero terminal SNR" : `${key} ${value}`));
  return [name, ...words].join(", ");
}

/** Name and settings of one schedule; calls back with {name, settings} when either changes. after: a promise to wait for before
 *  the server is asked which there are. */
export function scheduleControls({ schedule, onChange, open = false, label = "Schedule", after = null }) {
  let now = schedule;
  const rest = h("div", { class: "stack" });
  const change = (next) => {
    now = next;
    onChange(now);
  };
  const fill = (defaults) => {
    const own = defaults[now.name] ?? { steps: 1000 };
    const keys = Object.keys(own).filter((key) => key in SETTINGS);
    clear(
      rest,
      h("div", { class: "pairs" }, keys.map((key) =>
        number({
          ...limits(PATH, key),
          ...SETTINGS[key],
          value: now.settings[key] ?? own[key],
          onChange: (value) => {
            const { [key]: _, ...others } = now.settings;
            change({ name: now.name, settings: value === own[key] ? others : { ...others, [key]: value } });
          },
        }),
      )),
      toggle({
        label: "Zero terminal SNR",
        value: now.settings.zero_terminal_snr === true,
        hint: "Rescaled so that nothing of the signal is left at T.",
        onChange: (on) => {
          const { zero_terminal_snr: _, ...others } = now.settings;
          change({ name: now.name, settings: on ? { ...others, zero_terminal_snr: true } : others });
        },
      }),
    );
  };
  const names = select({
    label,
    options: [now.name],
    value: now.name,
    onChange: async (name) => {
      const defaults = await knownSchedules();
      const kept = Object.entries(now.settings).filter(([key]) => key in (defaults[name] ?? {}) || key === "zero_terminal_snr");
      change({ name, settings: Object.fromEntries(kept) });
      fill(defaults);
    },
  });
  Promise.resolve(after).then(knownSchedules).then(
    (defaults) => {
      names.options(Object.keys(defaults).filter((name) => name !== "from_betas" && name !== "squaredcos_cap_v2"));
      names.input.value = now.name;
      fill(defaults);
    },
    () => {}, // the view says so itself when its own call fails
  );
  const settings = more("Its settings", rest);
  settings.open = open || Object.keys(schedule.settings).length > 0;
  return h("div", { class: "stack tight" }, names, settings);
}
