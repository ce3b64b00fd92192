// Complete: the record of one patient, with holes; the model fills them many times over, and the spread is its uncertainty.

import { h, clear } from "../../lib/dom.js";
import { callDialog } from "../../lib/call.js";
import { button, field, more } from "../../lib/controls.js";
import { csv, saveData } from "../../lib/download.js";
import { form } from "../../lib/form.js";
import { limits } from "../../lib/operations.js";
import { busy, failure } from "../../lib/states.js";
import { worker } from "../../lib/work.js";
import { charts, levels } from "./bands.js";
import { numberOf } from "./columns.js";
import { rowsOf } from "./csv.js";
import { SEED } from "../fields.js";
import { UNSAID } from "./reading.js";
import { chooser, columnsOf, facts, files, trainOne } from "../models.js";
import { edited, edits, hidden, sheet, written } from "./sheet.js";
import { isPictures } from "../../lib/uploads.js";
import { source } from "./source.js";

const PATH = "/api/imputations";
const SHARE = 0.3; // of the values that "Hide some" takes away
const DECLARED = {
  model: {},
  table: { otherwise: "pbc2", parse: (name) => (isPictures(name) ? null : name) }, // pictures, which only training knows
  patient: {},
  cells: { parse: edits, write: written, otherwise: new Map() },
  draws: { kind: "slider", label: "Draws", max: 50, otherwise: 20, hint: "How often it is filled. Bands are drawn from 10 on." },
  forecast: { kind: "number", label: "Visits to add", min: 0, max: 20, otherwise: 0, hint: "0: fill the holes. Above 0: go on from the last visit instead." },
  seed: { ...SEED, hint: null },
};

