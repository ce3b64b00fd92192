// Which table: the bundled one, those of the workspace, or a file that is dropped, chosen or pasted, and then kept there.

import { h, clear } from "../../lib/dom.js";
import { button, more, select } from "../../lib/controls.js";
import { drop } from "../../lib/drop.js";
import { hash } from "../../lib/keeper.js";
import { failure } from "../../lib/states.js";
import { DATA_TYPES, PICTURE_FILES, TABLES, TABLE_TYPES, isPictures, isTable, tablesHere, uploads } from "../../lib/uploads.js";
import { parse } from "./csv.js";

const BUNDLED = { pbc2: "pbc2, bundled" };

/** extra: further choices {value, label}; bundled: whether those that come along are among them; pictures: whether files of many
 *  pictures are taken too. onChange(name) after a choice or an
 *  upload. paste: whether rows can be pasted; hint: what a row is. */
export function source({ value, onChange, extra = [], bundled = true, label = "Table", paste = false, hint = "a row for each visit", pictures = false }) {
  let files = [];
  const is = (name) => isTable(name) || (pictures && isPictures(name));
  const names = () => [...new Set([...files, ...(value && !(value in BUNDLED) && !extra.some((each) => each.value === value) ? [value] : [])])];
  const choices = () => [...(bundled ? Object.entries(BUNDLED).map(([name, words]) => ({ value: name, label: words })) : []), ...extra, ...names().map((name) => ({ value: name, label: name }))];
  const take = (name) => {
    value = name;
    onChange(name);
  };
  const chosen = select({ label, options: choices(), value, onChange: take });
  const wrong = h("div");
  const arriving = uploads({ onDone: settle, instead: "Use the old one", tables: !pictures, pictures });
  const place = drop({
    label: "Choose a file",
    hint: `or drop one: ${TABLES}, ${hint}${pictures ? `; or pictures, ${PICTURE_FILES}` : ""}. It is kept in the workspace of this server.`,
    name: pictures ? "File of data" : "Table file",
    accept: pictures ? DATA_TYPES : TABLE_TYPES,
    onFile: (file) => arriving.send(file, file.name),
  });

  function settle(name) {
    if (!files.includes(name)) files.push(name);
    value = name;
    chosen.options(choices());
    chosen.set(name);
    take(name);
  }

  tablesHere(is).then(
    (names) => {
      files = [...new Set([...names, ...files])];
      chosen.options(choices());
      chosen.set(value);
    },
    (problem) => clear(wrong, failure(problem)),
  );
  return h("div", { class: "stack" }, chosen, place, paste ? pasting((text) => arriving.send(new Blob([text], { type: "text/csv" }), nameOf(text))) : null, arriving.root, wrong);
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
