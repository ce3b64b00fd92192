// The thing itself beside the words: a figure of the lesson's own, or a whole view with its stage alone.

import { h, clear } from "../../lib/dom.js";
import { operations } from "../../lib/operations.js";
import { address } from "../../lib/state.js";
import { busy, failure } from "../../lib/states.js";

/** {element, destroy} for what a step looks at. */
export function live({ look, more = [] }, curves) {
  let open = true;
  let leave = () => {};
  const place = h("div", { class: "lesson-stage" });
  const own = look.view ? view(look) : null;
  const links = [...(own ? [own] : []), ...more.map(({ words, view: name, params }) => h("a", { href: address(name, new URLSearchParams(params)) }, words))];
  const show = async () => {
    if (look.figure) {
      const { element, destroy } = look.figure(curves);
      leave = destroy;
      return clear(place, element);
    }
    clear(place, busy("Opening the view"));
    try {
      const module = await import(`../${look.view}.js`);
      if (module.asks) await operations();
      if (!open) return;
      const root = h("div", { class: "view", dataset: { view: look.view } });
      clear(place, root);
      const params = new URLSearchParams(look.params);
      const save = (changes) => {
        for (const [key, value] of Object.entries(changes)) {
          if (value === null || value === undefined || value === "") params.delete(key);
          else params.set(key, String(value));
        }
        own.href = address(look.view, params);
      };
      leave = module.mount(root, { params: new URLSearchParams(look.params), save }) ?? leave;
    } catch (problem) {
      if (open) clear(place, failure(problem, show));
    }
  };
  show();
  const element = h("section", { class: "lesson-live", "aria-label": "Look" }, place, links.length ? h("p", { class: "hint lesson-links" }, links.flatMap((link, i) => [i ? " · " : "", link]), links.length ? ". Back in the browser leads here again." : "") : null);
  return {
    element,
    destroy() {
      open = false;
      leave();
    },
  };
}

function view({ view: name, params }) {
  return h("a", { href: address(name, new URLSearchParams(params)) }, "Open this view with all its settings");
}
