// Describe: what each column of a table is taken to be, and why; what is wrong can be changed here, column by column and rule by
// rule. The server reads the table again by what was changed, and says what is otherwise now, or why it cannot be.

import { h, clear } from "../../lib/dom.js";
import { callDialog } from "../../lib/call.js";
import { button, more, select } from "../../lib/controls.js";
import { saveBlob } from "../../lib/download.js";
import { form } from "../../lib/form.js";
import { flush } from "../../lib/state.js";
import { failure } from "../../lib/states.js";
import { scrolling } from "../../lib/table.js";
import { isPictures, unkeep } from "../../lib/uploads.js";
import { worker } from "../../lib/work.js";
import { values } from "./columns.js";
import { edit, isEdited } from "./editor.js";
import { DECIDED, FRESH, PATH, READING, baseOf, described, differences, forget, isChanged, request } from "./reading.js";
import { rules } from "./rules.js";
import { schemaFile } from "./schema_file.js";
import { source } from "./source.js";

const ROLES = { identifier: "whose visit it is", time: "when it was", static: "the same at every visit", varying: "may change from visit to visit" };

export function mount(root, { params, save, go }) {
  const place = h("div", { class: "stage" });
  let quiet = false; // while what was read already is only noted
  let current = null; // {found, base, request} that stand on the screen
  const start = (changes) => {
    for (const name of Object.keys(changes)) if (name in READING) own[name].set((READING[name].show ?? ((value) => value ?? ""))(settings[name]));
    if (Object.keys(READING).some((name) => settings[name])) how.open = true;
    file.show();
    if (!quiet) work.start();
  };
  const declared = { table: { otherwise: "pbc2", parse: (name) => (isPictures(name) ? null : name) }, ...READING, ...DECIDED }; // pictures, which only training knows
  const own = form(PATH, declared, { params, save, change: start });
  const { settings } = own;
  const plain = () => !settings.schema && !isChanged(settings.edits); // what is refused then is the file itself
  const present = async (found, asked) => lay({ found, base: await baseOf(settings, found), request: asked });
  const work = worker(place, { path: PATH, params, save, waiting: () => `Reading ${settings.table} …`, again: "Read it", body: () => request(settings), refused: (problem) => plain() && unkeep(settings.table, problem), wrong: undecided, present });
  const chooser = source({
    value: settings.table,
    onChange: (table) => {
      forget(); // a file of this name may be another now
      own.set({ ...FRESH, table });
    },
  });
  const how = more("How to read it", Object.keys(READING).map((name) => own[name]));
  if (Object.keys(READING).some((name) => settings[name])) how.open = true;
  const file = schemaFile({ settings, onChange: (schema) => own.set({ ...FRESH, schema }) });
  const show = callDialog(() => (current ? [["describe_table", current.request]] : []));
  clear(root, h("div", { class: "split described" }, h("div", { class: "controls chosen" }, chooser), place, h("div", { class: "controls" }, how, file, h("div", { class: "row" }, show))));
  work.resume();
  return work.close;

  /** Reads the table with these changes of the settings; they are kept if that can be, else the problem is thrown. */
  async function apply(changes, listeners = {}) {
    const was = Object.fromEntries(Object.keys(changes).map((name) => [name, settings[name]]));
    const before = current.found;
    const state = await described({ ...settings, ...changes }, listeners);
    if (!work.alive()) return state;
    quiet = true;
    own.set(changes);
    flush(); // what was accepted stands in the address at once: a reload shows it
    quiet = false;
    lay(state, { sentences: differences(before, state.found), back: () => apply(was) });
    return state;
  }

  function lay(state, changed = null) {
    current = state;
    const { found } = state;
    const open = (name) => edit(name, { state, settings, apply });
    const { min, median, max } = found.visits_per_patient;
    const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));
    const learned = found.columns.filter((column) => column.modelled).length;
    clear(
      place,
      changed && notice(changed),
      h("dl", { class: "facts" }, fact("patients", found.patients.toLocaleString("en")), fact("visits", found.rows.toLocaleString("en")), fact("visits for each", min === max ? min : `${min} – ${max}`), fact("median of the visits", median), fact("columns learned", `${learned} of ${found.columns.length}`)),
      found.notes.map((note) => h("p", { class: "notice" }, note)),
      h("div", { class: "row" }, button({ label: "Train on this table", kind: "primary", onClick: () => go("train", {}) }), button({ label: "Save the schema", title: "A YAML file for reverie train --schema, and for this page", onClick: () => saveSchema(found) })),
      scrolling("Columns", schema(found.columns, settings, open)),
      rules({ state, settings, apply }),
    );
  }

  /** What only the reader can tell, with the control that says it right there; any other failure as it is. */
  function undecided(problem, retry) {
    const asked = problem.errors?.find(({ field, choices }) => choices?.length && field in READING);
    if (!asked) return h("div", { class: "stack" }, failure(problem, retry), !plain() && h("div", { class: "row" }, button({ label: "Forget my changes", onClick: () => own.set({ schema: null, edits: FRESH.edits }) })));
    const label = { id: "Whose visit is a row?", time: "When was a visit?" }[asked.field];
    const named = (name) => ({ value: name, label: name === "row" && asked.field === "id" ? "no column: each row is a patient of its own" : name });
    const choice = select({ label, options: [{ value: "", label: "choose the column …" }, ...asked.choices.map(named)], onChange: (name) => name && own.set({ [asked.field]: name }) });
    const alone = asked.field === "time" && settings.id === null ? button({ label: "Each row is a patient of its own", onClick: () => own.set({ id: "row" }) }) : null;
    return h("div", { class: "state failed", role: "alert" }, h("p", { class: "strong" }, "The table does not say it by itself"), h("p", null, asked.message), choice, alone);
  }
}

