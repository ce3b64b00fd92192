// Work at the server, one piece at a time in one place of the screen: how far it is with a way to stop it, then what came of it
// or what went wrong.

import { clear } from "./dom.js";
import { job } from "./api.js";
import { button } from "./controls.js";
import { busy, empty, failure } from "./states.js";

/**
 * path: of the operation; waiting: the sentence meanwhile; body(): the request; present(result, request, stays) shows what came,
 * and may go on as long as stays(). beside(): an element that stands below the bar meanwhile; hear(): further listeners of `job`;
 * again: the label of the button after a stop; ask(request, listeners): who does it, if it takes more than one job; wrong(problem,
 * start): what stands there when it fails; fit(): whether it can be begun, else the view says why not. Gives {start(), alive(),
 * close()}; a start ends the work before.
 * With a label and {params, save} of the view also .button, which starts, and .ready(sentence): it can be pressed now, and if
 * the address says that it was, it is; else the sentence stands there. What was run once is run again by its link.
 */
export function worker(place, { path, waiting, body, present, beside = () => null, hear = () => ({}), again = null, ask = (request, listeners) => job(path, request, listeners), wrong = failure, fit = () => true, label = null, params = null, save = null }) {
  const run = label && button({ label, kind: "primary", disabled: true, onClick: () => start() });
  let now = null;
  let open = true;
  async function start() {
    if (!fit()) return;
    now?.abort();
    const mine = (now = new AbortController());
    if (run) save({ run: 1 });
    const stays = () => open && now === mine;
    const wait = busy(typeof waiting === "function" ? waiting() : waiting, { onCancel: () => mine.abort() });
    const below = beside();
    clear(place, wait, below);
    try {
      const request = await body();
      const result = await ask(request, { signal: mine.signal, ...wait.hear, ...hear(below, wait) });
      if (stays()) await present(result, request, stays, below);
    } catch (problem) {
      if (!stays()) return;
      const stopped = empty("Stopped. Nothing is computing any more.", again && button({ label: again, kind: "primary", onClick: start }));
      clear(place, problem.name === "AbortError" ? stopped : wrong(problem, start));
    }
  }
  return {
    start,
    button: run,
    ready(sentence) {
      run.disabled = false;
      if (params.has("run") && fit()) return start();
      clear(place, empty(sentence));
    },
    alive: () => open,
    close() {
      open = false;
      now?.abort();
    },
  };
}
