// One column of a description, to be changed field by field: each change is tried at once, and refused beside its field.

import { h, clear } from "../../lib/dom.js";
import { button, more, refuse, select, text, toggle } from "../../lib/controls.js";
import { busy } from "../../lib/states.js";
import { numberOf, onAxis } from "./columns.js";
import { said } from "./reading.js";

const KINDS = {
  real: "real: numbers",
  integer: "integer: whole numbers",
  ordinal: "ordinal: levels in an order",
  categorical: "categorical: levels without an order",
  binary: "binary: two levels",
  text: "text: left out of the model, written empty",
  number: "number: left out of the model, numbered anew",
};
const PURPOSES = { outcome: "the outcome: to be predicted and explained", treatment: "the treatment: what was done about it", "follow-up": "the follow-up: how long a patient was watched" };

/** Whether a reader changed anything of a column. */
export function isEdited(name, { edits, id, time, null_values: nulls }) {
  return name in edits.columns || name in edits.kinds || name in edits.dates || [id].flat().includes(name) || time === name || own(nulls, name).length > 0;
}

/** Opens the dialog. state: {found, base} of `described`; apply(changes of the settings, listeners): the new state, or it throws. */
export function edit(name, { state, settings, apply }) {
  const dialog = h("dialog", { class: "dialog wide column", "aria-label": `Column ${name}` });
  const close = () => dialog.close();
  addEventListener("hashchange", close, { once: true });
  dialog.addEventListener("close", () => {
    removeEventListener("hashchange", close);
    dialog.remove();
    [...document.querySelectorAll(".schema .opens")].find((each) => each.dataset.name === name)?.focus(); // the one that opened it was drawn anew
  });
  draw();
  document.body.append(dialog);
  dialog.showModal();

  /** Tries the changes that a field says; its refusal stands below it. */
  async function attempt(field, changes) {
    const mine = new AbortController();
    const wait = busy("Reading the table again …", { onCancel: () => mine.abort() });
    const fields = dialog.querySelector("fieldset");
    refuse(field, "");
    fields.disabled = true;
    fields.after(wait);
    try {
      state = await apply(changes, { signal: mine.signal, ...wait.hear });
      draw();
      if (dialog.open) dialog.querySelector(`[data-field="${field.dataset.field}"]`)?.querySelector("input:not(:disabled), select, button:not(:disabled)")?.focus();
    } catch (problem) {
      wait.remove();
      fields.disabled = false;
      refuse(field, problem.name === "AbortError" ? "Stopped: it stays as it was." : (problem.detail ?? problem.message));
    }
  }

  function draw() {
    const column = state.found.columns.find((each) => each.name === name);
    const first = state.base.decisions.columns.find((each) => each.name === name) ?? {};
    if (!column) return close(); // it is read as something else now
    const { edits } = settings;
    const plays = ["identifier", "time"].includes(column.role);
    /** The edits of the schema with other fields of this column; what is as it was found needs no edit. */
    const withFields = (fields) => {
      const mine = Object.fromEntries(Object.entries({ ...edits.columns[name], ...fields }).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(first[key] ?? null)));
      const { [name]: _, ...others } = edits.columns;
      return { edits: { ...edits, columns: Object.keys(mine).length ? { ...others, [name]: mine } : others } };
    };
    const without = ({ [name]: _, ...others }) => others;
    const field = (key, make) => {
      const control = make((changes) => attempt(control, changes));
      control.dataset.field = key;
      return control;
    };

    const role = field("role", (go) =>
      select({
        label: "Role",
        hint: plays ? "Another column becomes it by its own role; then this one is like any other." : settings.schema ? "The identifier and the time are those of the schema file." : null,
        options: [...(plays ? [] : [["static", "static: the same at every visit"], ["varying", "varying: may change from visit to visit"]]), ...(settings.schema && !plays ? [] : [["identifier", "identifier: whose visit it is"], ["time", "time: when it was"]])].filter(([key]) => !plays || key === column.role).map(([value, label]) => ({ value, label })),
        value: column.role,
        onChange: (value) => go(value === "identifier" ? { id: name, edits: { ...edits, columns: without(edits.columns) } } : value === "time" ? { time: name, edits: { ...edits, columns: without(edits.columns) } } : withFields({ role: value })),
      }),
    );
    const kind = settings.schema || plays ? null : field("kind", (go) =>
      select({
        label: "Kind",
        options: [{ value: "", label: name in edits.kinds ? "as it is found" : `${column.kind}, as it is found` }, ...Object.entries(KINDS).map(([value, label]) => ({ value, label }))],
        value: edits.kinds[name] ?? "",
        onChange: (value) => go({ edits: { ...edits, columns: without(edits.columns), kinds: value ? { ...edits.kinds, [name]: value } : without(edits.kinds) } }),
      }),
    );
    const number = (key, label, hint, there = String, back = Number) =>
      field(key, (go) => text({ label, hint, value: column[key] === null ? "" : there(column[key]), wrong: "Give a number, or nothing.", parse: (words) => (words === "" ? "" : Number.isFinite(back(words)) ? words : null), onChange: (words) => go(withFields({ [key]: words === "" ? null : back(words) })) }));
    const [there, back] = column.calendar ? [(value) => onAxis(column, [value])[0], (words) => numberOf(column, words)] : [String, Number];
    const bounds = column.numeric && !plays ? h("div", { class: "pairs" }, number("lower", "No value is below", "Left empty, there is no such bound.", there, back), number("upper", "No value is above", null, there, back)) : null;
    const rounding = column.quantity && !plays ? h("div", { class: "pairs" }, number("unit", "Rounded to multiples of", "Left empty, values are not rounded."), number("decimals", "Digits after the point", "As they are written.")) : null;
    const marks = plays ? [] : Object.entries(column.form?.marks ?? {});
    const decided = state.found.decisions.columns.find((each) => each.name === name);
    const whole = column.form?.whole;
    const limit = ([mark, value], i) =>
      field(`limit-${i}`, (go) => text({ label: `${mark} is read as`, value: String(value), wrong: whole ? "Give a whole number." : "Give a number.", parse: (words) => (words !== "" && (whole ? Number.isInteger : Number.isFinite)(Number(words)) ? words : null), onChange: (words) => go(withFields(limited(decided, mark, Number(words)))) }));
    const limits = marks.length ? h("div", { class: "field" }, h("p", { class: "label" }, "Limits of detection"), h("div", { class: "pairs" }, marks.map(limit)), h("p", { class: "hint" }, "A number beyond all that were measured: what is made at it is written as the limit again.")) : null;
    const order = column.kind === "ordinal" && column.levels.length > 1 ? field("levels", (go) => levels(column.levels, (next) => go(withFields({ levels: next })))) : null;
    const dates = settings.schema || column.quantity ? null : field("dates", (go) => text({ label: "How its dates are written", placeholder: "%d/%m/%Y", hint: "Where the table does not tell the day from the month. %d day, %m month, %Y year, %H:%M time.", value: edits.dates[name] ?? "", onChange: (form) => go({ edits: { ...edits, dates: form ? { ...edits.dates, [name]: form } : without(edits.dates) } }) }));
    const nulls = plays ? null : field("nulls", (go) =>
      text({
        label: "Texts that mean missing here",
        hint: "With commas between them, such as -999, unknown.",
        value: own(settings.null_values, name).join(", "),
        onChange: (words) => {
          const mine = words.split(",").map((each) => each.trim()).filter(Boolean).map((each) => `${name}=${each}`);
          const all = [...(others(settings.null_values, name) ?? []), ...mine];
          go({ null_values: all.length ? all : null });
        },
      }),
    );
    const asked = Object.keys(column.asked_if).length ? field("asked", (go) => h("div", { class: "field" }, h("p", null, `Filled only where ${said(column.asked_if)}; so it will be in what is made.`), h("div", { class: "row" }, button({ label: "That is a coincidence", onClick: () => go(withFields({ asked_if: null })) })))) : null;
    const fill = column.missing && !plays ? field("fill", (go) => toggle({ label: "Fill its empty cells when a record is completed", value: column.fill, onChange: (on) => go(withFields({ fill: on ? null : false })) })) : null;
    const purpose = plays ? null : field("purpose", (go) => select({ label: "Use in the report", options: [{ value: "", label: "as any other" }, ...Object.entries(PURPOSES).map(([value, label]) => ({ value, label }))], value: column.purpose ?? "", onChange: (value) => go(withFields({ purpose: value || null })) }));
    const changed = isEdited(name, settings);
    clear(
      dialog,
      h("div", { class: "spread" }, h("h2", null, name || "(no name)"), button({ label: "Close", kind: "quiet", onClick: close })),
      h("p", { class: "hint" }, `${column.kind}, ${column.range === "-" ? "" : `${column.range}; `}${column.why || "as the schema file says"}.`),
      h("fieldset", { class: "stack plain" }, role, kind, bounds, rounding, limits, order, asked, more("More", dates, nulls, fill, purpose),
        changed && !plays ? field("back", (go) => h("div", { class: "row" }, button({ label: "As it was found", onClick: () => go({ null_values: others(settings.null_values, name), edits: { ...edits, columns: without(edits.columns), kinds: without(edits.kinds), dates: without(edits.dates) } }) }))) : null),
    );
    if (name in edits.dates || own(settings.null_values, name).length || column.purpose || !column.fill) dialog.querySelector("details").open = true;
  }
}

