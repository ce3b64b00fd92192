// Which table: the bundled one, those of the workspace, or a file that is dropped, chosen or pasted, and then kept there.

import { h, clear } from "../../lib/dom.js";
import { get, path, put } from "../../lib/api.js";
import { button, more, select } from "../../lib/controls.js";
import { drop } from "../../lib/drop.js";
import { hash } from "../../lib/keeper.js";
import { failure } from "../../lib/states.js";
import { parse } from "./csv.js";

const TABLE = /\.((csv|tsv|psv|txt|tab)(\.gz)?|parquet|xlsx|xlsm|sas7bdat|xpt|sav|zsav|dta)$/i;
const SUFFIXES = ".csv, .tsv, .psv (also .gz), .parquet, .xlsx, .sas7bdat, .xpt, .sav or .dta";
const BUNDLED = { pbc2: "pbc2, bundled" };

/** extra: further choices {value, label}. onChange(name) after a choice or an upload. paste: whether rows can be pasted. */
export function source({ value, onChange, extra = [], label = "Table", paste = false }) {
  let files = [];
  const names = () => [...new Set([...files, ...(value && !(value in BUNDLED) && !extra.some((each) => each.value === value) ? [value] : [])])];
  const choices = () => [...Object.entries(BUNDLED).map(([name, words]) => ({ value: name, label: words })), ...extra, ...names().map((name) => ({ value: name, label: name }))];
  const take = (name) => {
    value = name;
    onChange(name);
  };
  const chosen = select({ label, options: choices(), value, onChange: take });
  const wrong = h("div", { hidden: true });
  const place = drop({
    label: "Choose a file",
    hint: `or drop one: ${SUFFIXES}, a row for each visit. It is kept in the workspace of this server.`,
    name: "Table file",
    accept: ".csv,.tsv,.psv,.txt,.tab,.gz,.parquet,.xlsx,.xlsm,.sas7bdat,.xpt,.sav,.zsav,.dta,text/csv",
    onFile: (file) => upload(file, file.name),
  });

  const say = (...children) => {
    clear(wrong, ...children);
    wrong.hidden = children.length === 0;
  };

  async function upload(blob, name, overwrite = false) {
    say();
    if (!TABLE.test(name)) return say(failure({ title: "Not a table", detail: `${name} is no ${SUFFIXES} file: save it as one of these.` }));
    try {
      await put(`/api/files/${path(name)}${overwrite ? "?overwrite=1" : ""}`, blob);
    } catch (problem) {
      if (problem.status !== 409) return say(failure(problem));
      return say(
        h("div", { class: "state" }, h("p", null, `The workspace has a file ${name} already.`), h("div", { class: "row" }, button({ label: "Replace it", onClick: () => upload(blob, name, true) }), button({ label: "Use the old one", onClick: () => settle(name) }))),
      );
    }
    return settle(name);
  }

  function settle(name) {
    say();
    if (!files.includes(name)) files.push(name);
    value = name;
    chosen.options(choices());
    chosen.set(name);
    take(name);
  }

  get("/api/files").then(
    (body) => {
      files = body.files.map((entry) => entry.name).filter((name) => TABLE.test(name) && !name.startsWith("runs/"));
      chosen.options(choices());
      chosen.set(value);
    },
    (problem) => say(failure(problem)),
  );
  return h("div", { class: "stack" }, chosen, place, paste ? pasting((text) => upload(new Blob([text], { type: "text/csv" }), nameOf(text))) : null, wrong);
}

function pasting(onText) {
  const area = h("textarea", { rows: 5, "aria-label": "Rows as CSV, with a line of column names", spellcheck: "false", placeholder: "id,year,albumin\n1,0,3.5\n1,0.5," });
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  const use = () => {
    const { columns, rows } = parse(area.value);
    wrong.hidden = columns.length > 1 && rows.length > 0;
    wrong.textContent = "Paste a line of column names and at least one row, with commas or tabs between the cells.";
    if (wrong.hidden) onText(area.value);
  };
  return more("Paste rows", area, wrong, button({ label: "Use these rows", onClick: use }));
}

/** A name that the same rows get again. */
function nameOf(text) {
  return `pasted-${hash(new TextEncoder().encode(text))}.csv`;
}
