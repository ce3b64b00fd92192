// Tables: which there are, how they are tied and why; drawn, and in words; and one patient of them.

import { h, clear } from "../../lib/dom.js";
import { callDialog } from "../../lib/call.js";
import { button } from "../../lib/controls.js";
import { saveBlob } from "../../lib/download.js";
import { form } from "../../lib/form.js";
import { empty, many } from "../../lib/states.js";
import { scrolling } from "../../lib/table.js";
import { worker } from "../../lib/work.js";
import { schemaFile } from "../records/schema_file.js";
import { diagram } from "./diagram.js";
import { arrivals, folders } from "./folder.js";
import { patients } from "./patients.js";
import { tied } from "./tied.js";

const PATH = "/api/tables/linked";
const WORDS = { said: "keys, parents and clocks are what it says.", without: "Find them in the tables instead", choose: "Tie them by a schema file" };

export function mount(root, { params, save, go }) {
  const place = h("div", { class: "stage" });
  const own = form(PATH, { folder: {}, schema: {} }, { params, save });
  const { settings } = own;
  let shown = null; // the patients below
  const body = async () => ({ folder: settings.folder, ...(await tied(settings.schema)) });
  const work = worker(place, { path: PATH, params, save, waiting: () => `Reading ${settings.folder} …`, again: "Read them", body, present: lay });
  const chooser = folders({ value: settings.folder, onChange: (folder, asked) => {
    own.set({ folder, ...(asked ? { schema: null } : {}) });
    file.show();
    if (!folder) return clear(place, empty("The workspace has no folder of tables yet: drop the tables of a hospital on the left, or all files of them at once."));
    if (asked) work.start();
    else work.resume();
  } });
  const arriving = arrivals({ onDone: (folder) => chooser.take(folder) });
  const file = schemaFile({ settings, words: WORDS, onChange: (schema) => {
    own.set({ schema });
    file.show();
    work.start();
  } });
  const show = callDialog(async () => [["describe_linked_tables", await body()]]);
  clear(root, h("div", { class: "split" }, h("div", { class: "controls" }, chooser, arriving, file, h("div", { class: "row" }, show)), place));
  return () => {
    shown?.close();
    work.close();
  };

  function lay(found, request) {
    const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));
    const number = (value) => value.toLocaleString("en");
    shown?.close();
    shown = found.fault ? null : patients({ sides: [{ name: "real", folder: request.folder }], params, save });
    clear(
      place,
      h("dl", { class: "facts" }, fact("patients", number(found.patients)), fact("tables", found.tables.length), fact("rows", number(found.rows))),
      found.standard && h("p", { class: "notice" }, `Read as ${found.standard.toUpperCase()}: its keys and clocks are those of the standard.`),
      found.fault && h("p", { class: "notice warn" }, `It cannot be trained on yet: ${found.fault}`),
      h("div", { class: "row" }, button({ label: "Train on these tables", kind: found.fault ? "plain" : "primary", onClick: () => go("train", { folder: request.folder }) }), button({ label: "Save the schema", title: "A YAML file for reverie train --schema, and for this page", onClick: () => saveSchema(found) })),
      h("section", { class: "stack" }, h("h2", null, "How they hang together"), h("p", { class: "hint" }, "A line goes from a key to the column that names it, and forks where several rows may name one. Point at a table, or go to it with the Tab key, to see its own lines."), diagram(found.tables)),
      notes(found),
      h("section", { class: "stack" }, h("h2", null, "Table by table"), scrolling("Table by table", listed(found.tables))),
      shown && h("section", { class: "stack" }, h("h2", null, "One patient"), shown.root),
    );
  }
}

/** What was decided, and what does not fit; open where keys dangle, or something is not here. */
function notes({ tables, notes: said }) {
  if (!said.length) return null;
  const loose = tables.some(({ refers }) => refers.some(({ dangling }) => dangling));
  const lost = said.some((note) => note.includes("left out") || note.includes("is missing here"));
  return h("details", { class: "more", open: loose || lost }, h("summary", null, `${many(said.length, "note")} on the tables`), h("ul", { class: "said" }, said.map((note) => h("li", null, note))));
}

function listed(tables) {
  const clock = (table) => (table.clock ? [table.clock.start, table.clock.end].filter(Boolean).join(" to ") : "–");
  const count = ({ refers, parent }) => {
    const key = refers.find((tie) => tie.table === parent);
    return key ? `${key.fewest} to ${key.most}, median ${key.median}` : "–";
  };
  const cells = (table) => [table.kind, table.rows.toLocaleString("en"), table.key ?? "–", table.refers.map((key) => `${key.column}${key.optional ? " (or none)" : ""} → ${key.table}`).join(", ") || "–", count(table), clock(table), table.why];
  const heads = ["table", "kind", "rows", "key", "refers to", "per parent", "clock", "why"];
  return h("table", { class: "schema" }, h("caption", null, "Parents before what hangs on them. Lookups are carried over, not learned."), h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col", class: head === "rows" ? "number" : null }, head)))),
    h("tbody", null, tables.map((table) => h("tr", { class: table.kind === "lookup" ? "dim" : null }, h("td", null, `${table.name}${table.implied ? " (implied)" : ""}`), cells(table).map((cell, i) => h("td", { class: i === 1 ? "number" : i === 6 ? "why" : null }, cell))))));
}

function saveSchema({ source, schema_text }) {
  saveBlob(`${source.split("/").at(-1)}.schema.yaml`, new Blob([schema_text], { type: "application/yaml" }));
}
