// A form as a view declares it: its settings come from the address and go back there, its bounds are those of the operation.

import { number, refuse, segmented, select, slider, text, toggle } from "./controls.js";
import { limits } from "./operations.js";

const KINDS = { number, segmented, select, slider, text, toggle };

/**
 * declared: by the name of a setting {kind: one of KINDS, or none for a setting without a control of its own, label, hint, ...}
 * and, as it needs them,
 *   field        the field of the request, if called otherwise; it gives min, max, step and the default
 *   at           its name in the address, if another
 *   otherwise    what it is where the address does not say: then the address stays without it
 *   options      of a select or segmented; open: others may stand in the address, and the server says what is wrong with them
 *   parse, write, show  from and to the text of the address, and to that of the control
 *   when         (settings) whether it is shown
 * Gives {settings, set(changes), arrange(), refuse(problem)} and each control by its name; change(what was changed, by setting) is
 * called after the address was written. refuse says what the server found wrong beside the fields that it speaks of, until one
 * of them is changed.
 */
export function form(operation, declared, { params, save, change = () => {} }) {
  const fields = Object.entries(declared).map(([name, own]) => ({ name, at: name, ...limits(operation, own.field ?? name), ...own }));
  const settings = {};
  const controls = {};
  const arrange = () => fields.forEach(({ name, when }) => when && (controls[name].hidden = !when(settings)));
  const refused = (problem) => fields.forEach(({ name, field = name }) => {
    if (!controls[name]) return;
    const own = problem?.errors?.find((error) => error.field === field);
    refuse(controls[name], own?.message ?? (problem?.named?.includes(field) ? problem.detail : ""));
  });
  const set = (changes) => {
    Object.assign(settings, changes);
    refused(null);
    arrange();
    save(Object.fromEntries(fields.filter(({ name }) => name in changes).map((each) => [each.at, written(each, settings[each.name])])));
    change(changes);
  };
  for (const each of fields) {
    const { name, kind } = each;
    settings[name] = read(each, params.get(each.at));
    if (!kind) continue;
    const shown = each.show ? each.show(settings[name]) : kind === "select" || kind === "text" ? String(settings[name] ?? "") : settings[name];
    const take = (value) => set({ [name]: kind === "select" ? typed(each, value) : kind === "text" ? (each.parse ?? String)(value) : value });
    controls[name] = KINDS[kind]({ ...each, value: shown, onChange: take });
  }
  arrange();
  return { settings, set, arrange, refuse: refused, ...controls };
}

/** What the address says of a field; what cannot be taken is as if it said nothing. */
function read({ kind, min, max, step, options, open = false, otherwise = null, parse = null }, text) {
  if (text === null || text === "") return structuredClone(otherwise);
  if (kind === "number" || kind === "slider") {
    const value = step === 1 ? Math.round(Number(text)) : Number(text);
    return Number.isFinite(value) ? Math.min(max ?? value, Math.max(min ?? value, value)) : otherwise;
  }
  if (kind === "toggle") return text === "1" || text === "true";
  if (kind === "select" || kind === "segmented") return open || options.some((each) => String(each.value ?? each) === text) ? typed({ options }, text) : otherwise;
  return parse ? (parse(text) ?? otherwise) : text;
}

/** The value of a choice, of its own type; null for the empty one. */
function typed({ options }, text) {
  const values = options.map((each) => (typeof each === "object" ? each.value : each));
  return text === "" ? null : (values.find((value) => String(value) === text) ?? text);
}

/** As the address has it: null where it stays without. */
function written({ otherwise = null, write = String }, value) {
  const text = value === null ? "" : write(value);
  return text === "" || (otherwise !== null && text === write(otherwise)) ? null : text;
}
