// Conditions on what new patients must be: column, operator, value, from the columns of the model.

import { h, uid } from "../../lib/dom.js";
import { button } from "../../lib/controls.js";
import { values } from "./columns.js";

const SIGNS = { "=": "is", "!=": "is not", "<": "below", "<=": "at most", ">": "above", ">=": "at least" };
const PATTERN = /^\s*(.+?)\s*(>=|<=|!=|==|=|>|<)\s*(.*?)\s*$/;

/** "age>60" as {column, sign, value}; null if it is none. */
function parsed(text) {
  const found = PATTERN.exec(text);
  return found && { column: found[1], sign: found[2] === "==" ? "=" : found[2], value: found[3] };
}

/** A row of three controls. columns: the statics of the model. .text gives "age>60"; .check() says below it what is missing. */
function condition(columns, { column: name, sign = "=", value = "" }, { onChange, onRemove }) {
  const ids = [uid("condition"), uid("condition"), uid("condition")];
  const find = () => columns.find((each) => each.name === column.value) ?? columns[0];
  const column = h("select", { id: ids[0], onchange: () => arrange("=", "") }, columns.map((each) => h("option", { value: each.name }, each.name)));
  column.value = columns.some((each) => each.name === name) ? name : columns[0].name;
  const signs = h("select", { id: ids[1], onchange: () => onChange() });
  const place = h("div", { class: "field" });
  const hint = h("p", { class: "hint" });
  const wrong = h("p", { class: "wrong", id: uid("condition"), role: "alert", hidden: true });
  let input = null;
  const arrange = (taken, text) => {
    const { levels = [], kind } = find();
    const ordered = levels.length === 0 || kind === "ordinal";
    signs.replaceChildren(...Object.entries(SIGNS).filter(([key]) => ordered || ["=", "!="].includes(key)).map(([key, words]) => h("option", { value: key, title: words }, key)));
    signs.value = taken;
    if (signs.selectedIndex < 0) signs.value = "=";
    input = levels.length
      ? h("select", { id: ids[2], onchange: () => onChange() }, levels.map((level) => h("option", { value: level }, level)))
      : h("input", { id: ids[2], type: kind === "date" ? "date" : "text", inputmode: kind === "date" ? null : "decimal", onchange: () => onChange() });
    input.value = levels.length && !levels.includes(text) ? levels[0] : text;
    place.replaceChildren(h("label", { for: ids[2], class: "unseen" }, "Value"), input);
    wrong.hidden = true;
    const seen = levels.length ? "–" : values(find());
    hint.textContent = seen === "–" ? "" : `Seen: ${seen}`;
    hint.hidden = seen === "–";
    onChange();
  };
  const remove = button({ label: "×", kind: "quiet", title: "Remove this condition", onClick: () => onRemove(root) });
  remove.setAttribute("aria-label", "Remove this condition");
  const root = h("div", { class: "stack" }, h("div", { class: "condition" }, h("div", { class: "field" }, h("label", { for: ids[0], class: "unseen" }, "Column"), column), h("div", { class: "field" }, h("label", { for: ids[1], class: "unseen" }, "Operator"), signs), place, remove), wrong, hint);
  arrange(sign, value);
  const check = () => {
    const empty = input.value.trim() === "";
    wrong.hidden = !empty;
    wrong.textContent = empty ? `Say what ${column.value} must be, or remove this condition.` : "";
    input.setAttribute("aria-invalid", String(empty));
    input.setAttribute("aria-errormessage", wrong.id);
    if (empty) input.focus();
    return !empty;
  };
  root.addEventListener("change", () => input.value.trim() && check());
  return Object.defineProperty(Object.assign(root, { check }), "text", { get: () => `${column.value}${signs.value}${input.value.trim()}` });
}

/** The conditions of a form `own`, in its setting `where`, on the columns() that there are now: {root, check(), shut(closed), show(), clear()}. */
export function conditions(own, columns) {
  const list = h("div", { class: "stack" });
  const collect = () => own.set({ where: [...list.children].map((each) => each.text) });
  const add = (start) => {
    let made = false;
    const row = condition(columns(), start, {
      onChange: () => made && collect(),
      onRemove: (each) => {
        each.remove();
        collect();
      },
    });
    made = true;
    list.append(row);
  };
  const plus = button({
    label: "Add a condition",
    disabled: true,
    onClick: () => {
      add({});
      collect();
    },
  });
  return {
    root: h("fieldset", { class: "checks" }, h("legend", null, "What they must be"), list, h("div", { class: "row" }, plus)),
    check: () => [...list.children].filter((each) => !each.check()).length === 0,
    shut: (closed) => (plus.disabled = closed),
    /** Those of the form anew, as far as there are their columns. */
    show: () => {
      plus.disabled = columns().length === 0;
      for (const text of own.settings.where) if (columns().some((column) => column.name === parsed(text)?.column)) add(parsed(text));
    },
    clear: () => list.replaceChildren(),
  };
}
