// The shell: navigation, theme, and one view at a time, chosen by the address.

import { h, svg, clear, uid } from "./lib/dom.js";
import { address, flush, forget, read, write } from "./lib/state.js";
import { giveButton } from "./lib/giveaway.js";
import { button } from "./lib/controls.js";
import { operations } from "./lib/operations.js";
import { empty, failure } from "./lib/states.js";

const START = "home";
const GROUPS = [
  ["Work", [["home", "Home"], ["runs", "Runs"], ["reports", "Reports"], ["queue", "Queue"], ["files", "Files"]]],
  ["Make", [["records", "Records"], ["linked", "Linked"], ["pictures", "Pictures"]]],
  ["Look", [["forward", "Forward"], ["reverse", "Reverse"], ["samplers", "Samplers"], ["schedules", "Schedules"], ["derivations", "Derivations"], ["playground", "Playground"], ["lesson", "Lesson"]]],
];
const LABELS = new Map(GROUPS.flatMap(([, views]) => views));

const bar = document.getElementById("bar");
const main = document.getElementById("main");
let shown = { name: null, unmount: null, turn: 0 };

// --- the bar ------------------------------------------------------------------------------------------------------------

const links = new Map([...LABELS].map(([name, label]) => [name, h("a", { href: address(name), onclick: () => setOpen(false) }, label)]));
const nav = h("nav", { id: "views", "aria-label": "Views" }, GROUPS.map(([group, views]) => {
  const id = uid("group");
  return h("div", { class: "group" }, h("p", { id, class: "group-name" }, group), h("ul", { "aria-labelledby": id }, views.map(([name]) => h("li", null, links.get(name)))));
}));
const opener = button({ label: "Menu", kind: "quiet menu", onClick: () => setOpen(bar.dataset.open !== "true") });
opener.setAttribute("aria-controls", "views");
setOpen(false);

/** Shows or hides the views where they stand behind a menu. */
function setOpen(open) {
  bar.dataset.open = String(open);
  opener.setAttribute("aria-expanded", String(open));
}

addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || bar.dataset.open !== "true") return;
  setOpen(false);
  opener.focus();
});

const share = button({
  label: "Copy link",
  kind: "quiet",
  title: "A link that shows this view with all its settings",
  onClick: async () => {
    flush();
    const { copied } = await import("./lib/call_dialog.js");
    share.lastChild.textContent = (await copied(location.href)) ? "Copied" : "Copy it from above";
    setTimeout(() => (share.lastChild.textContent = "Copy link"), 2000);
  },
});
share.setAttribute("aria-live", "polite");

const theme = button({ label: "", kind: "quiet theme", onClick: () => setTheme(dark() ? "light" : "dark") });

function mark() {
  const cells = [1, 1, 1, 0.8, 0.4, 0.7, 0.2, 0.5, 0.15];
  return svg("svg", { viewBox: "0 0 15 15", width: 22, height: 22, "aria-hidden": "true", fill: "currentColor" },
    cells.map((opacity, i) => svg("rect", { x: Math.floor(i / 3) * 5 + 0.5, y: (i % 3) * 5 + 0.5, width: 4, height: 4, opacity })));
}

bar.append(
  h("a", { class: "brand", href: address(START), "aria-label": "Reverie, to the start" }, mark(), h("span", null, "Reverie")),
  h("div", { class: "tools" }, share, giveButton()),
  h("div", { class: "fixed" }, theme, opener),
  nav,
);
document.getElementById("foot").append(
  h("p", null, "Everything here is computed on this machine. ", h("a", { href: "docs" }, "The HTTP API"), " does the same without the page."),
);

// --- theme ----------------------------------------------------------------------------------------------------------------

function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function setTheme(name) {
  if (name) {
    document.documentElement.dataset.theme = name;
    try {
      localStorage.setItem("reverie-theme", name);
    } catch {
      // not kept: the next visit follows the system again
    }
    document.dispatchEvent(new Event("themechange"));
  }
  const label = dark() ? "Light theme" : "Dark theme";
  theme.setAttribute("aria-label", label);
  theme.title = label;
  const moon = "M13 9.5A6 6 0 0 1 6.5 3 6 6 0 1 0 13 9.5Z";
  const sun = "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM8 0v2.5M8 13.5V16M0 8h2.5M13.5 8H16M2.3 2.3l1.8 1.8M11.9 11.9l1.8 1.8M2.3 13.7l1.8-1.8M11.9 4.1l1.8-1.8";
  clear(theme, svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", fill: dark() ? "none" : "currentColor", stroke: "currentColor", "stroke-width": 1.5 }, svg("path", { d: dark() ? sun : moon })));
}

setTheme(null);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => setTheme(null));

// --- one view at a time -----------------------------------------------------------------------------------------------------

async function route(first = false) {
  forget();
  const { view, params } = read();
  const name = view === "" ? START : view;
  const turn = (shown.turn += 1);
  shown.unmount?.();
  shown = { name, unmount: null, turn };
  for (const [each, link] of links) {
    if (each === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const label = LABELS.get(name);
  if (!label) {
    document.title = "Not found – Reverie";
    clear(main, h("h1", null, "No such view"), empty(`This page has no view named “${name}”.`, h("a", { class: "button primary", href: address(START) }, "Go to the start")));
    return;
  }
  document.title = `${label} – Reverie`;
  let module;
  try {
    module = await import(`./views/${name}.js`);
    if (module.asks) await operations(); // its fields have the bounds of the server's
  } catch (error) {
    if (turn === shown.turn) clear(main, h("h1", null, label), failure({ title: "This view did not load", detail: error.message }, () => location.reload()));
    return;
  }
  if (turn !== shown.turn) return;
  const heading = h("h1", { tabindex: "-1" }, module.title);
  const root = h("div", { class: "view", dataset: { view: name } });
  clear(main, h("div", { class: "lead" }, heading, h("p", null, module.summary)), root);
  scrollTo(0, 0);
  const save = (changes, options) => shown.turn === turn && write(name, changes, options);
  try {
    shown.unmount = module.mount(root, { params, save }) ?? null;
  } catch (error) {
    clear(root, failure({ title: "This view did not start", detail: error.message }, () => route()));
    throw error;
  }
  if (!first) heading.focus({ preventScroll: true });
}

addEventListener("hashchange", () => {
  setOpen(false);
  route();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address belongs to the view
  main.focus();
});
// A file that misses its target must not make the browser leave the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
route(true);
