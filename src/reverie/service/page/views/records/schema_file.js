// The schema file that a table is read by, kept in the workspace; none where what the columns are is found.

import { h, clear } from "../../lib/dom.js";
import { put } from "../../lib/api.js";
import { button } from "../../lib/controls.js";
import { hash } from "../../lib/keeper.js";
import { failure } from "../../lib/states.js";

const COLUMNS = { said: "roles, kinds and forms are what it says.", without: "Find them in the table instead", choose: "Read it by a schema file" };

/** An element to choose one, or to do without; onChange(name in the workspace or null); words: those of what it says. .show() shows what
 *  the settings say now. */
export function schemaFile({ settings, onChange, words = COLUMNS }) {
  const place = h("div", { class: "stack tight" });
  const wrong = h("div");
  const input = h("input", { type: "file", accept: ".yaml,.yml,.json", class: "unseen", tabindex: "-1", "aria-label": "Schema file", onchange: () => input.files[0] && upload(input.files[0]) });

  async function upload(file) {
    clear(wrong);
    const data = await file.arrayBuffer();
    const name = `schema-${hash(new Uint8Array(data))}.yaml`; // the same file is kept once
    input.value = "";
    try {
      await put(`/api/files/${name}?overwrite=1`, new Blob([data], { type: "application/yaml" }));
      onChange(name);
    } catch (problem) {
      clear(wrong, failure(problem));
    }
  }

  function show() {
    if (settings.schema) clear(place, h("p", { class: "hint" }, `Read by the schema file ${settings.schema}: ${words.said}`), h("div", { class: "row" }, button({ label: words.without, onClick: () => onChange(null) })), wrong);
    else clear(place, h("div", { class: "row" }, button({ label: words.choose, title: "YAML as this page and reverie data save it", onClick: () => input.click() })), input, wrong);
  }
  show();
  return Object.assign(place, { show });
}
