// Form controls. Each has a visible label, works from the keyboard, and comes as one element with:
//   .input        the native control inside
//   .set(value)   changes it without calling back

import { h, uid } from "./dom.js";

/** A label above any control; the control gets an id if it has none. */
export function field(label, control, hint = null) {
  const target = control.matches?.("input, select, textarea") ? control : control.querySelector("input, select, textarea");
  if (target && !target.id) target.id = uid("field");
  const note = hint === null ? null : h("p", { class: "hint", id: uid("hint") }, hint);
  if (target && note) target.setAttribute("aria-describedby", note.id);
  const root = h("div", { class: "field" }, h("label", { for: target?.id }, label), control, note);
  return Object.assign(root, { input: target, set: (value) => (target.value = value) });
}

/** Says below a control why what it says cannot be; "" takes that back. */
export function refuse(control, sentence) {
  let said = control.querySelector(":scope > .refused");
  if (!said && !sentence) return;
  if (!said) control.append((said = h("p", { class: "wrong refused", id: uid("refused"), role: "alert" })));
  said.textContent = sentence;
  said.hidden = !sentence;
  const input = control.querySelector("input, select, textarea");
  if (!input) return;
  input.setAttribute("aria-invalid", String(sentence !== ""));
  if (sentence) input.setAttribute("aria-errormessage", said.id);
}

/** A slider with its value beside the label. format(value) is also what a screen reader says. */
export function slider({ label, min, max, step = 1, value, onInput, onChange = null, format = String, hint = null }) {
  const id = uid("slider");
  const shown = h("output", { class: "reading", for: id });
  const input = h("input", { type: "range", id, min, max, step, "aria-describedby": hint === null ? null : `${id}-hint` });
  const show = () => {
    const text = format(Number(input.value));
    shown.textContent = text;
    input.setAttribute("aria-valuetext", text);
    input.style.setProperty("--filled", `${(100 * (input.value - input.min)) / (input.max - input.min || 1)}%`);
  };
  input.addEventListener("input", () => {
    show();
    onInput?.(Number(input.value));
  });
  if (onChange) input.addEventListener("change", () => onChange(Number(input.value)));
  const root = h(
    "div",
    { class: "field" },
    h("div", { class: "spread" }, h("label", { for: id }, label), shown),
    input,
    hint === null ? null : h("p", { class: "hint", id: `${id}-hint` }, hint),
  );
  const api = {
    input,
    set(next) {
      input.value = next;
      show();
    },
    range(low, high, by = step) {
      Object.assign(input, { min: low, max: high, step: by });
      show();
    },
  };
  input.value = value;
  show();
  return Object.assign(root, api);
}

/** A drop-down. options: strings or {value, label}. */
export function select({ label, options, value, onChange, hint = null }) {
  const input = h("select", { id: uid("select") });
  const choices = (list) =>
    input.replaceChildren(
      ...list.map((option) => (typeof option === "object" ? h("option", { value: option.value }, option.label ?? option.value) : h("option", { value: option }, option))),
    );
  choices(options);
  input.value = value ?? input.value;
  input.addEventListener("change", () => onChange?.(input.value));
  const root = field(label, input, hint);
  return Object.assign(root, { options: choices });
}

/** A number typed in. Calls back with a number inside min..max only; anything else is marked, and said. */
export function number({ label, min = null, max = null, step = 1, value, onChange, hint = null }) {
  const id = uid("number");
  const input = h("input", { type: "number", id, min, max, step, inputmode: Number(step) % 1 ? "decimal" : "numeric", value });
  const wrong = h("p", { class: "wrong", id: `${id}-wrong`, role: "alert", hidden: true });
  const check = () => {
    const valid = input.value !== "" && input.checkValidity();
    wrong.hidden = valid;
    wrong.textContent = valid ? "" : `Give a number${min === null ? "" : ` from ${min}`}${max === null ? "" : ` to ${max}`}.`;
    input.setAttribute("aria-invalid", String(!valid));
    return valid;
  };
  input.addEventListener("change", () => {
    if (check()) onChange?.(Number(input.value));
  });
  const root = field(label, input, hint);
  root.append(wrong);
  return Object.assign(root, {
    set(next) {
      input.value = next;
      check();
    },
  });
}

/** A line of text. parse(text) is null for what cannot be taken, which is marked, and said in the sentence `wrong`. */
export function text({ label, value = "", onChange, hint = null, placeholder = null, parse = String, wrong = "" }) {
  const input = h("input", { type: "text", id: uid("text"), value, placeholder, autocomplete: "off", spellcheck: "false" });
  const said = h("p", { class: "wrong", role: "alert", hidden: true }, wrong);
  input.addEventListener("change", () => {
    const words = input.value.trim();
    said.hidden = parse(words) !== null;
    input.setAttribute("aria-invalid", String(!said.hidden));
    if (said.hidden) onChange?.(words);
  });
  const root = field(label, input, hint);
  root.append(said);
  return root;
}

/** On or off. */
export function toggle({ label, value = false, onChange, hint = null }) {
  const id = uid("toggle");
  const input = h("input", { type: "checkbox", id, checked: value });
  input.addEventListener("change", () => onChange?.(input.checked));
  const note = hint === null ? null : h("p", { class: "hint", id: `${id}-hint` }, hint);
  if (note) input.setAttribute("aria-describedby", note.id);
  const root = h("div", { class: "field toggle" }, h("label", { for: id }, input, h("span", null, label)), note);
  return Object.assign(root, { input, set: (next) => (input.checked = next) });
}

/** A few choices side by side, one of them taken. */
export function segmented({ label, options, value, onChange }) {
  const name = uid("choice");
  const inputs = options.map((option) => {
    const { value: own, label: words } = typeof option === "object" ? option : { value: option, label: option };
    return h("label", null, h("input", { type: "radio", name, value: own, checked: own === value, onchange: () => onChange?.(own) }), h("span", null, words ?? own));
  });
  const root = h("fieldset", { class: "segmented" }, h("legend", null, label), h("div", null, inputs));
  return Object.assign(root, {
    set(next) {
      for (const each of root.querySelectorAll("input")) each.checked = each.value === String(next);
    },
  });
}

/** A button. kind: "primary" (one in each view at most), "plain", or "quiet". */
export function button({ label, onClick, kind = "plain", title = null, icon = null, disabled = false }) {
  return h("button", { type: "button", class: `button ${kind}`, title, disabled, onclick: onClick }, icon, label);
}

/** More settings, folded away until wanted. */
export function more(label, ...children) {
  return h("details", { class: "more" }, h("summary", null, label), h("div", { class: "stack" }, children));
}

/** A term that explains itself when pressed. */
export function term(word, explanation) {
  const id = uid("term");
  const bubble = h("span", { id, class: "bubble", popover: "auto" }, explanation);
  const opener = h("button", { type: "button", class: "term", popovertarget: id, title: explanation }, word);
  bubble.addEventListener("toggle", () => {
    const { left, bottom } = opener.getBoundingClientRect();
    const widest = Math.min(320, innerWidth - 32);
    bubble.style.left = `${Math.max(16, Math.min(left, innerWidth - widest - 16))}px`;
    bubble.style.top = `${bottom + 8}px`;
  });
  return h("span", { class: "term-place" }, opener, bubble);
}
