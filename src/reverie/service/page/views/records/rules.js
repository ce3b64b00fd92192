// The rules of a table: those that it keeps, those that it nearly keeps, and those that its reader adds. What is on is kept in all
// that is made.

import { h } from "../../lib/dom.js";
import { button, refuse, text } from "../../lib/controls.js";

const ROWS = 5; // that are named

/** A section. state: {found, base} of `described`; apply(changes of the settings): the new state, or it throws. */
export function rules({ state: { found, base }, settings, apply }) {
  const { edits } = settings;
  const texts = (list) => list.map(({ rule }) => rule);
  const on = texts(found.rules);
  const near = found.suspects.filter(({ rule }) => !on.includes(rule) && !edits.off.includes(rule));

  /** The edits that leave just these rules on. */
  const wanting = (wanted) => ({ edits: { ...edits, off: texts(base.rules).filter((rule) => !wanted.includes(rule)), add: wanted.filter((rule) => !texts(base.rules).includes(rule)) } });

  async function attempt(place, control, wanted) {
    refuse(place, "");
    control.disabled = true;
    try {
      await apply(wanting(wanted));
    } catch (problem) {
      refuse(place, problem.detail ?? problem.message);
      control.disabled = false;
      if (control.type === "checkbox") control.checked = !control.checked;
    }
  }

  const row = (support, kept) => {
    const { rule } = support;
    const box = h("input", { type: "checkbox", checked: kept, onchange: () => attempt(line, box, kept ? on.filter((each) => each !== rule) : [...on, rule]) });
    const line = h("li", null, h("label", null, box, h("span", null, h("code", null, rule), h("span", { class: "hint" }, support.rows === undefined ? "switched off" : counted(support)))));
    return line;
  };
  const field = text({ label: "Another rule", placeholder: "diastolic < systolic", hint: "Such as: visit_date <= death_date, empty(pregnant) if sex = M, age never falls, stage stays IV, change = value - first(value)." });
  const add = button({ label: "Add it", onClick: () => field.input.value.trim() && attempt(field, add, [...on, field.input.value.trim()]) });
  field.input.addEventListener("keydown", (event) => event.key === "Enter" && add.click());
  const list = (items) => (items.length ? h("ul", { class: "rules" }, items) : null);
  return h(
    "section",
    { class: "stack" },
    h("h2", null, "Rules"),
    h("p", { class: "hint" }, on.length ? "What is on is kept in everything that is made." : "No rule holds without exception in this table."),
    list([...found.rules.map((support) => row(support, true)), ...edits.off.map((rule) => row({ rule }, false))]),
    near.length ? h("h3", null, `Nearly rules${found.suspects_of ? `, ${found.suspects_of}` : ""}`) : null,
    near.length ? h("p", { class: "hint" }, "A few rows break them: these may be faults, or the rule is none. Switched on, they are kept in what is made.") : null,
    list(near.map((support) => row(support, false))),
    h("div", { class: "adding" }, field, add),
  );
}

/** "holds in 1,940 of 1,945 rows of 312 patients, not in data rows 3, 17 and 3 more" */
function counted({ rows, patients, broken }) {
  const number = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  if (!rows) return "no row says anything of it";
  if (!broken.length) return `holds in all ${number(rows, "row")} of ${number(patients, "patient")}`;
  const more = broken.length - ROWS;
  return `holds in ${(rows - broken.length).toLocaleString("en")} of ${number(rows, "row")} of ${number(patients, "patient")}, not in data row${broken.length === 1 ? "" : "s"} ${broken.slice(0, ROWS).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
