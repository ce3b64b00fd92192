// Formulas as MathML from the TeX in which docs/mathematics.md writes them. A small part of TeX: fractions, roots, scripts,
// accents, Greek, \mathcal, \text, and \left( ... \right) that grow with what they hold.

const NS = "http://www.w3.org/1998/Math/MathML";
const LETTERS = { alpha: "α", beta: "β", gamma: "γ", delta: "δ", Delta: "Δ", epsilon: "ϵ", eta: "η", theta: "θ", lambda: "λ", mu: "μ", pi: "π", sigma: "σ", Sigma: "Σ", infty: "∞" };
const OPERATORS = { cdot: "·", times: "×", mid: "∣", sim: "∼", le: "≤", ge: "≥", ne: "≠", approx: "≈", propto: "∝", dots: "…", to: "→", nabla: "∇", sum: "∑", prod: "∏", int: "∫" };
const ACCENTS = { bar: "¯", hat: "^", tilde: "~" };
const SPACES = { ",": "0.17em", ";": "0.28em", " ": "0.25em", quad: "1em", qquad: "2em" };
const NAMES = new Set(["log", "exp", "cos", "sin", "max", "min", "SNR", "KL", "Var"]);
const SCRIPT = { N: "𝒩", L: "ℒ" };

/** A <math> element; display for a line of its own. */
export function formula(tex, { display = false } = {}) {
  const tokens = tex.match(/\\text\{[^}]*\}|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|./gsu)?.filter((token) => token.trim() || token === "\\ ") ?? [];
  const math = node("math", sequence(tokens, () => tokens.length === 0));
  math.setAttribute("alttext", tex);
  if (display) math.setAttribute("display", "block");
  return math;
}

function node(tag, content, attrs = {}) {
  const element = document.createElementNS(NS, tag);
  element.append(...(Array.isArray(content) ? content : [content]));
  for (const [name, value] of Object.entries(attrs)) element.setAttribute(name, value);
  return element;
}

const row = (items) => (items.length === 1 ? items[0] : node("mrow", items));

function sequence(tokens, ended) {
  const items = [];
  while (!ended()) {
    const item = scripted(tokens);
    const before = items.at(-1);
    if (before && (isFunction(before) ? !isOperator(item) : isFunction(item) && !isOperator(before))) items.push(node("mspace", [], { width: SPACES[","] }));
    items.push(item);
  }
  return items;
}

/** A name such as log, with or without scripts: browsers leave no space between it and its argument. */
function isFunction(item) {
  return item.tagName === "mi" ? NAMES.has(item.textContent) : ["msub", "msup", "msubsup"].includes(item.tagName) && isFunction(item.firstChild);
}

/** What has space of its own, or opens a bracket. */
function isOperator({ tagName, textContent }) {
  return tagName === "mspace" || (tagName === "mo" && ![")", "]"].includes(textContent));
}

function group(tokens) {
  const items = sequence(tokens, () => tokens.length === 0 || tokens[0] === "}");
  tokens.shift();
  return row(items);
}

function argument(tokens) {
  if (tokens[0] !== "{") return atom(tokens);
  tokens.shift();
  return group(tokens);
}

function scripted(tokens) {
  const base = atom(tokens);
  let under = null;
  let over = null;
  while (tokens[0] === "_" || tokens[0] === "^") {
    if (tokens.shift() === "_") under = argument(tokens);
    else over = argument(tokens);
  }
  const wide = base.textContent === "∑" || base.textContent === "∏";
  if (under && over) return node(wide ? "munderover" : "msubsup", [base, under, over]);
  if (under) return node(wide ? "munder" : "msub", [base, under]);
  return over ? node(wide ? "mover" : "msup", [base, over]) : base;
}

function atom(tokens) {
  const token = tokens.shift();
  if (token === "{") return group(tokens);
  if (/^\d/.test(token)) return node("mn", token);
  if (/^\p{L}$/u.test(token)) return node("mi", token);
  if (token === "-") return node("mo", "−");
  if (token.startsWith("\\text{")) return node("mtext", token.slice(6, -1).replaceAll(" ", "\u00a0"));
  if (!token.startsWith("\\")) return node("mo", token === "'" ? "′" : token, "()[]|".includes(token) ? { stretchy: "false" } : {});
  return command(token.slice(1), tokens);
}

function command(name, tokens) {
  if (name === "frac" || name === "dfrac") return node("mfrac", [argument(tokens), argument(tokens)]);
  if (name === "sqrt") return node("msqrt", argument(tokens));
  if (name in ACCENTS) return node("mover", [argument(tokens), node("mo", ACCENTS[name], { stretchy: "false" })], { accent: "true" });
  if (name in LETTERS) return node("mi", LETTERS[name]);
  if (name in OPERATORS) return node("mo", OPERATORS[name]);
  if (NAMES.has(name)) return node("mi", name);
  if (name in SPACES) return node("mspace", [], { width: SPACES[name] });
  if (name === "|") return node("mo", "‖", { stretchy: "false" });
  if (name === "mathcal") {
    const letter = argument(tokens).textContent;
    return node("mi", SCRIPT[letter] ?? letter);
  }
  if (name === "left") {
    const open = node("mo", tokens.shift().replace("\\", ""), { stretchy: "true" });
    const inside = sequence(tokens, () => tokens.length === 0 || tokens[0] === "\\right");
    tokens.shift();
    return node("mrow", [open, ...inside, node("mo", (tokens.shift() ?? "").replace("\\", ""), { stretchy: "true" })]);
  }
  if (name === "{" || name === "}") return node("mo", name, { stretchy: "false" });
  throw new Error(`formula: \\${name} is not known`);
}
