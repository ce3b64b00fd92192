// Elements from calls: h("button", {class: "plain", onclick: go}, "Go"). Text is always text, never markup.

const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "indeterminate", "open", "hidden"]);

/** An element with attributes and children. Attributes: class, style (object or text), dataset, on<event>, any other. */
export function h(tag, attrs, ...children) {
  return fill(document.createElement(tag), attrs, children);
}

/** The same for drawings. */
export function svg(tag, attrs, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attrs, children);
}

/** Removes all children; with more arguments, puts those in their place. */
export function clear(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

let counter = 0;

/** An id not used on this page, for labels and descriptions. */
export function uid(prefix = "id") {
  counter += 1;
  return `${prefix}-${counter}`;
}

function fill(element, attrs, children) {
  for (const [name, value] of Object.entries(attrs ?? {})) set(element, name, value);
  append(element, children);
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined) return;
  if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2).toLowerCase(), value);
  else if (name === "dataset") Object.assign(element.dataset, value);
  else if (name === "style" && typeof value === "object") {
    for (const [key, entry] of Object.entries(value)) element.style.setProperty(key, entry);
  } else if (PROPERTIES.has(name) && name in element) element[name] = value;
  else if (value === false && !name.startsWith("aria-")) return;
  else element.setAttribute(name, value === true && !name.startsWith("aria-") ? "" : String(value));
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}
