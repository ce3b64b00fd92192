// Train: as one table is, on a folder; what is told of a training there is told here too.

import { h } from "../../lib/dom.js";
import { button, more } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
import { SEED } from "../fields.js";
import { parsed } from "../records/budget.js";
import { training } from "../records/train.js";
import { bare, folders } from "./folder.js";
import { tied } from "./tied.js";

const DECLARED = {
  folder: {},
  schema: {},
  out: { kind: "text", label: "Name of the run", hint: "A folder of the workspace." },
  unit: { kind: "segmented", label: "Budget in", options: ["minutes", "steps"], otherwise: "minutes" },
  minutes: { kind: "number", label: "Minutes", otherwise: 5, hint: "The number of steps follows the pace of the machine.", when: ({ unit }) => unit === "minutes" },
  count: { kind: "number", field: "steps", label: "Steps", otherwise: 300, when: ({ unit }) => unit === "steps" },
  seed: { ...SEED, hint: "The same seed and steps give the same model." },
  more: { kind: "text", at: "set", label: "Settings", placeholder: "network.width=64, batch=64", hint: "key=value, with commas between them." },
  overwrite: { kind: "toggle", label: "Replace a run of this name", write: Number },
};

/** "runs/hospital" for "wards/hospital". */
const usual = (folder) => `runs/${bare(folder)}`;

async function request({ folder, schema, out, unit, minutes, count, seed, more: words, overwrite }) {
  const settings = parsed(words ?? "");
  return { source: folder, out: out || usual(folder), ...(unit === "steps" ? { steps: count } : { minutes }), seed, ...(Object.keys(settings).length ? { settings } : {}), ...(await tied(schema)), ...(overwrite ? { overwrite } : {}) };
}

function controls(path, { params, save }) {
  if (params.has("count")) params.set("unit", "steps");
  const own = form(path, DECLARED, { params, save, change });
  const { settings } = own;
  const named = (folder) => own.set({ folder, out: folder ? usual(folder) : null });
  const chooser = folders({ label: "Train on", value: settings.folder, onChange: (folder, asked) => {
    if (asked) own.set({ schema: null });
    if (asked || !settings.out) named(folder);
    own.out.set(settings.out ?? "");
  } });
  own.out.set(settings.out ?? "");
  return { settings, root: h("div", { class: "stack" }, chooser, own.out, own.unit, own.minutes, own.count, more("More", own.seed, own.more, own.overwrite)) };

  /** The address has the budget in one unit alone. */
  function change(changes) {
    if ("unit" in changes) save(settings.unit === "steps" ? { unit: null, count: settings.count, minutes: null } : { unit: null, minutes: settings.minutes, count: null });
  }
}

export const mount = (root, view) => training(root, view, { controls, request, next: (name, go) => [button({ label: "Make new patients", kind: "primary", onClick: () => go("make", { model: name }) })] });
