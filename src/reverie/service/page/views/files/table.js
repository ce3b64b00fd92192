// A folder as a table: each line with its size and age, to open, to save, to delete.

import { h, clear } from "../../lib/dom.js";
import { path, remove } from "../../lib/api.js";
import { button } from "../../lib/controls.js";
import { saveFrom } from "../../lib/download.js";
import { address } from "../../lib/state.js";
import { amount, many, when } from "../../lib/states.js";
import { scrolling } from "../../lib/table.js";
import { isTable } from "../../lib/uploads.js";

const LINES = 200; // more are shown when asked for

/**
 * The lines of {folders, files, run}; onChange() once a file was deleted. kept: the lines of files shown before, by what they say: one
 * that says the same is shown again as it stands, so that a list read again swallows no question.
 */
export function table({ folders, files, run }, { onChange, kept }) {
  const shown = files.map((file) => {
    const key = JSON.stringify([file.path, file.bytes, file.modified]);
    return [key, kept.get(key) ?? fileLine(file, { run, onChange })];
  });
  kept.clear();
  for (const [key, line] of shown) kept.set(key, line);
  const lines = [...folders.map(folderLine), ...kept.values()];
  const body = h("tbody", null, lines.slice(0, LINES));
  const rest = lines.length - LINES;
  const all = rest > 0 && button({ label: `Show ${many(rest, "more line")}`, onClick: () => (body.append(...lines.slice(LINES)), all.remove()) });
  return h(
    "div",
    { class: "stack" },
    run !== null && h("p", { class: "notice" }, "These files are a trained run: they stay together. ", h("a", { href: address("runs", new URLSearchParams({ run })) }, "Look at the run"), " to rename or delete it as a whole."),
    scrolling("Files", h("table", { class: "files" }, h("thead", null, h("tr", null, ["name", "size", "changed"].map((name) => h("th", { scope: "col", class: name === "size" ? "number" : null }, name)), h("td"))), body)),
    all,
  );
}

function folderLine({ name, path: to, files, bytes: size, modified, run }) {
  return h("tr", null,
    h("th", { scope: "row" }, h("a", { href: address("files", new URLSearchParams({ in: to })) }, `${name}/`), h("div", { class: "hint" }, run ? "a trained run" : many(files, "file"))),
    h("td", { class: "number" }, amount(size)), h("td", { class: "age" }, when(modified)),
    h("td", { class: "acts" }, run ? h("a", { class: "button quiet", href: address("runs", new URLSearchParams({ run: to })) }, "Look at the run") : null));
}

function fileLine(file, { run, onChange }) {
  const acts = h("div", { class: "row" });
  const said = h("p", { class: "wrong", role: "alert", hidden: true });
  const line = h("tr", null, h("th", { scope: "row" }, isTable(file.name) && run === null ? h("a", { href: address("records", new URLSearchParams({ table: file.path })), title: "How it is read" }, file.name) : file.name), h("td", { class: "number" }, amount(file.bytes)), h("td", { class: "age" }, when(file.modified)), h("td", { class: "acts" }, acts, said));
  const tell = (problem) => {
    said.hidden = false;
    said.textContent = problem.detail ?? problem.message;
  };
  const save = button({ label: "Save", kind: "quiet", title: `Save ${file.name} on this machine`, onClick: () => saveFrom(file.href, file.name).catch(tell) });
  const begin = button({ label: "Delete", kind: "quiet", title: `Delete ${file.name}`, onClick: () => ask() });
  const usual = () => clear(acts, save, run === null ? begin : null);
  function ask() {
    said.hidden = true;
    const keep = button({ label: "Keep it", onClick: () => (usual(), begin.focus()) });
    clear(acts, h("span", null, `Delete ${file.name} for good?`), button({ label: "Delete it", kind: "danger", onClick: go }), keep);
    keep.focus();
  }
  async function go() {
    try {
      await remove(`/api/files/${path(file.path)}`);
    } catch (problem) {
      usual();
      return tell(problem);
    }
    return onChange();
  }
  usual();
  return line;
}
