// Complete: tables that are given, with their holes filled or with what may come after; and a patient of them in time, what was drawn
// told apart from what was given.

import { h, clear } from "../../lib/dom.js";
import { callDialog } from "../../lib/call.js";
import { button, more } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
import { limits } from "../../lib/operations.js";
import { busy, empty, failure } from "../../lib/states.js";
import { tableOf } from "../../lib/table.js";
import { worker } from "../../lib/work.js";
import { SEED } from "../fields.js";
import { cardOf, chooser, facts, files } from "../models.js";
import { bare, folders } from "./folder.js";
import { patients } from "./patients.js";

const PATH = "/api/imputations";
const WHAT = [{ value: "fill", label: "Fill holes" }, { value: "after", label: "Go on" }];

const DECLARED = {
  model: {},
  folder: { field: "table" },
  what: { kind: "segmented", label: "What to do", options: WHAT, otherwise: "fill" },
  columns: { kind: "text", label: "Columns to fill", otherwise: [], parse: names, write: (list) => list.join(","), show: (list) => list.join(", "), hint: "As stays.ward, with commas between them. Left empty: all that are learned.", when: ({ what }) => what === "fill" },
  seed: { ...SEED, hint: "The same seed draws the same." },
  out: { kind: "text", label: "File to write", hint: "A .zip, or a folder. Left empty, it is completed/ and the name of the tables, replaced each time." },
  overwrite: { kind: "toggle", label: "Replace what is there", write: Number, when: ({ out }) => Boolean(out) },
};

export function mount(root, { params, save, go }) {
  let shown = null; // the patients below
  const known = { model: false, tables: false }; // whether it is known which there are
  const place = h("div", { class: "stage" });
  const far = { kind: "text", field: "forecast", label: "How far", otherwise: "30d", parse: horizon(limits(PATH, "forecast")), wrong: "Give a time as 12h, 30d, 2w or 1y, or a number of stays.", hint: "As 30d, 12h, 2w or 1y after a patient's last event; or so many stays, as 1.", when: ({ what }) => what === "after" };
  const own = form(PATH, { ...DECLARED, far }, { params, save });
  const { settings } = own;
  const out = () => (settings.out ? { out: settings.out, ...(settings.overwrite ? { overwrite: true } : {}) } : { out: `completed/${bare(settings.folder ?? "")}.zip`, overwrite: true });
  const wanted = () => (settings.what === "after" ? { forecast: settings.far } : settings.columns.length ? { columns: settings.columns } : {});
  const body = async () => ({ model: settings.model, table: settings.folder, ...wanted(), ...out(), seed: settings.seed });
  const refused = (problem) => own.refuse(problem);
  const work = worker(place, { path: PATH, waiting: "Drawing what is not known …", label: "Complete", body, present, params, save, refused, hear: (_, wait) => ({ onSay: wait.say }) });
  const model = chooser({ kind: "linked", value: settings.model, onChange: (name) => choose(name), onError: (problem) => clear(place, failure(problem)) });
  const tables = folders({ label: "Tables", value: settings.folder, onChange: (folder) => {
    own.set({ folder });
    known.tables = true;
    ready();
  } });
  const show = callDialog(async () => (settings.model && settings.folder ? [["impute", await body()]] : []));
  clear(root, h("div", { class: "split" },
    h("div", { class: "controls" }, model, tables, own.what, own.columns, own.far, more("More", own.seed, own.out, own.overwrite), h("div", { class: "row" }, work.button, show)),
    place));
  clear(place, busy("Looking for models …"));
  return () => {
    shown?.close();
    work.close();
  };

  async function choose(name) {
    if (!work.alive()) return;
    own.set({ model: name || null });
    known.model = false;
    if (!settings.model) {
      work.button.disabled = true;
      return clear(place, empty("There is no trained model of linked tables in the workspace yet.", button({ label: "Train one", kind: "primary", onClick: () => go("train", {}) })));
    }
    try {
      const { columns } = await cardOf(settings.model);
      own.columns.input.placeholder = columns.filter(({ modelled, name: column }) => modelled && column.split(".").length === 2).slice(-2).map(({ name: column }) => column).join(", ");
    } catch (problem) {
      work.button.disabled = true;
      if (work.alive()) clear(place, failure(problem, () => choose(name)));
      return;
    }
    known.model = true;
    ready();
  }

  function ready() {
    if (!work.alive() || !known.model || !known.tables) return;
    work.button.disabled = !settings.folder;
    if (!settings.folder) return clear(place, empty("The workspace has no tables yet.", button({ label: "Give some", kind: "primary", onClick: () => go("tables", {}) })));
    work.ready("Every cell that is given stays as it is. Fill the holes of these tables, or go on with their patients.");
  }

  async function present(result, request) {
    const { rows, rows_added: added, given_values: given, patients: many, seconds } = result.summary;
    const filled = Object.values(result.holes).reduce((sum, each) => sum + each.filled, 0);
    const fact = request.forecast === undefined ? { cells_filled: filled } : { rows_added: added };
    shown?.close();
    shown = patients({ sides: [{ name: "completed", folder: request.out, run: request.model, given: request.table }], params, save });
    clear(
      place,
      facts({ patients: many, rows_given: Object.values(rows).reduce((sum, count) => sum + count, 0), ...fact, seconds }),
      h("p", { class: "hint" }, `${given.unchanged.toLocaleString("en")} of ${given.of.toLocaleString("en")} values that were given stand as they were.`),
      h("div", { class: "row" }, files(result.files)),
      h("section", { class: "stack" }, h("h2", null, "One patient in time"), h("p", { class: "hint" }, request.forecast === undefined ? "What is given, and in it what the model filled: one draw of what may be there." : "What is given, and after it what the model drew: one of the ways in which it may go on."), shown.root),
      holes(result.holes),
    );
  }
}

/** Which cells were empty, and how many of them are not any more. */
function holes(found) {
  const rows = Object.entries(found).map(([column, { empty: none, filled }]) => [column, none, filled]);
  return rows.length ? h("section", { class: "stack" }, h("h2", null, "Holes"), tableOf({ columns: ["column", "empty cells", "filled"], rows })) : null;
}

/** The names in a text with commas. */
function names(text) {
  return text.split(",").map((name) => name.trim()).filter(Boolean);
}

/** What takes a text as how far to go on, by the bounds of the request; null for what is neither a number nor a time. */
function horizon({ min, max, pattern }) {
  return (text) => {
    const words = text.trim();
    if (/^\d+$/.test(words)) return Number(words) >= min && Number(words) <= max ? Number(words) : null;
    return new RegExp(pattern).test(words) ? words : null;
  };
}
