// The trained runs: a choice of them, what one has learned, and what it made.

import { h } from "../lib/dom.js";
import { bytes, get, path } from "../lib/api.js";
import { button, select } from "../lib/controls.js";
import { saveBlob } from "../lib/download.js";
import { amount, empty } from "../lib/states.js";
import { runs } from "./methods.js";

/** A choice among the runs of a kind ("images", "records" or "linked"); onChange(name) also once the list is there, with null where there is none. */
export function chooser({ kind, value, onChange, onError }) {
  const chosen = select({ label: "Model", options: value ? [value] : ["…"], value, onChange });
  runs(kind, value).then((names) => {
    chosen.options(names.length ? names : [{ value: "", label: "none yet" }]);
    chosen.set(value ?? names[0] ?? "");
    onChange(value ?? names[0] ?? null);
  }, onError);
  return chosen;
}

/** The card of a model. */
export function cardOf(name, signal) {
  return get(`/api/models/${path(name)}`, { signal });
}

/** The columns of a model, as its table was described. */
export async function columnsOf(name, signal) {
  const card = await cardOf(name, signal);
  return { columns: card.columns ?? card.schema?.columns ?? [], source: card.source?.name ?? card.source ?? null };
}

/** What to do where there is no model of records yet. */
export function trainOne(go) {
  return empty("There is no trained model of records in the workspace yet.", button({ label: "Train one", kind: "primary", onClick: () => go("train", {}) }));
}

/** Buttons that save the files of a result {name, href, bytes}. */
export function files(list) {
  return (list ?? []).map(({ name, href, bytes: size }) => button({ label: `Save ${name}${size ? `, ${amount(size)}` : ""}`, onClick: async () => saveBlob(name, new Blob([await bytes(href)])) }));
}

/** Summary numbers of a result as facts. */
export function facts(summary) {
  const entry = ([key, value]) => h("div", null, h("dt", null, key.replaceAll("_", " ")), h("dd", null, typeof value === "number" ? value.toLocaleString("en", { maximumSignificantDigits: 4 }) : value));
  const plain = Object.entries(summary ?? {}).filter(([key, value]) => (typeof value === "number" || (typeof value === "string" && value.length < 14)) && !["seed", "out"].includes(key));
  return plain.length ? h("dl", { class: "facts" }, plain.map(entry)) : null;
}

