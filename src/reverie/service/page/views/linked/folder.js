// Which tables: the folders of the workspace that hold some, its .zip files, databases and files of FHIR; or files and whole folders
// that are dropped or chosen, and then kept there.

import { h, clear } from "../../lib/dom.js";
import { get, path, put } from "../../lib/api.js";
import { button, select, text } from "../../lib/controls.js";
import { amount, failure, many } from "../../lib/states.js";

const READ = /\.((csv|tsv|psv|txt|tab|ndjson|jsonl?)(\.gz)?|parquet)$/i;
const WHOLE = /\.(zip|duckdb|db|sqlite3?)$/i; // a file that holds several
const FHIR = /\.(jsonl?|ndjson)(\.gz)?$/i; // so may one of these, where it is alone: a Bundle, an array, or a resource a line
const TABLES = ".csv, .tsv, .psv (also .gz) or .parquet files with different columns, a .zip of them, a .duckdb or .sqlite file; also MEDS, OMOP or FHIR (also one .json or .ndjson file, also .gz)";

/** A choice of what holds tables in the workspace; onChange(name, asked) also once that is known, asked: by a person. A .zip may hold
 *  pictures, so only a person chooses it. */
export function folders({ label = "Folder", value, onChange }) {
  const chosen = select({ label, options: value ? [value] : ["…"], value, onChange: (name) => onChange(name, true) });
  const usual = (names) => value ?? names.find((name) => !/\.zip$/i.test(name)) ?? null;
  const show = (names) => {
    const none = usual(names) === null ? [{ value: "", label: names.length ? "choose one" : "none yet" }] : [];
    chosen.options([...none, ...names]);
    chosen.set(usual(names) ?? "");
  };
  const known = get("/api/files").then(({ files }) => files.map(({ name }) => name)).then((names) => [...holding(names), ...names.filter((name) => WHOLE.test(name) || (FHIR.test(name) && !name.includes("/")))], () => []);
  known.then((names) => {
    show([...new Set([...names, ...(value ? [value] : [])])]);
    onChange(usual(names), false);
  });
  return Object.assign(chosen, {
    async take(name) {
      value = name;
      show([...new Set([...(await known), name])]);
      onChange(name, true);
    },
  });
}

/** The folders that hold several tables and are none of a run. */
function holding(names) {
  const tables = new Map();
  const runs = names.filter((name) => name.endsWith("/config.yaml")).map(above);
  const ofRun = (name) => runs.some((run) => name === run || name.startsWith(`${run}/`));
  for (const name of names) if (READ.test(name) && name.includes("/")) tables.set(above(name), (tables.get(above(name)) ?? 0) + 1);
  const several = [...tables].filter(([name, count]) => count > 1 && !ofRun(name) && !name.startsWith("runs/")).map(([name]) => name);
  const shards = [...tables.keys()].filter((name) => name.endsWith("/data") && tables.has(`${above(name)}/metadata`)).map(above); // MEDS
  return [...new Set([...several.filter((name) => !shards.includes(above(name))), ...shards])].sort();
}

/** The name without folders, and of a file without its suffix. */
export const bare = (name) => name.split("/").at(-1).replace(WHOLE, "").replace(FHIR, "");

const above = (name) => name.slice(0, name.lastIndexOf("/"));

