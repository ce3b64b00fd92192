// What a training is told: the data, the name of the run, how long, by which recipe; all of it in the address.

import { h } from "../../lib/dom.js";
import { more, number, segmented, select, text, toggle } from "../../lib/controls.js";
import { quoted } from "../../lib/call.js";
import { whole } from "../methods.js";
import { given, options, reading } from "./describe.js";
import { source } from "./source.js";

const RECIPES = {
  table: [{ value: "", label: "records: best here" }, { value: "health-gym", label: "health-gym: as published" }],
  pictures: [{ value: "", label: "pictures: best here" }, { value: "ddpm", label: "ddpm: as published" }],
};

/** The settings of the address. */
export function told(params) {
  const table = params.get("table") ?? "pbc2";
  const minutes = Number(params.get("minutes"));
  return {
    table,
    out: params.get("out") ?? usual(table),
    unit: params.has("count") ? "steps" : "minutes",
    minutes: minutes >= 0.02 && minutes <= 120 ? minutes : 2,
    count: whole(params.get("count"), 1, 1_000_000, 300),
    seed: whole(params.get("seed"), 0, 2 ** 31 - 1, 0),
    recipe: params.get("recipe") ?? "",
    set: params.get("set") ?? "",
    overwrite: params.get("overwrite") === "1",
    reading: reading(params),
  };
}

/** "runs/visits" for "visits.csv". */
function usual(table) {
  return `runs/${table.split("/").at(-1).replace(/\.((csv|tsv|psv|txt|tab)(\.gz)?|parquet|xlsx|xlsm|sas7bdat|xpt|sav|zsav|dta)$/i, "")}`;
}

/** The request of these settings. */
export function request({ table, out, unit, minutes, count, seed, recipe, set, overwrite, reading: how }) {
  const settings = parsed(set);
  const read = table === "digits" || table === "pbc2" ? {} : given(how);
  return { source: table, out, ...(unit === "steps" ? { steps: count } : { minutes }), seed, ...(recipe ? { recipe } : {}), ...(Object.keys(settings).length ? { settings } : {}), ...read, ...(overwrite ? { overwrite } : {}) };
}

/** "a=1, b=text" as an object: numbers, true and false become what they are. */
function parsed(words) {
  const pairs = words.split(/[,\n]+/).map((each) => each.trim()).filter(Boolean).map((each) => each.split(/=(.*)/s));
  const value = (word = "") => (word !== "" && Number.isFinite(Number(word)) ? Number(word) : word === "true" ? true : word === "false" ? false : word);
  return Object.fromEntries(pairs.map(([key, word]) => [key.trim(), value(word?.trim())]));
}

/** The form; change(what was changed, for the address). */
export function form(settings, change) {
  const set = (next) => {
    Object.assign(settings, next);
    change(next);
  };
  const out = text({ label: "Name of the run", value: settings.out, hint: "A folder of the workspace.", onChange: (value) => set({ out: value || usual(settings.table) }) });
  const recipe = select({ label: "Recipe", options: [], onChange: (value) => set({ recipe: value }) });
  const recipes = () => {
    recipe.options(settings.table === "digits" ? RECIPES.pictures : RECIPES.table);
    recipe.set(settings.recipe);
    if (recipe.input.selectedIndex < 0) recipe.set((settings.recipe = ""));
  };
  recipes();
  const chooser = source({
    label: "Train on",
    value: settings.table,
    extra: [{ value: "digits", label: "digits, bundled (pictures)" }],
    onChange: (table) => {
      const name = usual(table);
      out.set(name);
      set({ table, out: name, recipe: "" });
      recipes();
    },
  });
  const minutes = number({ label: "Minutes", min: 0.02, max: 120, step: "any", value: settings.minutes, onChange: (value) => set({ minutes: value }), hint: "The number of steps follows the pace of the machine. A quarter of an hour is enough for pbc2." });
  const count = number({ label: "Steps", min: 1, max: 1_000_000, value: settings.count, onChange: (value) => set({ count: value }) });
  const arrange = () => {
    minutes.hidden = settings.unit !== "minutes";
    count.hidden = settings.unit !== "steps";
  };
  const unit = segmented({
    label: "Budget in",
    options: [{ value: "minutes", label: "minutes" }, { value: "steps", label: "steps" }],
    value: settings.unit,
    onChange: (value) => {
      settings.unit = value;
      arrange();
      change(value === "steps" ? { count: settings.count, minutes: null } : { minutes: settings.minutes, count: null });
    },
  });
  arrange();
  return h(
    "div",
    { class: "stack" },
    chooser,
    out,
    unit,
    minutes,
    count,
    more(
      "More",
      recipe,
      number({ label: "Seed", min: 0, max: 2 ** 31 - 1, value: settings.seed, onChange: (value) => set({ seed: value }), hint: "The same seed and steps give the same model." }),
      text({ label: "Settings", value: settings.set, placeholder: "network.width=32, batch=64", hint: "key=value, with commas between them.", onChange: (value) => set({ set: value }) }),
      toggle({ label: "Replace a run of this name", value: settings.overwrite, onChange: (value) => set({ overwrite: value }) }),
    ),
  );
}

// --- the same without the page ---------------------------------------------------------------------------------------------

/** The command line. */
export function command(body) {
  const budget = body.steps ? `--steps ${body.steps}` : `--minutes ${body.minutes}`;
  const settings = Object.entries(body.settings ?? {}).map(([key, value]) => `--set ${quoted(`${key}=${value}`)}`);
  const rest = [body.recipe && `--recipe ${body.recipe}`, ...options(body), ...settings, body.overwrite && "--force"].filter(Boolean);
  return ["reverie train", quoted(body.source), "--out", quoted(body.out), budget, `--seed ${body.seed}`, ...rest].join(" ");
}

/** Python. */
export function python(body) {
  const budget = body.steps ? `steps=${body.steps}` : `minutes=${body.minutes}`;
  const rest = [body.recipe && `recipe=${JSON.stringify(body.recipe)}`, body.settings && `settings=${JSON.stringify(body.settings)}`].filter(Boolean);
  const read = options(body).length ? `\n# how the table is read: see the command line` : "";
  return `from reverie import runs${read}\n\nmodel = runs.train(${[JSON.stringify(body.source), JSON.stringify(body.out), budget, `seed=${body.seed}`, ...rest].join(", ")})\n`;
}