function notice({ sentences, back }) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const undo = button({ label: "Take it back", onClick: () => back().catch((problem) => (wrong.textContent = problem.detail ?? problem.message)) });
  return h("div", { class: "notice changed", role: "status" }, h("p", { class: "strong" }, sentences.length ? "What changed" : "Nothing changed by that."), sentences.length ? h("ul", null, sentences.map((each) => h("li", null, each))) : null, undo, wrong);
}

function saveSchema({ source: name, schema_text }) {
  saveBlob(`${name.replace(/\.[^/]*$/, "")}.schema.yaml`, new Blob([schema_text], { type: "application/yaml" }));
}

function schema(columns, settings, open) {
  const name = (column) => h("button", { type: "button", class: "opens", dataset: { name: column.name }, title: "Change what this column is taken to be", onclick: () => open(column.name) }, column.name || "(no name)");
  const row = (column) =>
    h("tr", { class: column.modelled || ["identifier", "time"].includes(column.role) ? null : "dim" },
      h("td", null, name(column), isEdited(column.name, settings) ? h("span", { class: "mark" }, "changed") : null),
      h("td", { title: ROLES[column.role] }, column.role), h("td", null, column.kind), h("td", null, missing(column.missing)), h("td", null, values(column)), h("td", null, column.rounding === "-" ? "–" : column.rounding), h("td", { class: "why" }, column.why));
  const heads = ["column", "role", "kind", "missing", "values (bounds)", "rounded to", "why"];
  return h("table", { class: "schema" }, h("caption", null, "What each column is taken to be, and why. Press a column to change it. Grey ones are not learned: they are written as they were, anew, or empty."), h("thead", null, h("tr", null, heads.map((each) => h("th", { scope: "col" }, each)))), h("tbody", null, columns.map(row)));
}

function missing(share) {
  if (!share) return "–";
  const percent = 100 * share;
  return h("div", { class: "share" }, h("i", { style: { "--part": `${percent}%` }, "aria-hidden": "true" }), percent < 0.1 ? "<0.1 %" : `${percent.toFixed(1)} %`);
}
