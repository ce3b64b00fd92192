// Describe: what each column of a table is taken to be, and why; a fault is named with its row and column.

import { h, clear } from "../../lib/dom.js";
import { callDialog } from "../../lib/call.js";
import { button, more } from "../../lib/controls.js";
import { saveData } from "../../lib/download.js";
import { form } from "../../lib/form.js";
import { scrolling } from "../../lib/table.js";
import { unkeep } from "../../lib/uploads.js";
import { worker } from "../../lib/work.js";
import { values } from "./columns.js";
import { source } from "./source.js";

const PATH = "/api/tables/describe";
const ROLES = { identifier: "whose visit it is", time: "when it was", static: "the same at every visit", varying: "may change from visit to visit" };

const spaced = (names) => [names ?? []].flat().join(", ");
const commas = (names) => [names].flat().join(",");

/** How a table is to be read: the fields of a request, left out where it is to be inferred. */
export const READING = {
  id: { kind: "text", label: "Column that says whose visit a row is", hint: "Left empty, it is found. Several that do so together: with commas between them.", parse: columns, show: spaced, write: commas },
  time: { kind: "text", label: "Column that says when it was" },
  long: { kind: "text", label: "Where a row is one test: its name, its value", hint: "Two columns with a comma between them. Left empty, they are found where their names say so.", parse: list, show: spaced, write: commas },
  duplicates: { kind: "select", label: "Two rows of one patient at one time", options: [{ value: "", label: "refuse" }, { value: "keep", label: "keep both" }, { value: "first", label: "keep the first" }, { value: "last", label: "keep the last" }, { value: "mean", label: "the mean of their numbers" }] },
  null_values: { kind: "text", at: "null", label: "Texts that mean missing", hint: "With commas between them, such as -999, unknown.", parse: list, show: spaced, write: commas, otherwise: null },
};

/** The names of one column or several, with commas between them. */
function columns(text) {
  const names = text.split(",").map((each) => each.trim()).filter(Boolean);
  return names.length > 1 ? names : (names[0] ?? "");
}

/** Names or texts with commas between them. */
function list(text) {
  return text === "" ? "" : text.split(",").map((each) => each.trim());
}

/** Only what was told: what is left out is inferred. */
export function given(settings) {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null && value !== ""));
}

export function mount(root, { params, save, go }) {
  const place = h("div", { class: "stage" });
  const start = () => work.start();
  const own = form(PATH, { table: { otherwise: "pbc2", parse: (name) => (name === "digits" ? null : name) }, ...READING }, { params, save, change: start }); // digits are pictures, which only training knows
  const { settings } = own;
  const body = () => given(settings);
  const work = worker(place, { path: PATH, params, save, waiting: () => `Reading ${settings.table} …`, again: "Read it", body, refused: (problem) => unkeep(settings.table, problem), present: (found) => clear(place, overview(found, go)) });
  const chooser = source({ value: settings.table, onChange: (table) => own.set({ table }) });
  const rules = more("How to read it", Object.keys(READING).map((name) => own[name]));
  if (Object.keys(READING).some((name) => settings[name])) rules.open = true;
  const show = callDialog(() => [["describe_table", body()]]);
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, chooser, rules, h("div", { class: "row" }, show)), place));
  work.resume();
  return work.close;
}

function overview(found, go) {
  const { min, median, max } = found.visits_per_patient;
  const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));
  const learned = found.columns.filter((column) => column.modelled).length;
  return h(
    "div",
    { class: "stage" },
    h("dl", { class: "facts" }, fact("patients", found.patients.toLocaleString("en")), fact("visits", found.rows.toLocaleString("en")), fact("visits for each", min === max ? min : `${min} – ${max}`), fact("in the middle", median), fact("columns learned", `${learned} of ${found.columns.length}`)),
    found.notes.map((note) => h("p", { class: "notice" }, note)),
    scrolling("Columns", schema(found.columns)),
    h("div", { class: "row" }, button({ label: "Train on this table", kind: "primary", onClick: () => go("train", {}) }), button({ label: "Save the description", onClick: () => saveData(`${found.source}.schema.json`, found) })),
  );
}

function schema(columns) {
  const row = (column) =>
    h("tr", { class: column.modelled || ["identifier", "time"].includes(column.role) ? null : "dim" },
      h("td", null, column.name || "(no name)"), h("td", { title: ROLES[column.role] }, column.role), h("td", null, column.kind), h("td", null, missing(column.missing)), h("td", null, values(column)), h("td", { class: "why" }, column.why));
  const heads = ["column", "role", "kind", "missing", "values", "why"];
  return h("table", { class: "schema" }, h("caption", null, "What each column is taken to be, and why. Grey ones are not learned: they are written as they were, anew, or empty."), h("thead", null, h("tr", null, heads.map((name) => h("th", { scope: "col" }, name)))), h("tbody", null, columns.map(row)));
}

function missing(share) {
  if (!share) return "–";
  const percent = 100 * share;
  return h("div", { class: "share" }, h("i", { style: { "--part": `${percent}%` }, "aria-hidden": "true" }), percent < 0.1 ? "<0.1 %" : `${percent.toFixed(1)} %`);
}
