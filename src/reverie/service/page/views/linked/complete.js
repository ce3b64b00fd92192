// Complete: tables that are given, with their holes filled or with what may come after; and a patient of them in time, what was drawn
// told apart from what was given.

import { h, clear } from "../../lib/dom.js";
import { callDialog } from "../../lib/call.js";
import { button, more } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
import { limits } from "../../lib/operations.js";
import { busy, empty } from "../../lib/states.js";
import { tableOf } from "../../lib/table.js";
import { worker } from "../../lib/work.js";
import { SEED } from "../fields.js";
import { facts, files } from "../models.js";
import { bare, folders } from "./folder.js";
import { models } from "./model.js";
import { patients } from "./patients.js";

const PATH = "/api/imputations";
const WHAT = [{ value: "fill", label: "Fill holes" }, { value: "after", label: "Go on" }];

const DECLARED = {
  model: {},
  folder: { field: "table" },
  what: { kind: "segmented", label: "What to do", options: WHAT, otherwise: "fill" },
  columns: { kind: "text", label: "Columns to fill", otherwise: [], parse: names, write: (list) => list.join(","), show: (list) => list.join(", "), hint: "As stays.ward, with commas between them. Left empty: all that are learned.", when: ({ what }) => what === "fill" },
  draws: { kind: "slider", label: "Draws", max: 20, otherwise: 1, hint: "How often. Where several differ, the model is not sure." },
  seed: { ...SEED, hint: "The same seed draws the same." },
  out: { kind: "text", label: "File to write", hint: "A .zip, or a folder, in which several draws have folders 1, 2, … Left empty, it is completed/ and the name of the tables, replaced each time." },
  overwrite: { kind: "toggle", label: "Replace what is there", write: Number, when: ({ out }) => Boolean(out) },
};

export function mount(root, { params, save, go }) {
  let shown = null; // the patients below
  const known = { model: false, tables: false }; // whether it is known which there are
  const place = h("div", { class: "stage" });
  const far = { kind: "text", field: "forecast", label: "How far", otherwise: "30d", parse: horizon(limits(PATH, "forecast")), wrong: "Give a time as 12h, 30d, 2w or 1y, or a number of stays.", hint: "As 30d, 12h, 2w or 1y after a patient's last event; or so many stays, as 1.", when: ({ what }) => what === "after" };
  const own = form(PATH, { ...DECLARED, far }, { params, save });
  const { settings } = own;
  const out = () => (settings.out ? { out: settings.out, ...(settings.overwrite ? { overwrite: true } : {}) } : { out: `completed/${bare(settings.folder ?? "")}${settings.draws > 1 ? "" : ".zip"}`, overwrite: true });
  const wanted = () => (settings.what === "after" ? { forecast: settings.far } : settings.columns.length ? { columns: settings.columns } : {});
  const body = async () => ({ model: settings.model, table: settings.folder, ...wanted(), ...(settings.draws > 1 ? { draws: settings.draws } : {}), ...out(), seed: settings.seed });
  const refused = (problem) => own.refuse(problem);
  const work = worker(place, { path: PATH, waiting: "Drawing what is not known …", label: "Complete", body, present, params, save, refused, hear: (_, wait) => ({ onSay: wait.say }) });
  const model = models({ own, work, place, go, shut: (off) => off && (work.button.disabled = true), onChoose: () => (known.model = false), onCard: choose });
  const tables = folders({ label: "Tables", value: settings.folder, onChange: (folder) => {
    own.set({ folder });
    known.tables = true;
    ready();
  } });
  const show = callDialog(async () => (settings.model && settings.folder ? [["impute", await body()]] : []));
  clear(root, h("div", { class: "split" },
    h("div", { class: "controls" }, model, tables, own.what, own.columns, own.far, own.draws, more("More", own.seed, own.out, own.overwrite), h("div", { class: "row" }, work.button, show)),
    place));
  clear(place, busy("Looking for models …"));
  return () => {
    shown?.close();
    work.close();
  };

  function choose({ columns }) {
    own.columns.input.placeholder = columns.filter(({ modelled, name }) => modelled && name.split(".").length === 2).slice(-2).map(({ name }) => name).join(", ");
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
    const { rows, rows_added: added, given_values: given, patients: many, draws, seconds } = result.summary;
    const filled = Object.values(result.holes).reduce((sum, each) => sum + each.filled, 0);
    const each = draws > 1 ? " each time" : "";
    const fact = request.forecast === undefined ? { [`cells_filled${each}`]: filled } : { [`rows_added${draws > 1 ? " in all draws" : ""}`]: added };
    const packed = draws > 1 && /\.zip$/i.test(request.out); // several folders in one file are not looked into
    shown?.close();
    shown = packed ? null : patients({ sides: [{ name: "completed", folder: request.out, draws, run: request.model, given: request.table }], params, save });
    clear(
      place,
      facts({ patients: many, rows_given: Object.values(rows).reduce((sum, count) => sum + count, 0), ...(draws > 1 ? { draws } : {}), ...fact, seconds }),
      h("p", { class: "hint" }, `${given.unchanged.toLocaleString("en")} of ${given.of.toLocaleString("en")} values that were given stand as they were.`),
      saved(result.files),
      h("section", { class: "stack" }, h("h2", null, "One patient in time"), packed ? h("p", { class: "hint" }, "Draws that are packed in one file are not shown here: give a folder to see patients of them.") : [h("p", { class: "hint" }, told(request, draws)), shown.root]),
      holes(result.holes, each),
    );
  }
}

/** What is seen of a patient. */
function told({ forecast }, draws) {
  if (draws > 1) return forecast === undefined ? "What is given, and in it what the model filled. Go from draw to draw: what changes is not known." : "What is given, and after it what the model drew. Go from draw to draw for other ways in which it may go on.";
  return forecast === undefined ? "What is given, and in it what the model filled: one draw of what may be there." : "What is given, and after it what the model drew: one of the ways in which it may go on.";
}

/** A button for each file; many are opened first. */
function saved(list) {
  const buttons = h("div", { class: "row" }, files(list));
  return list.length > 1 ? more(`Save the ${list.length} files`, buttons) : buttons;
}

/** Which cells were empty, and how many of them are not any more. */
function holes(found, each) {
  const rows = Object.entries(found).map(([column, { empty: none, filled }]) => [column, none, filled]);
  return rows.length ? h("section", { class: "stack" }, h("h2", null, "Holes"), tableOf({ columns: ["column", "empty cells", `filled${each}`], rows })) : null;
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
