// Make: new patients with all that hangs on them, in a folder of tables; a look at each table, and at one patient beside a real one.

import { h, clear } from "../../lib/dom.js";
import { callDialog } from "../../lib/call.js";
import { more, select } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
import { address } from "../../lib/state.js";
import { busy } from "../../lib/states.js";
import { tableOf } from "../../lib/table.js";
import { worker } from "../../lib/work.js";
import { SEED } from "../fields.js";
import { facts, files } from "../models.js";
import { conditions } from "../records/condition.js";
import { escaped, unescaped } from "../records/sheet.js";
import { models } from "./model.js";
import { patients } from "./patients.js";

const PATH = "/api/samples";

const DECLARED = {
  model: {},
  count: { kind: "number", label: "How many patients", at: "patients", otherwise: 100 },
  where: { parse: (text) => text.split(",").filter(Boolean).map(unescaped), write: (list) => list.map(escaped).join(","), otherwise: [] },
  seed: { ...SEED, hint: "The same seed gives the same tables." },
  out: { kind: "text", label: "Folder to write", hint: "Left empty, it is made/ and the name of the run, replaced each time." },
  overwrite: { kind: "toggle", label: "Replace what is there", write: Number, when: ({ out }) => Boolean(out) },
};

export function mount(root, { params, save, go }) {
  let card = { columns: [], source: null };
  let shown = null; // the patients below
  const place = h("div", { class: "stage" });
  const own = form(PATH, DECLARED, { params, save });
  const { settings } = own;
  const wishes = conditions(own, () => asked(card));
  const out = () => (settings.out ? { out: settings.out, ...(settings.overwrite ? { overwrite: true } : {}) } : { out: `made/${(settings.model ?? "").split("/").at(-1)}`, overwrite: true });
  const body = async () => ({ model: settings.model, count: settings.count, ...out(), seed: settings.seed, ...(settings.where.length ? { where: settings.where } : {}) });
  const work = worker(place, { path: PATH, waiting: "Drawing patients …", label: "Make", body, present, fit: wishes.check, params, save, hear: (_, wait) => ({ onSay: wait.say }) });
  const model = models({ own, work, place, go, shut: (off) => wishes.shut((work.button.disabled = off)), onChoose: () => wishes.clear(), onCard: choose });
  const show = callDialog(async () => [["sample", await body()]]);
  clear(root, h("div", { class: "split" },
    h("div", { class: "controls" }, model, wishes.root, own.count, own.seed, more("More", own.out, own.overwrite), h("div", { class: "row" }, work.button, show)),
    place));
  clear(place, busy("Looking for models …"));
  return () => {
    shown?.close();
    work.close();
  };

  function choose(found) {
    card = found;
    wishes.show();
    work.ready("Say what the patients must be, or nothing, and make them. A condition on a table of events, such as stays.admission_type, is one on every row of it.");
  }

  async function present(result, request) {
    const { rows, ...summary } = result.summary;
    shown?.close();
    shown = patients({ sides: [{ name: "real", folder: card.source, run: request.model }, { name: "synthetic", folder: request.out, run: request.model }], params, save });
    clear(
      place,
      facts({ patients: summary.patients, rows: Object.values(rows).reduce((sum, count) => sum + count, 0), seconds: summary.seconds, events_per_second: summary.events_per_second }),
      h("section", { class: "stack" }, h("h2", null, "One patient beside a real one"), h("p", { class: "hint" }, "Stays are bands, what lasts is a bar, all else a mark. Days are counted from the patient's first row; long stretches of nothing are cut out. No synthetic patient is the counterpart of a real one."), shown.root),
      h("section", { class: "stack" }, h("h2", null, "The tables"), looks(result.preview.tables ?? [], rows)),
      h("div", { class: "row" }, h("a", { class: "button", href: address("files", new URLSearchParams({ in: request.out })) }, `Look at ${request.out}`)),
      more(`Save the ${result.files.length} tables`, h("div", { class: "row" }, files(result.files))),
    );
  }
}

/** The columns that a condition may be on: what patients are, by their plain names, and the levels of other tables. */
function asked({ columns }) {
  const patients = columns.find(({ role }) => role === "static")?.name.split(".")[0];
  return columns
    .filter(({ name, modelled, role, levels }) => modelled && (role === "static" && name.startsWith(`${patients}.`) ? true : levels.length > 0))
    .map((column) => (column.name.startsWith(`${patients}.`) ? { ...column, name: column.name.slice(patients.length + 1) } : column));
}

/** The first rows of each table, one at a time. */
function looks(tables, rows) {
  const place = h("div", { class: "preview", tabindex: "0", role: "region", "aria-label": "The first rows" });
  const draw = (name) => {
    const { columns, rows: first } = tables.find(({ table }) => table === name);
    clear(place, tableOf({ columns, rows: first }));
  };
  const chosen = select({ label: "Table", options: tables.map(({ table }) => ({ value: table, label: `${table}, ${(rows[table] ?? 0).toLocaleString("en")} rows` })), onChange: draw });
  if (tables.length) draw(tables[0].table);
  return h("div", { class: "stack" }, h("div", { class: "wide-field" }, chosen), place);
}