/** The words for missing of one column, of "column=word"; and those of all others, null where there are none. */
function own(nulls, name) {
  return (nulls || []).filter((each) => each.startsWith(`${name}=`)).map((each) => each.slice(name.length + 1));
}

function others(nulls, name) {
  const left = (nulls || []).filter((each) => !each.startsWith(`${name}=`));
  return left.length ? left : null;
}

/** The fields of a column, as they are decided, with another number for the limit of detection that its cells call `mark`: a bound that
 *  was such a number goes along, and so does what is said of it. */
function limited({ form, lower = null, upper = null, why = "" }, mark, number) {
  const marks = { ...form.marks, [mark]: number };
  const side = (all, below) => Object.entries(all).filter(([each]) => "<≤".includes(each[0]) === below).map(([, value]) => value);
  const [low, high] = [true, false].map((below) => [form.marks, marks].map((all) => side(all, below)));
  return {
    form: { ...form, marks },
    why: why.replace(`'${mark}' (as ${form.marks[mark]})`, `'${mark}' (as ${number})`),
    ...(lower !== null && lower === Math.min(...low[0]) ? { lower: Math.min(...low[1]) } : {}),
    ...(upper !== null && upper === Math.max(...high[0]) ? { upper: Math.max(...high[1]) } : {}),
  };
}

/** Levels from the lowest to the highest, each with buttons that move it. */
function levels(list, onMove) {
  const moved = (i, by) => {
    const next = [...list];
    [next[i], next[i + by]] = [next[i + by], next[i]];
    return next;
  };
  const mover = (level, i, by, sign, words) => {
    const move = button({ label: sign, kind: "quiet", disabled: i + by < 0 || i + by >= list.length, onClick: () => onMove(moved(i, by)) });
    move.setAttribute("aria-label", `Move ${level} ${words}`);
    return move;
  };
  return h("div", { class: "field" }, h("p", { class: "label" }, "Levels, the lowest first"), h("ol", { class: "levels" }, list.map((level, i) => h("li", null, h("span", null, level), mover(level, i, -1, "↑", "up"), mover(level, i, 1, "↓", "down")))));
}
