// What a training is told: the data, the name of the run, how long, by which recipe; all of it in the address.

import { h } from "../../lib/dom.js";
import { more } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
import { limits } from "../../lib/operations.js";
import { bare, isPictures, isTable, tablesHere } from "../../lib/uploads.js";
import { DECIDED, FRESH, READING, forget, reading } from "./reading.js";
import { SEED } from "../fields.js";
import { source } from "./source.js";

const RECIPES = {
  table: [{ value: "", label: "records: best here" }, { value: "health-gym", label: "health-gym: as published" }],
  pictures: [{ value: "", label: "pictures: best here" }, { value: "ddpm", label: "ddpm: as published" }],
};

const DECLARED = {
  table: { otherwise: "pbc2" },
  out: { kind: "text", label: "Name of the run", hint: "A folder of the workspace." },
  unit: { kind: "segmented", label: "Budget in", options: ["minutes", "steps"], otherwise: "minutes" },
  minutes: { kind: "number", label: "Minutes", otherwise: 2, hint: "The number of steps follows the pace of the machine. A quarter of an hour is enough for pbc2.", when: ({ unit }) => unit === "minutes" },
  count: { kind: "number", field: "steps", label: "Steps", otherwise: 300, when: ({ unit }) => unit === "steps" },
  recipe: { kind: "select", label: "Recipe", options: [], open: true },
  conditions: { kind: "select", label: "Table that tells their attributes", options: [{ value: "", label: "none" }], open: true, hint: "A row for each picture: levels, numbers, vectors. Samples are asked for by them.", when: ({ table }) => isPictures(table) },
  seed: { ...SEED, hint: "The same seed and steps give the same model." },
  more: { kind: "text", at: "set", label: "Settings", placeholder: "network.width=32, batch=64", hint: "key=value, with commas between them." },
  overwrite: { kind: "toggle", label: "Replace a run of this name", write: Number },
  ...Object.fromEntries(Object.entries(READING).map(([name, { kind, ...rest }]) => [name, rest])), // set where the table is described
  ...DECIDED,
};

/** "runs/visits" for "visits.csv". */
const usual = (table) => `runs/${bare(table)}`;

/** The request of these settings; a table whose schema is edited is described for it, so listeners of `job` may come along. */
export async function request({ table, out, unit, minutes, count, seed, recipe, schedule, conditions, more: words, overwrite, ...how }, listeners = {}) {
  const settings = parsed(words ?? "");
  const read = isPictures(table) ? (conditions ? { conditions } : {}) : await reading({ table, ...how }, listeners);
  return { source: table, out: out || usual(table), ...(unit === "steps" ? { steps: count } : { minutes }), seed, ...(recipe ? { recipe } : {}), ...(schedule ? { schedule } : {}), ...(Object.keys(settings).length ? { settings } : {}), ...read, ...(overwrite ? { overwrite } : {}) };
}

/** "a=1, b=text" as an object: numbers, true and false become what they are. */
export function parsed(words) {
  const pairs = words.split(/[,\n]+/).map((each) => each.trim()).filter(Boolean).map((each) => each.split(/=(.*)/s));
  const value = (word = "") => (word !== "" && Number.isFinite(Number(word)) ? Number(word) : word === "true" ? true : word === "false" ? false : word);
  return Object.fromEntries(pairs.map(([key, word]) => [key.trim(), value(word?.trim())]));
}

/** {settings, root}: the settings of the address and their form. */
export function controls(path, { params, save }) {
  if (params.has("count")) params.set("unit", "steps");
  const schedule = { kind: "select", label: "Noise levels", options: [{ value: "", label: "the recipe's" }, ...limits(path, "schedule").options], hint: "The path from data to noise. What is predicted, and how it is sampled, go with it." };
  const own = form(path, { ...DECLARED, schedule }, { params, save, change });
  const { settings } = own;
  settings.out ??= usual(settings.table);
  own.out.set(settings.out);
  const recipes = () => {
    own.recipe.options(isPictures(settings.table) ? RECIPES.pictures : RECIPES.table);
    own.recipe.set(settings.recipe ?? "");
    if (own.recipe.input.selectedIndex < 0) own.recipe.set((settings.recipe = ""));
  };
  recipes();
  tablesHere((name) => isTable(name) || /\.(npy|npz)$/i.test(name)).then(
    (names) => {
      own.conditions.options([{ value: "", label: "none" }, ...new Set([...names, ...(settings.conditions ? [settings.conditions] : [])])]);
      own.conditions.set(settings.conditions ?? "");
    },
    () => {}, // what the chooser beside it says
  );
  const chooser = source({
    label: "Train on",
    value: settings.table,
    extra: [{ value: "digits", label: "digits, bundled (pictures)" }],
    pictures: true,
    onChange: (table) => {
      forget();
      own.out.set(usual(table));
      own.set({ ...FRESH, table, out: usual(table), recipe: null, conditions: null });
      own.conditions.set("");
      recipes();
    },
  });
  const root = h("div", { class: "stack" }, chooser, own.out, own.unit, own.minutes, own.count, own.conditions, more("More", own.recipe, own.schedule, own.seed, own.more, own.overwrite));
  return { settings, root };

  /** The address has the budget in one unit alone. */
  function change(changes) {
    if ("unit" in changes) save(settings.unit === "steps" ? { unit: null, count: settings.count, minutes: null } : { unit: null, minutes: settings.minutes, count: null });
    if (settings.out === "") own.set({ out: usual(settings.table) });
  }
}
