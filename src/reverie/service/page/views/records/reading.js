// How a table is read: what is said of it in the address, the request that says it to the server, and the description that
// comes back. What is found can be changed in two ways: by what reading is told (which column is the time, of what kind a
// column is), and then by edits of the schema that was found, which is sent as the text of a schema file.

import { bytes, path } from "../../lib/api.js";
import { job } from "../../lib/jobs.js";

export const PATH = "/api/tables/describe";

const spaced = (names) => [names ?? []].flat().join(", ");
const commas = (names) => [names].flat().join(",");
const NONE = { kinds: {}, dates: {}, columns: {}, off: [], add: [] };

/** The fields of a request that say how a table is read, left out where it is to be found. */
export const READING = {
  id: { kind: "text", label: "Column that says whose visit a row is", hint: "Left empty, it is found. Several that do so together: with commas between them.", parse: names, show: spaced, write: commas },
  time: { kind: "text", label: "Column that says when it was" },
  long: { kind: "text", label: "Where a row is one test: its name, its value", hint: "Two columns with a comma between them. Left empty, they are found where their names say so.", parse: list, show: spaced, write: commas },
  duplicates: { kind: "select", label: "Two rows of one patient at one time", options: [{ value: "", label: "refuse" }, { value: "keep", label: "keep both" }, { value: "first", label: "keep the first" }, { value: "last", label: "keep the last" }, { value: "mean", label: "the mean of their numbers" }] },
  null_values: { kind: "text", at: "null", label: "Texts that mean missing", hint: "With commas between them, such as -999, unknown.", parse: list, show: spaced, write: commas, otherwise: null },
};

/** What else is said: the schema file of the workspace that it is read by, and what is changed of what is found:
 *  {kinds, dates} by column, {columns: {name: {field: value, null to leave it out}}}, rules that are `off`, and those to `add`. */
export const DECIDED = {
  schema: {},
  edits: { otherwise: NONE, parse: edits, write: (value) => JSON.stringify(value) },
};

/** The same in the address, for who takes another table and has no fields for this. */
export const UNSAID = { ...Object.fromEntries(Object.entries(READING).map(([name, { at = name }]) => [at, null])), schema: null, edits: null };

/** As a table is read of which nothing was said. */
export const FRESH = { ...Object.fromEntries(Object.keys(READING).map((name) => [name, null])), schema: null, edits: NONE };

/** The names of one column or several, with commas between them. */
function names(text) {
  const found = text.split(",").map((each) => each.trim()).filter(Boolean);
  return found.length > 1 ? found : (found[0] ?? "");
}

/** Names or texts with commas between them. */
function list(text) {
  return text === "" ? "" : text.split(",").map((each) => each.trim());
}

function edits(text) {
  try {
    return { ...structuredClone(NONE), ...JSON.parse(text) };
  } catch {
    return null; // a link that was cut
  }
}

// --- what is sent -----------------------------------------------------------------------------------------------------

/** Only what was told of reading: what is left out is found. By a schema file roles, kinds and forms are those of the file. */
function told({ edits: { kinds, dates }, schema, ...settings }) {
  const mine = Object.keys(READING).filter((name) => settings[name] !== null && settings[name] !== "" && !(schema && ["id", "time", "long"].includes(name)));
  const some = (name, values) => (!schema && Object.keys(values).length ? { [name]: values } : {});
  return { ...Object.fromEntries(mine.map((name) => [name, settings[name]])), ...some("kinds", kinds), ...some("date_formats", dates) };
}

/** Whether anything is changed of what is found. */
export function isChanged(edits) {
  return touched(edits) || Object.keys(edits.kinds).length > 0 || Object.keys(edits.dates).length > 0;
}

/** Whether the schema that is found is edited. */
function touched({ columns, off, add }) {
  return Object.keys(columns).length > 0 || off.length > 0 || add.length > 0;
}

/** The decisions of a description with the edits made. */
function edited({ columns, rules = [], ...rest }, { columns: changes, off, add }) {
  const merged = (column) => Object.fromEntries(Object.entries({ ...column, ...changes[column.name] }).filter(([, value]) => value !== null));
  return { ...rest, columns: columns.map(merged), rules: [...rules.filter((rule) => !off.includes(rule)), ...add.filter((rule) => !rules.includes(rule))] };
}

