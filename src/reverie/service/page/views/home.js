// Home: what one has, a picture or a table, leads in one press to the view for it with the thing in place; and what is here already.

import { h, clear } from "../lib/dom.js";
import { drop } from "../lib/drop.js";
import { picker, readPicture } from "../lib/pictures.js";
import { address } from "../lib/state.js";
import { failure } from "../lib/states.js";
import { TABLES, TABLE_TYPES, uploads } from "../lib/uploads.js";
import { workspace } from "./home/workspace.js";

export const title = "A picture or a table?";
export const summary = "A picture drowns in noise before your eyes, and comes back. A table of visits becomes a model of patients, and new patients whom nobody ever met.";

export function mount(root) {
  const wrong = h("div");
  const go = (view, params) => (location.hash = address(view, new URLSearchParams(params)));
  const drown = (picture) => go("forward", { picture: picture.name, play: 1 });
  const read = (name) => go("records", { table: name });
  const fail = (problem) => clear(wrong, failure(problem));

  const arriving = uploads({ onDone: read, instead: "Use the old one", tables: true });
  /** Whatever was dropped goes where it belongs, whichever of the two places it was dropped on. */
  const take = (file) => {
    clear(wrong);
    if (file.type.startsWith("image/")) readPicture(file).then(drown, fail);
    else arriving.send(file, file.name);
  };
  const pictures = picker({ onPick: drown, onError: fail, onFile: take, kind: "primary", promise: "It stays in your browser." });
  const place = drop({ label: "Choose a table", hint: `or drop one: ${TABLES}. It is kept in the workspace of this server.`, name: "Table file", accept: TABLE_TYPES, kind: "primary", onFile: take });
  const here = workspace();
  root.append(
    h("div", { class: "stage" },
      h("div", { class: "columns doors" },
        h("section", { class: "card stack", "aria-labelledby": "a-picture" }, h("h2", { id: "a-picture" }, "A picture"), h("p", { class: "soft" }, "See it clean, then watch it drown, with the numbers beside it."), pictures),
        h("section", { class: "card stack", "aria-labelledby": "a-table" }, h("h2", { id: "a-table" }, "A table"), h("p", { class: "soft" }, "A row for each visit of a patient. See how it is read, train, make new patients."), place, h("div", { class: "row" }, h("a", { class: "button", href: address("records", new URLSearchParams({ table: "pbc2" })) }, "Use an example"), h("span", { class: "hint" }, "pbc2: 312 patients of the Mayo Clinic, 1,945 visits.")), h("p", { class: "hint" }, h("a", { href: address("linked") }, "Several tables, tied by keys"), ": a hospital in a folder.")),
      ),
      wrong,
      arriving.root,
      here.element,
    ),
  );
  return () => {
    pictures.destroy();
    here.close();
  };
}
