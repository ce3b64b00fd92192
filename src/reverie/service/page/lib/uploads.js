// Files on their way into the workspace: each has a line that says how far it is, and asks before one of its name is replaced.

import { h, clear } from "./dom.js";
import { get, path, put, remove } from "./api.js";
import { button } from "./controls.js";
import { amount, failure } from "./states.js";

const TABLE = /\.((csv|tsv|psv|txt|tab)(\.gz)?|parquet|xlsx|xlsm|sas7bdat|xpt|sav|zsav|dta)$/i;

const PICTURES = /\.(npy|npz|safetensors|zip|tar(\.(gz|bz2|xz))?|tgz|tbz2?|txz)$/i;

/** What a table may be called, in words and as an input wants it. */
export const TABLES = ".csv, .tsv, .psv (also .gz), .parquet, .xlsx, .sas7bdat, .xpt, .sav or .dta";
export const TABLE_TYPES = ".csv,.tsv,.psv,.txt,.tab,.gz,.parquet,.xlsx,.xlsm,.sas7bdat,.xpt,.sav,.zsav,.dta,text/csv";

/** The same of files of many pictures. */
export const PICTURE_FILES = ".zip, .tar, .npy, .npz or .safetensors";
const PICTURE_TYPES = ".zip,.tar,.gz,.tgz,.bz2,.tbz2,.xz,.txz,.npy,.npz,.safetensors";
export const DATA_TYPES = `${TABLE_TYPES},${PICTURE_TYPES}`;

const fresh = new Set(); // names that came in with this page, and replaced nothing

/** Whether a file of this name is read as a table. */
export function isTable(name) {
  return TABLE.test(name);
}

/** Whether it holds many pictures: a file of arrays or an archive, or those that come along. */
export function isPictures(name) {
  return name === "digits" || PICTURES.test(name);
}

/** The name without folders and without what says its kind. */
export function bare(name) {
  return name.split("/").at(-1).replace(TABLE, "").replace(PICTURES, "");
}

/** The tables of the workspace that are not parts of runs, or what of it `is`. */
export async function tablesHere(is = isTable) {
  return (await get("/api/files")).files.map(({ name }) => name).filter((name) => is(name) && !name.startsWith("runs/"));
}

/**
 * {root, send(blob, name)}: lines of what is on its way. onDone(name) once a file is there, also where the old one of its name is
 * taken instead, which the button `instead` says. tables: whether anything else is refused; pictures: whether all but tables and
 * files of many pictures is.
 */
export function uploads({ onDone, instead = "Keep the old one", tables = false, pictures = false }) {
  const root = h("div", { class: "stack uploads", hidden: true });
  const show = (line, ...children) => {
    clear(line, ...children);
    if (!children.length) line.remove();
    root.hidden = root.childElementCount === 0;
  };
  function send(blob, name) {
    for (const old of root.querySelectorAll(".failed, .asks")) old.parentElement.remove(); // what was said of an earlier one
    const line = h("div");
    root.append(line);
    return begin(line, blob, name, false);
  }
  async function begin(line, blob, name, overwrite) {
    if (pictures && !isTable(name) && !isPictures(name)) return show(line, failure({ title: "Neither a table nor pictures", detail: `${name} is no ${TABLES} file, nor ${PICTURE_FILES}: save it as one of these.` }));
    if (tables && !isTable(name)) return show(line, failure({ title: "Not a table", detail: `${name} is no ${TABLES} file: save it as one of these.` }));
    const stop = new AbortController();
    const bar = h("progress", { max: blob.size || 1, value: 0, "aria-label": `Sending ${name}` });
    const far = h("span", { class: "hint" });
    const onSent = (bytes) => {
      bar.value = bytes;
      far.textContent = `${amount(bytes)} of ${amount(blob.size)}`;
    };
    onSent(0);
    show(line, h("div", { class: "sending" }, h("span", { role: "status" }, `Sending ${name}`), bar, far, button({ label: "Stop", kind: "quiet", onClick: () => stop.abort() })));
    try {
      await put(`/api/files/${path(name)}${overwrite ? "?overwrite=1" : ""}`, blob, { onSent, signal: stop.signal });
      if (overwrite) fresh.delete(name);
      else fresh.add(name);
    } catch (problem) {
      if (problem.name === "AbortError") return show(line);
      if (problem.status !== 409 || overwrite) return show(line, failure(problem, () => begin(line, blob, name, overwrite)));
      const settle = () => {
        show(line);
        onDone(name);
      };
      return show(line, h("div", { class: "state asks", role: "alert" }, h("p", null, `The workspace has a file ${name} already.`), h("div", { class: "row" }, button({ label: "Replace it", onClick: () => begin(line, blob, name, true) }), button({ label: instead, onClick: settle }))));
    }
    show(line);
    return onDone(name);
  }
  return { root, send };
}

/** Removes a file that came in with this page and that nobody can read, whatever they choose. */
export async function unkeep(name, problem) {
  if (problem.type !== "/problems/unreadable" || !fresh.has(name)) return;
  fresh.delete(name);
  await remove(`/api/files/${path(name)}`).catch(() => fresh.add(name));
}
