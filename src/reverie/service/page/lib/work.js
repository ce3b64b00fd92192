// Work at the server, one piece at a time in one place of the screen: how far it is with a way to stop it, then what came of it
// or what went wrong. The address names the job with a mark of its request, so that a page that is loaded anew, a second one, or
// one whose server was begun anew shows the same job; only a stop, or other work in its place, ends it.

import { clear, h } from "./dom.js";
import { cancel, post, rejoin } from "./api.js";
import { button } from "./controls.js";
import { hash } from "./keeper.js";
import { busy, empty, failure, reveal, when } from "./states.js";

const STOPPED = "Stopped. Nothing is computing any more.";
const GONE = 404; // the server has forgotten the job
const FRESH = 60_000; // milliseconds in which nobody wonders when something was computed

/**
 * path: of the operation; params, save: of the view; waiting: the sentence meanwhile; body(): the request; present(result,
 * request, stays) shows what came, and may go on as long as stays(). beside(): an element that stands below the bar meanwhile;
 * hear(beside, bar): further listeners of `rejoin`; again: the label of the button after a stop. Gives {start(), resume(),
 * alive(), close()}; refused(problem) is told of what the server would not do. A start ends the work before, and resume goes on with that of the address if it is what is asked for now.
 * With a label also .button, which starts, and .ready(sentence): it can be pressed now, and if the address says that it was, it
 * is; else the sentence stands there.
 */
export function worker(place, { path, params, save, waiting, body, present, refused = () => {}, beside = () => null, hear = () => ({}), again = null, label = null }) {
  const run = label && button({ label, kind: "primary", disabled: true, onClick: () => start() });
  let now = null; // {following, id, stopped}: what is shown
  let open = true;

  const start = () => begin(null);
  const resume = () => begin(params.get("work"));

  async function begin(noted) {
    if (now?.id && !now.ended) cancel(now.id).catch(() => {}); // other work is wanted in its place
    now?.following.abort();
    const mine = (now = { following: new AbortController(), id: null, stopped: false, ended: false });
    if (run) save({ run: 1 });
    const stays = () => open && now === mine;
    const wait = busy(typeof waiting === "function" ? waiting() : waiting, { onCancel: () => stop(mine, wait) });
    const below = beside();
    clear(place, wait, below);
    if (noted === null) reveal(place);
    try {
      const request = await body();
      const mark = hash(new TextEncoder().encode(JSON.stringify(request))).slice(0, 8);
      const [id, marked] = noted?.split(".") ?? [];
      const known = marked === mark ? id : null;
      let ended = null;
      const listeners = { ...wait.hear, ...hear(below, wait), onEnd: (view) => (ended = Date.parse(view.ended)) };
      const result = known ? await follow(mine, known, listeners) : await send(mine, request, mark, listeners);
      if (stays()) await present(result, request, stays, below);
      if (stays() && known && Date.now() - ended > FRESH) place.append(h("div", { class: "row" }, h("span", { class: "hint" }, `As it came out ${when(ended)}.`), button({ label: "Once more", onClick: start })));
    } catch (problem) {
      if (!stays()) return undefined;
      if (noted && problem.status === GONE) return start();
      refused(problem);
      const stopped = problem.name === "AbortError";
      if (stopped) save({ work: null, run: null });
      clear(place, stopped ? empty(STOPPED, again && button({ label: again, kind: "primary", onClick: start })) : failure(problem, start));
    }
    return undefined;
  }

  async function send(mine, request, mark, listeners) {
    const { status, body: reply } = await post(path, request, { wait: 0 });
    if (status !== 202) return reply;
    if (now === mine && open) save({ work: `${reply.id}.${mark}` });
    else if (open || mine.stopped) cancel(reply.id).catch(() => {}); // it was stopped, or followed by other work, before it was accepted
    listeners.onState?.(reply);
    return follow(mine, reply.id, listeners);
  }

  async function follow(mine, id, listeners) {
    mine.id = id;
    if (mine.stopped) cancel(id).catch(() => {});
    try {
      return await rejoin(id, { ...listeners, signal: mine.following.signal });
    } finally {
      mine.ended = !mine.following.signal.aborted;
    }
  }

  async function stop(mine, wait) {
    mine.stopped = true;
    if (mine.id === null) return; // it is ended as soon as it is known
    wait.say("Stopping …");
    try {
      await cancel(mine.id);
    } catch (problem) {
      wait.say(problem.detail ?? problem.message);
    }
  }

  return {
    start,
    resume,
    button: run,
    ready(sentence) {
      run.disabled = false;
      if (params.has("run")) return resume();
      clear(place, empty(sentence));
    },
    alive: () => open,
    close() {
      open = false;
      now?.following.abort(); // stops listening; the job goes on
    },
  };
}
