// What a training is told: the data, the name of the run, how long, by which recipe; all of it in the address.

import { h } from "../../lib/dom.js";
import { more } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
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
  seed: { ...SEED, hint: "The same seed and steps give the same model." },
  more: { kind: "text", at: "set", label: "Settings", placeholder: "network.width=32, batch=64", hint: "key=value, with commas between them." },
  overwrite: { kind: "toggle", label: "Replace a run of this name", write: Number },
  ...Object.fromEntries(Object.entries(READING).map(([name, { kind, ...rest }]) => [name, rest])), // set where the table is described
  ...DECIDED,
};

/** "runs/visits" for "visits.csv". */
function usual(table) {
  return `runs/${table.split("/").at(-1).replace(/\.((csv|tsv|psv|txt|tab)(\.gz)?|parquet|xlsx|xlsm|sas7bdat|xpt|sav|zsav|dta)$/i, "")}`;
}

/** The request of these settings; a table whose schema is edited is described for it, so listeners of `job` may come along. */
export async function request({ table, out, unit, minutes, count, seed, recipe, more: words, overwrite, ...how }, listeners = {}) {
  const settings = parsed(words ?? "");
  const read = table === "digits" ? {} : await reading({ table, ...how }, listeners);
  return { source: table, out: out || usual(table), ...(unit === "steps" ? { steps: count } : { minutes }), seed, ...(recipe ? { recipe } : {}), ...(Object.keys(settings).length ? { settings } : {}), ...read, ...(overwrite ? { overwrite } : {}) };
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
  const own = form(path, DECLARED, { params, save, change });
  const { settings } = own;
  settings.out ??= usual(settings.table);
  own.out.set(settings.out);
  const recipes = () => {
    own.recipe.options(settings.table === "digits" ? RECIPES.pictures : RECIPES.table);
    own.recipe.set(settings.recipe ?? "");
    if (own.recipe.input.selectedIndex < 0) own.recipe.set((settings.recipe = ""));
  };
  recipes();
  const chooser = source({
    label: "Train on",
    value: settings.table,
    extra: [{ value: "digits", label: "digits, bundled (pictures)" }],
    onChange: (table) => {
      forget();
      own.out.set(usual(table));
      own.set({ ...FRESH, table, out: usual(table), recipe: null });
      recipes();
    },
  });
  const root = h("div", { class: "stack" }, chooser, own.out, own.unit, own.minutes, own.count, more("More", own.recipe, own.seed, own.more, own.overwrite));
  return { settings, root };

  /** The address has the budget in one unit alone. */
  function change(changes) {
    if ("unit" in changes) save(settings.unit === "steps" ? { unit: null, count: settings.count, minutes: null } : { unit: null, minutes: settings.minutes, count: null });
    if (settings.out === "") own.set({ out: usual(settings.table) });
  }
}