let last = { key: null, found: null }; // what was found last, before edits

/** Has the next description read the file again. */
export function forget() {
  last = { key: null, found: null };
}

/** The request that describes a table by the settings, of READING and DECIDED with the table. Edits are of what is found, which is
 *  asked for first, unless it is known; listeners of `job`. */
export async function request(settings, listeners = {}) {
  return touched(settings.edits) ? { table: settings.table, schema_text: JSON.stringify(edited((await baseOf(settings, null, listeners)).decisions, settings.edits)) } : first(settings);
}

/** What a table is taken to be before it is edited; found: what it is taken to be, if that is known. */
export async function baseOf(settings, found = null, listeners = {}) {
  const asked = await first(settings);
  const key = JSON.stringify(asked);
  if (found && !touched(settings.edits)) last = { key, found };
  if (last.key !== key) last = { key, found: await job(PATH, asked, listeners) };
  return last.found;
}

async function first({ table, ...settings }) {
  return { table, ...told(settings), ...(settings.schema ? { schema_text: await text(settings.schema) } : {}) };
}

/** {found, base, request}: what a table is taken to be by the settings, what that was before the edits, and the request of it. */
export async function described(settings, listeners = {}) {
  const [base, asked] = [await baseOf(settings, null, listeners), await request(settings, listeners)];
  return { found: touched(settings.edits) ? await job(PATH, asked, listeners) : base, base, request: asked };
}

/** The same as fields of a training: what reading is told, or the schema as it is edited. */
export async function reading(settings, listeners = {}) {
  return !settings.schema && !isChanged(settings.edits) ? told(settings) : { schema_text: JSON.stringify((await described(settings, listeners)).found.decisions) };
}

async function text(name) {
  return new TextDecoder().decode(await bytes(`/api/files/${path(name)}`));
}

// --- what came of it --------------------------------------------------------------------------------------------------

const SEEN = [
  ["role", ({ role }) => role],
  ["kind", ({ kind }) => kind],
  ["values", ({ range }) => range],
  ["rounded to", ({ rounding }) => rounding],
  ["limits of detection", ({ form }) => Object.entries(form?.marks ?? {}).map(([mark, value]) => `${mark} as ${value}`).join(", ") || "-"],
  ["missing", ({ missing }) => `${(100 * missing).toFixed(1)} %`],
  ["filled only where", ({ asked_if }) => said(asked_if)],
  ["used as", ({ purpose }) => purpose ?? "-"],
  ["filled when a record is completed", ({ fill }) => (fill ? "yes" : "no")],
];

/** "sex is F", of what a column is asked for. */
export function said(asked) {
  return Object.entries(asked ?? {}).map(([gate, levels]) => `${gate} is ${levels.join(" or ")}`).join(" and ") || "-";
}

/** What is otherwise in one description than in another, a sentence each. */
export function differences(before, after) {
  const was = new Map(before.columns.map((column) => [column.name, column]));
  const columns = after.columns.flatMap((column) => {
    const old = was.get(column.name);
    if (!old) return [`${column.name} is new.`];
    const changes = SEEN.filter(([, of]) => of(old) !== of(column)).map(([words, of]) => `${words} ${of(old)} → ${of(column)}`);
    return changes.length ? [`${column.name}: ${changes.join("; ")}.`] : [];
  });
  const gone = before.columns.filter(({ name }) => !after.columns.some((column) => column.name === name)).map(({ name }) => `${name} is gone.`);
  const rules = (found) => found.rules.map(({ rule }) => rule);
  const kept = rules(after).filter((rule) => !rules(before).includes(rule)).map((rule) => `Kept from now on: ${rule}.`);
  const left = rules(before).filter((rule) => !rules(after).includes(rule)).map((rule) => `Not kept any more: ${rule}.`);
  const counts = ["patients", "rows"].filter((what) => before[what] !== after[what]).map((what) => `${what}: ${before[what]} → ${after[what]}.`);
  return [...counts, ...columns, ...gone, ...kept, ...left, ...after.notes.filter((note) => !before.notes.includes(note))];
}
