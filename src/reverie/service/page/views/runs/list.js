// The runs as a list: narrowed by their text and kind, in the order that is asked for, and chosen to be compared.

import { h, clear } from "../../lib/dom.js";
import { watch } from "../../lib/jobs.js";
import { button, select } from "../../lib/controls.js";
import { amount, empty, failure, many, unanswered, when } from "../../lib/states.js";
import { scrolling } from "../../lib/table.js";
import { KINDS, compareAddress, loss, makeAddress, runAddress, reportAddress, stateMark, steps } from "./words.js";

const [LIVELY, CALM] = [1500, 8000]; // milliseconds between two looks, while something trains and while nothing does
const MOST = 8; // runs beside each other: more curves have no colours

const SORTS = {
  newest: { label: "newest first", by: (a, b) => b.modified.localeCompare(a.modified) },
  name: { label: "name", by: (a, b) => a.name.localeCompare(b.name) },
  loss: { label: "lowest loss", by: (a, b) => (lossOf(a) ?? Infinity) - (lossOf(b) ?? Infinity) },
  size: { label: "largest", by: (a, b) => b.bytes - a.bytes },
};
const lossOf = (run) => run.loss_aside ?? run.loss;

export function list(root, { params, save }) {
  const asked = { q: params.get("q") ?? "", kind: params.get("kind") ?? "", sort: params.get("sort") ?? "newest" };
  const chosen = new Set((params.get("chosen") ?? "").split(",").filter(Boolean));
  const following = new AbortController();
  let runs = null;
  let drawn = "";

  const text = h("input", { type: "search", id: "run-text", value: asked.q, autocomplete: "off", spellcheck: "false", oninput: () => narrow({ q: text.value }) });
  const kinds = select({ label: "Of what", options: [{ value: "", label: "all" }, ...Object.entries(KINDS).map(([value, label]) => ({ value, label }))], value: asked.kind, onChange: (kind) => narrow({ kind }) });
  const filters = h("div", { class: "filters three" },
    h("div", { class: "field" }, h("label", { for: "run-text" }, "Name, data or verdict"), text),
    kinds,
    select({ label: "Order", options: Object.entries(SORTS).map(([value, { label }]) => ({ value, label })), value: asked.sort, onChange: (sort) => narrow({ sort }) }));
  const away = h("p", { class: "notice warn", role: "status", hidden: true });
  const found = h("p", { class: "hint", role: "status" });
  const beside = h("div", { class: "row" });
  const place = h("div", { class: "stack" }, h("p", { class: "soft", role: "status" }, "Asking the server …"));

  function narrow(changes) {
    Object.assign(asked, changes);
    save({ q: asked.q || null, kind: asked.kind || null, sort: asked.sort === "newest" ? null : asked.sort });
    draw();
  }

  function all() {
    text.value = "";
    kinds.set("");
    narrow({ q: "", kind: "" });
  }

  function choose(name, taken) {
    if (taken) chosen.add(name);
    else chosen.delete(name);
    save({ chosen: [...chosen].join(",") || null });
    acts();
  }

  function acts() {
    const names = [...chosen].filter((name) => runs.some((run) => run.name === name));
    const reported = names.filter((name) => runs.find((run) => run.name === name).report);
    const few = names.length < 2;
    const words = few ? "Choose two or more to see them beside each other." : names.length > MOST ? `Choose ${MOST} at most.` : null;
    clear(beside,
      h("a", { class: "button primary", href: few || names.length > MOST ? null : compareAddress(names), "aria-disabled": few || names.length > MOST ? "true" : null, role: "link" }, few ? "Compare" : `Compare ${names.length}`),
      reported.length > 1 ? h("a", { class: "button", href: makeAddress(reported.map((name) => runs.find((run) => run.name === name).report)) }, "Their reports in one table") : null,
      words && h("span", { class: "hint" }, words));
  }

  function draw() {
    if (runs === null) return;
    const words = asked.q.toLowerCase().split(/\s+/).filter(Boolean);
    const like = (run) => words.every((word) => `${run.name} ${run.source ?? ""} ${run.verdict ?? ""}`.toLowerCase().includes(word));
    const shown = runs.filter((run) => (!asked.kind || run.kind === asked.kind) && like(run)).sort((SORTS[asked.sort] ?? SORTS.newest).by);
    const now = JSON.stringify([shown, runs.length]);
    if (now === drawn) return;
    drawn = now;
    const focused = document.activeElement?.closest?.("tr[data-name]") && document.activeElement;
    const [at, tag] = focused ? [focused.closest("tr").dataset.name, focused.tagName] : [];
    found.textContent = shown.length === runs.length ? many(runs.length, "run") : `${shown.length} of ${many(runs.length, "run")}`;
    if (runs.length === 0) return nothing();
    acts();
    clear(place, h("div", { class: "spread" }, beside, found), shown.length ? table(shown) : empty("No run is like this.", button({ label: "Show all", onClick: all })));
    if (at) [...place.querySelectorAll("tr[data-name]")].find((row) => row.dataset.name === at)?.querySelector(tag)?.focus();
    return undefined;
  }

  function nothing() {
    filters.hidden = true;
    clear(place, empty("Nothing was trained here yet. Train a model of a table of visits, or of pictures, and it stands here, while it trains too.",
      h("div", { class: "row" }, h("a", { class: "button primary", href: "#/records?step=train" }, "Train on a table"), h("a", { class: "button", href: "#/records?step=train&table=digits" }, "Train on digits"))));
  }

  function table(shown) {
    const head = ["", "run", "of", "state", "loss set aside", "size", "changed", "report"];
    return scrolling("Runs", h("table", { class: "runs" }, h("thead", null, h("tr", null, head.map((name) => h("th", { scope: "col", class: ["loss set aside", "size"].includes(name) ? "number" : null }, name || h("span", { class: "unseen" }, "choose"))))), h("tbody", null, shown.map(row))));
  }

  function row(run) {
    const box = h("input", { type: "checkbox", checked: chosen.has(run.name), "aria-label": `Choose ${run.name}`, onchange: () => choose(run.name, box.checked) });
    const wrong = run.kind === null;
    return h("tr", { dataset: { name: run.name } },
      h("td", { class: "pick" }, wrong ? null : box),
      h("th", { scope: "row" }, h("a", { href: runAddress(run.name) }, run.name), h("div", { class: "hint" }, wrong ? run.error : run.source)),
      h("td", null, KINDS[run.kind] ?? "–"),
      h("td", null, stateMark(run), wrong ? null : h("div", { class: "hint" }, steps(run))),
      h("td", { class: "number" }, loss(lossOf(run))),
      h("td", { class: "number" }, amount(run.bytes)),
      h("td", { class: "age" }, when(run.modified)),
      h("td", { class: "told" }, run.verdict ? h("a", { href: reportAddress(run.report) }, h("span", { class: "few-lines" }, run.verdict)) : run.state === "training" || wrong ? h("span", { class: "hint" }, "–") : h("a", { href: makeAddress([run.name]) }, "Make one")));
  }

  root.append(h("div", { class: "stage" }, filters, away, place));
  watch("/api/models", {
    signal: following.signal,
    every: () => (runs?.some(({ state }) => state === "training") ? LIVELY : CALM),
    onAway(seconds) {
      away.hidden = seconds === null;
      away.textContent = seconds === null ? "" : unanswered(seconds);
    },
    onNews({ models }) {
      runs = models;
      draw();
    },
  }).catch((problem) => problem.name !== "AbortError" && clear(place, failure(problem, () => location.reload())));
  return () => following.abort();
}