export function mount(root, { params, save, go }) {
  let data = null; // {columns, rows} of the whole table
  let columns = []; // what the model knows of them
  const paper = h("div", { class: "stack" });
  const place = h("div", { class: "stage" });
  const method = { kind: "select", label: "Method", options: [{ value: "", label: "the run's own" }, ...limits(PATH, "method").options], hint: "How what is given is kept to." };
  const own = form(PATH, { ...DECLARED, method }, { params, save });
  const { settings } = own;
  const work = worker(place, { path: PATH, waiting: "Filling …", label: "Complete", body, present, params, save });
  const chosen = field("Patient", h("input", { type: "text", list: "patients", autocomplete: "off" }));
  const known = h("datalist", { id: "patients" });
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  chosen.append(known, wrong);
  chosen.input.addEventListener("change", () => pick(chosen.input.value.trim()));
  const show = callDialog(() => (data ? [["impute", body()]] : []));
  const model = chooser({ kind: "records", value: settings.model, onChange: (name) => choose(name), onError: (problem) => clear(place, failure(problem)) });
  const tables = source({ value: settings.table, paste: true, onChange: (name) => open(name) });
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, model, tables, chosen, own.draws, own.forecast, more("More", own.method, own.seed), h("div", { class: "row" }, work.button, show)), h("div", { class: "stage" }, paper, place)));

  // --- which model, which table, which patient ----------------------------------------------------------------------------

  async function choose(name) {
    if (!work.alive()) return;
    own.set({ model: name || null });
    if (!settings.model) return clear(place, trainOne(go));
    try {
      columns = (await columnsOf(settings.model)).columns;
      if (work.alive()) await open(settings.table, true);
    } catch (problem) {
      if (work.alive()) clear(place, failure(problem, () => choose(name)));
    }
  }

  async function open(table, same = false) {
    if (!same) {
      own.set({ table, cells: new Map(), patient: null });
      save(UNSAID);
    }
    if (!settings.model) return;
    work.button.disabled = true;
    clear(paper, busy(`Opening ${table} …`));
    try {
      data = await rowsOf(table);
    } catch (problem) {
      if (work.alive()) clear(paper, failure(problem, () => open(table, true)));
      return;
    }
    if (!work.alive()) return;
    const at = data.columns.indexOf(identifier());
    if (at < 0 && identifier() !== null) return clear(paper, failure({ title: "Another table", detail: `${table} has no column ${identifier()}, by which the model tells patients apart: choose a table like the one it was trained on.` }));
    const names = [...new Set(data.rows.map(whose))].filter((each) => each !== null);
    clear(known, names.slice(0, 500).map((each) => h("option", { value: each })));
    pick(settings.patient ?? longest(names), true);
  }

  function pick(name, same = false) {
    const found = rows(name);
    wrong.hidden = found.length > 0;
    wrong.textContent = `${settings.table} has no patient ${name}.`;
    if (!found.length) return;
    if (!same) own.set({ patient: name, cells: new Map() });
    else if (settings.patient === null) own.set({ patient: name });
    chosen.set(name);
    lay();
    work.ready("Empty cells, and those that you clear, are holes. Complete fills each of them as often as there are draws.");
  }

  // --- the sheet -----------------------------------------------------------------------------------------------------------

  function lay() {
    const found = rows(settings.patient);
    const fixed = new Set([identifier()].map((name) => data.columns.indexOf(name)));
    const edit = (key, text) => {
      if (text === null) settings.cells.delete(key);
      else settings.cells.set(key, text);
      keep();
    };
    const holes = h("span", { class: "hint", role: "status" });
    const keep = () => {
      own.set({ cells: settings.cells });
      const count = holesOf(found);
      holes.textContent = count === 1 ? "1 hole" : `${count} holes`;
    };
    keep();
    clear(
      paper,
      h("div", { class: "spread" }, h("h2", null, `Patient ${settings.patient}, ${found.length} ${found.length === 1 ? "visit" : "visits"}`), holes),
      sheet({ columns: data.columns, rows: found, changes: settings.cells, fixed, onEdit: edit }),
      h("div", { class: "row" },
        button({ label: "Hide some values", title: "Hides a third of what was measured: see whether the bands cover it", onClick: () => replace(new Map(hidden(found, varying(), SHARE, settings.seed).map((key) => [key, ""]))) }),
        button({ label: "As it was", onClick: () => replace(new Map()) })),
    );
  }

  function replace(cells) {
    own.set({ cells });
    lay();
  }

  function holesOf(found) {
    const learned = columns.filter((column) => column.modelled).map(({ name }) => data.columns.indexOf(name));
    return edited(found, settings.cells).reduce((sum, row) => sum + learned.filter((j) => j >= 0 && row[j] === null).length, 0);
  }

  const identifier = () => columns.find(({ role }) => role === "identifier")?.name ?? null; // none: each row by its number
  const whose = (row, number) => (identifier() === null ? String(number + 1) : row[data.columns.indexOf(identifier())]);
  const clock = () => columns.find(({ role }) => role === "time");
  const rows = (name) => data.rows.filter((row, number) => whose(row, number) === name);
  const varying = () => columns.filter((column) => column.role === "varying" && column.modelled).map(({ name }) => data.columns.indexOf(name)).filter((j) => j >= 0);
  const longest = (names) => {
    const counts = new Map();
    data.rows.forEach((row, number) => counts.set(whose(row, number), (counts.get(whose(row, number)) ?? 0) + 1));
    return names.reduce((a, b) => (counts.get(b) > counts.get(a) ? b : a));
  };

  /** Cells as what their column holds: numbers as numbers, the rest as text. */
  function body() {
    const quantities = data.columns.map((name) => columns.find((column) => column.name === name)?.quantity);
    const typed = (cell, j) => (cell !== null && quantities[j] && Number.isFinite(Number(cell)) ? Number(cell) : cell);
    const found = edited(rows(settings.patient), settings.cells).map((row) => row.map(typed));
    return { model: settings.model, rows: { columns: data.columns, rows: found }, draws: settings.draws, ...(settings.forecast ? { forecast: settings.forecast } : {}), ...(settings.method ? { method: settings.method } : {}), seed: settings.seed };
  }

  // --- filling -------------------------------------------------------------------------------------------------------------

  function present(result) {
    const bands = Object.entries(only(result.bands));
    const filled = ({ given, median }) => given.some((value, i) => value === null && median[i] !== null);
    const numbers = Object.fromEntries(bands.filter(([, band]) => filled(band)));
    clear(
      place,
      facts(result.summary),
      Object.keys(numbers).length ? charts({ bands: numbers, truth: truth(), columns }) : h("p", { class: "notice" }, "No number was missing, so there is nothing to draw: clear a cell, or add visits."),
      levels(only(result.shares), clock()),
      h("div", { class: "row" }, files(result.files), button({ label: "Save the record as given", onClick: () => saveData(`patient-${settings.patient}.csv`, csv(data.columns, edited(rows(settings.patient), settings.cells))) })),
    );
  }

  /** What was hidden by hand, by column: numbers at the rows where it was. */
  function truth() {
    const found = rows(settings.patient);
    const of = (column) => {
      const j = data.columns.indexOf(column.name);
      const numbers = found.map((row, i) => (settings.cells.get(`${i}.${j}`) === "" && row[j] !== null ? numberOf(column, row[j]) : null));
      return numbers.some((value) => value !== null) ? [[column.name, numbers]] : [];
    };
    return Object.fromEntries(columns.filter((column) => column.numeric).flatMap(of));
  }

  return work.close;
}

/** What is told of the one patient that was sent. */
function only(told) {
  return Object.values(told ?? {})[0] ?? {};
}
