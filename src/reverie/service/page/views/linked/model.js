// Which trained model of linked tables is asked: the choice that the steps Make and Complete share.

import { clear } from "../../lib/dom.js";
import { button } from "../../lib/controls.js";
import { empty, failure } from "../../lib/states.js";
import { cardOf, chooser } from "../models.js";

/**
 * A choice among the runs of linked tables, kept as `model` of the form `own`. onChoose() as one is chosen, and onCard(card) once its
 * card is there; shut(whether) where there is nothing to be asked, or may be again. Where there is no model, or its card cannot be read,
 * `place` says so.
 */
export function models({ own, work, place, go, shut, onChoose, onCard }) {
  return chooser({ kind: "linked", value: own.settings.model, onChange: choose, onError: (problem) => clear(place, failure(problem)) });

  async function choose(name) {
    if (!work.alive()) return;
    own.set({ model: name || null });
    shut(!name);
    onChoose();
    if (!name) return clear(place, empty("There is no trained model of linked tables in the workspace yet.", button({ label: "Train one", kind: "primary", onClick: () => go("train", {}) })));
    let card = null;
    try {
      card = await cardOf(name);
    } catch (problem) {
      if (!work.alive() || own.settings.model !== name) return;
      shut(true);
      return clear(place, failure(problem, () => choose(name)));
    }
    if (work.alive() && own.settings.model === name) onCard(card); // unless another was chosen meanwhile
  }
}
