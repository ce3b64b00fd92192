// What a report says, in its own words: one sentence on each question, then what the synthetic data is good for and what not.

import { h } from "../../lib/dom.js";
import { reportAddress } from "../runs/words.js";

const HEADS = { good: "Good for", not: "Not good for", look: "Look at first", open: "Nothing is claimed on" };

/** The sentences on realism, use and privacy, as far as there are any. */
export function brief(report) {
  const said = report?.verdict?.brief;
  if (!said) return h("p", null, report?.verdict?.headline ?? "");
  const line = (sentence) => {
    const [question, rest] = sentence.split(/: (.*)/s);
    return h("div", null, h("dt", null, question), h("dd", null, capital(rest)));
  };
  return h("dl", { class: "brief" }, Object.values(said).map(line));
}

/** All of it. whole: the sentences too, each kind below its heading; link: to the report. */
export function verdict(report, { link = true, whole = true } = {}) {
  if (!report) return h("p", { class: "soft" }, "Its report cannot be read.");
  const lists = Object.entries(HEADS).filter(([kind]) => report.verdict[kind]?.length || (kind === "look" && report.cautions?.length));
  const list = ([kind, head]) => {
    const sentences = [...report.verdict[kind], ...(kind === "look" ? (report.cautions ?? []) : [])];
    return h("div", { class: "verdict-part", dataset: { kind } }, h("h3", null, head), h("ul", null, sentences.map((text) => h("li", null, text))));
  };
  return h("div", { class: "stack" }, brief(report), whole ? h("div", { class: "verdict-parts" }, lists.map(list)) : null, link ? h("p", null, h("a", { href: reportAddress(report.name) }, "The report, with its evidence")) : null);
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