/** A place where the tables of a hospital are dropped, or chosen; onDone(folder) once all of them are kept. */
export function arrivals({ onDone }) {
  const place = h("div", { class: "stack", hidden: true });
  const name = text({ label: "Name of the folder", value: "hospital", hint: "Where files without a folder of their own are kept.", parse: (words) => words.replace(/^\/+|\/+$/g, "") || null, wrong: "Give it a name." });
  const files = picker("Choose the files", "Table files", false);
  const whole = picker("Choose a folder", "Folder of tables", true);
  const root = h("div", { class: "stack" },
    h("div", { class: "drop" }, h("div", { class: "row" }, files.button, whole.button), h("span", { class: "hint" }, `or drop a folder, or all files of it: ${TABLES}. They are kept in the workspace of this server.`), files.input, whole.input),
    name, place);
  const target = root.firstChild;
  const over = (on) => (event) => {
    event.preventDefault();
    target.classList.toggle("over", on);
  };
  target.addEventListener("dragover", over(true));
  target.addEventListener("dragleave", over(false));
  target.addEventListener("drop", async (event) => {
    over(false)(event);
    take(await dropped(event.dataTransfer));
  });
  return root;

  function picker(label, says, directory) {
    const input = h("input", { type: "file", multiple: true, webkitdirectory: directory, class: "unseen", tabindex: "-1", "aria-label": says });
    input.addEventListener("change", () => {
      take([...input.files].map((file) => ({ file, place: file.webkitRelativePath || file.name })));
      input.value = ""; // so that the same files can be chosen again
    });
    return { input, button: button({ label, onClick: () => input.click() }) };
  }

  /** found: {file, place} each, place with the folders that were dropped in front. */
  function take(found) {
    const seen = found.filter((each) => !each.place.split("/").some((part) => part.startsWith(".")));
    const tables = seen.filter((each) => READ.test(each.place));
    const alone = tables.length === 1 && FHIR.test(tables[0].place) ? tables[0] : null;
    const whole = alone ?? (tables.length ? null : seen.find((each) => WHOLE.test(each.place)));
    if (whole) {
      const file = plain(whole.place.split("/").at(-1));
      return send([{ file: whole.file, name: file }], file, found.length - 1, false);
    }
    const left = found.length - tables.length;
    place.hidden = false;
    if (!tables.length) return clear(place, failure({ title: "No tables", detail: `None of these is a table: give ${TABLES}.` }));
    const folder = plain(tables[0].place.includes("/") ? tables[0].place.split("/")[0] : name.input.value.trim() || "hospital");
    const sent = tables.map(({ file, place: where }) => ({ file, name: `${folder}/${where.split("/").slice(where.includes("/") ? 1 : 0).map(plain).join("/")}` }));
    return send(sent, folder, left, false);
  }

  async function send(sent, folder, left, overwrite) {
    const stop = new AbortController();
    const size = sent.reduce((sum, { file }) => sum + file.size, 0);
    const bar = h("progress", { max: size || 1, value: 0, "aria-label": `Sending ${folder}` });
    const said = h("span", { role: "status" }, `Sending ${many(sent.length, "file")}`);
    clear(place, h("div", { class: "sending" }, said, bar, h("span", { class: "hint" }, amount(size)), button({ label: "Stop", kind: "quiet", onClick: () => stop.abort() })));
    const there = [];
    let before = 0;
    for (const each of sent) {
      try {
        await put(`/api/files/${path(each.name)}${overwrite ? "?overwrite=1" : ""}`, each.file, { signal: stop.signal, onSent: (bytes) => (bar.value = before + bytes) });
      } catch (problem) {
        if (problem.name === "AbortError") return clear(place, h("p", { class: "hint" }, "Stopped. What had arrived is kept."));
        if (problem.status !== 409 || overwrite) return clear(place, failure(problem, () => send(sent, folder, left, overwrite)));
        there.push(each);
      }
      before += each.file.size;
    }
    const done = () => {
      clear(place, left ? h("p", { class: "hint" }, `${many(left, "file")} ${left === 1 ? "is no table and was" : "are no tables and were"} left out.`) : null);
      place.hidden = !left;
      onDone(folder);
    };
    if (!there.length) return done();
    return clear(place, h("div", { class: "state asks", role: "alert" },
      h("p", null, there[0].name === folder ? `The workspace has a file ${folder} already.` : `${folder} has ${many(there.length, "file")} of ${there.length === 1 ? "this name" : "these names"} already: ${there.map((each) => each.name.split("/").at(-1)).slice(0, 6).join(", ")}${there.length > 6 ? " …" : ""}.`),
      h("div", { class: "row" }, button({ label: there.length === 1 ? "Replace it" : "Replace them", onClick: () => send(there, folder, left, true) }), button({ label: there.length === 1 ? "Use the old one" : "Use the old ones", onClick: done }))));
  }
}

/** A part of a name as the workspace takes it. */
function plain(part) {
  return part.replace(/[^\p{L}\p{N} ._()+-]+/gu, "-").replace(/^[. ]+|[. ]+$/g, "") || "tables";
}

/** All files of what was dropped, those in folders too. */
async function dropped({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...files].map((file) => ({ file, place: file.name }));
  const found = [];
  const walk = async (entry, before) => {
    if (entry.isFile) return found.push({ file: await new Promise((done, fail) => entry.file(done, fail)), place: before + entry.name });
    const reader = entry.createReader();
    for (let some = null; some === null || some.length; ) { // a reader gives a hundred at a time
      some = await new Promise((done, fail) => reader.readEntries(done, fail));
      for (const each of some) await walk(each, `${before}${entry.name}/`);
    }
  };
  for (const entry of entries) await walk(entry, "");
  return found;
}
