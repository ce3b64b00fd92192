// Several runs beside each other: their losses over each other, what their reports say, and their settings, first those that differ.

import { h, clear } from "../../lib/dom.js";
import { get, path } from "../../lib/api.js";
import { chart } from "../../lib/chart.js";
import { address } from "../../lib/state.js";
import { amount, busy, failure, when } from "../../lib/states.js";
import { scrolling } from "../../lib/table.js";
import { cardOf } from "../models.js";
import { smoothed } from "../records/losses.js";
import { KINDS, flat, loss, makeAddress, reportAddress, runAddress, said, stateMark, steps } from "./words.js";
import { follow } from "./numbers.js";

/** The runs of these names. Gives the way to leave. */
export function compare(root, names) {
  const leaving = new AbortController();
  const place = h("div", { class: "stage" }, busy("Reading the runs …"));
  root.append(place);
  begin();
  return () => leaving.abort();

  async function begin() {
    try {
      const [{ models }, cards] = await Promise.all([get("/api/models"), Promise.all(names.map((name) => cardOf(name, leaving.signal)))]);
      const runs = names.map((name, i) => ({ ...models.find((run) => run.name === name), card: cards[i] }));
      const reports = await Promise.all(runs.map((run) => (run.report ? get(`/api/reports/${path(run.report)}`, { signal: leaving.signal }).catch(() => null) : null)));
      clear(place, h("div", { class: "spread" }, h("h2", null, `${names.length} runs side by side`), h("a", { href: address("runs") }, "All runs")), facts(runs), losses(runs, leaving.signal), scores(runs, reports), settings(runs));
    } catch (problem) {
      if (problem.name !== "AbortError") clear(place, failure(problem), h("p", null, h("a", { class: "button", href: address("runs") }, "All runs")));
    }
  }
}

const heads = (runs) => h("thead", null, h("tr", null, h("td"), runs.map(({ name }) => h("th", { scope: "col" }, h("a", { href: runAddress(name) }, name)))));
const line = (label, runs, of) => h("tr", null, h("th", { scope: "row" }, label), runs.map((run, i) => h("td", null, of(run, i))));

function facts(runs) {
  const lines = [
    ["data", (run) => run.source],
    ["of", (run) => KINDS[run.kind]],
    ["state", (run) => stateMark(run)],
    ["steps", (run) => steps(run)],
    ["best loss set aside", (run) => loss(run.card.loss_aside)],
    ["weights", (run) => run.card.parameters?.toLocaleString("en") ?? "–"],
    ["size", (run) => amount(run.bytes)],
    ["changed", (run) => when(run.modified)],
  ];
  return scrolling("The runs", h("table", { class: "aside" }, heads(runs), h("tbody", null, lines.map(([label, of]) => line(label, runs, of)))));
}

/** The losses of what was set aside, or where a run has none, of the batches of all; live for those that train. */
function losses(runs, signal) {
  const numbers = runs.map(() => []);
  const plot = chart([], { x: { title: "step", zero: true }, y: { title: "loss" }, legend: true }, { label: "Losses of the runs against step.", table: false });
  const draw = () => {
    const aside = numbers.every((lines) => picked(lines, "loss_aside").length > 1); // what is compared is one thing
    plot.update(runs.map((run, i) => ({ name: run.name, ...curve(aside ? picked(numbers[i], "loss_aside") : smoothed(picked(numbers[i], "loss"))) })));
    which.textContent = `${aside ? "Of what was set aside." : "Of the batches, smoothed."} Losses of other data, or of another network, are not on one scale.`;
  };
  const which = h("p", { class: "hint" });
  runs.forEach((run, i) =>
    follow(run, signal, (lines) => {
      numbers[i].push(...lines);
      draw();
    }),
  );
  return h("section", { class: "stack" }, h("h2", null, "Losses"), plot, which);
}

const picked = (lines, name) => lines.filter((line) => Number.isFinite(line[name])).map((line) => [line.step, line[name]]);

function curve(pairs) {
  return { x: pairs.map(([x]) => x), y: pairs.map(([, y]) => y), symbol: pairs.length < 30 ? "circle" : null, size: 3 };
}

const MARKS = { fine: "fine", look: "to look at", fault: "at fault", unknown: "not judged" };

/** What the reports say: in words, and how many measures of each part are at fault. */
function scores(runs, reports) {
  const made = runs.filter((_, i) => reports[i]);
  const without = runs.filter((_, i) => !reports[i]);
  const missing = without.length ? h("p", { class: "hint" }, "Without a report yet: ", without.flatMap((run, i) => [i ? ", " : "", h("a", { href: makeAddress([run.name]) }, run.name)]), ".") : null;
  if (made.length === 0) return h("section", { class: "stack" }, h("h2", null, "Scores"), missing);
  const parts = new Map();
  reports.forEach((report) => report?.content.sections.forEach((section) => section.measures.length && parts.set(section.name, section.title)));
  const briefs = ["realism", "use", "privacy"].filter((question) => reports.some((report) => report?.verdict.brief?.[question]));
  const tally = (report, name) => {
    const measures = report?.content.sections.find((section) => section.name === name)?.measures ?? [];
    const counts = Object.entries(MARKS).map(([verdict, words]) => [verdict, words, measures.filter((each) => each.verdict === verdict).length]).filter(([, , count]) => count);
    return counts.length ? h("span", { class: "tally" }, counts.map(([verdict, words, count]) => h("span", { dataset: { verdict } }, `${count} ${words}`))) : "–";
  };
  return h("section", { class: "stack" },
    h("div", { class: "spread" }, h("h2", null, "Scores"), made.length > 1 ? h("a", { class: "button", href: makeAddress(made.map(({ report }) => report)) }, "Every measure in one table") : null),
    missing,
    scrolling("Scores", h("table", { class: "aside" }, heads(runs), h("tbody", null,
      briefs.map((question) => line(question, runs, (_, i) => (reports[i]?.verdict.brief?.[question] ?? "–").replace(/^\w+: /, ""))),
      [...parts].map(([name, title]) => line(title, runs, (_, i) => tally(reports[i], name))),
      line("report", runs, (run) => (run.report ? h("a", { href: reportAddress(run.report) }, "Read it") : "–"))))));
}

function settings(runs) {
  const told = runs.map((run) => new Map(flat(run.card.config).map(([key, value]) => [key, said(value)])));
  const keys = [...new Set(told.flatMap((each) => [...each.keys()]))];
  const differs = (key) => new Set(told.map((each) => each.get(key) ?? "–")).size > 1;
  const table = (some) => scrolling("Settings", h("table", { class: "aside" }, heads(runs), h("tbody", null, some.map((key) => line(key, runs, (_, i) => told[i].get(key) ?? "–")))));
  const [other, same] = [keys.filter(differs), keys.filter((key) => !differs(key))];
  return h("section", { class: "stack" }, h("h2", null, "Settings"), other.length ? table(other) : h("p", null, "All settings are the same."), same.length ? h("details", { class: "more" }, h("summary", null, `${same.length} settings that are the same`), table(same)) : null);
}
