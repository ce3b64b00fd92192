// Work at the server, one piece at a time in one place of the screen: how far it is with a way to stop it, then what came of it
// or what went wrong. The address names the job with a mark of its request, so that a page that is loaded anew, a second one, or
// one whose server was begun anew shows the same job; only a stop, or other work in its place, ends it.

import { clear, h } from "./dom.js";
import { post } from "./api.js";
import { cancel, rejoin } from "./jobs.js";
import { button } from "./controls.js";
import { hash } from "./keeper.js";
import { busy, empty, failure, reveal, when } from "./states.js";

const STOPPED = "Stopped. Nothing is computing any more.";
const GONE = 404; // the server has forgotten the job
const FRESH = 60_000; // milliseconds in which nobody wonders when something was computed
const NOW = { now: true }; // the work may have ended, and the page be loaded anew, before a write that waits

/**
 * path: of the operation; params, save: of the view; waiting: the sentence meanwhile; body(): the request; present(result,
 * request, stays) shows what came, and may go on as long as stays(). beside(): an element that stands below the bar meanwhile;
 * hear(beside, bar): further listeners of `rejoin`; again: the label of the button after a stop; refused(problem) is told that it
 * failed, and wrong(problem, start) is what stands there then; fit(): whether it can be begun, else the view says why not. Gives
 * {start(), resume(), alive(), close()}; a start ends the work before, and resume goes on with that of the address if it is what
 * is asked for now.
 * With a label also .button, which starts, and .ready(sentence): it can be pressed now, and if the address says that it was, it
 * is; else the sentence stands there.
 */
export function worker(place, { path, params = null, save = () => {}, waiting, body, present, beside = () => null, hear = () => ({}), again = null, refused = () => {}, wrong = failure, fit = () => true, label = null }) {
  const run = label && button({ label, kind: "primary", disabled: true, onClick: () => start() });
  let now = null; // {following, id of the job once it has one, stopped, ended}: the work that is shown
  let open = true;

  const start = () => begin(null);
  const resume = () => begin(params?.get("work") ?? null);

  async function begin(noted) {
    if (!fit()) return;
    if (now?.id && !now.ended) cancel(now.id).catch(() => {}); // other work is wanted in its place
    now?.following.abort();
    const mine = (now = { following: new AbortController(), id: null, stopped: false, ended: null });
    if (run) save({ run: 1 }, NOW);
    const stays = () => open && now === mine;
    const wait = busy(typeof waiting === "function" ? waiting() : waiting, { onCancel: () => stop(mine, wait), stays: true });
    const below = beside();
    clear(place, wait, below);
    if (noted === null) reveal(place);
    try {
      const request = await body();
      const listeners = { ...wait.hear, ...hear(below, wait), onEnd: (view) => (mine.ended = view.ended), signal: mine.following.signal };
      const mark = hash(new TextEncoder().encode(JSON.stringify(request))).slice(0, 8);
      const [id, marked] = noted?.split(".") ?? [];
      const known = id && marked === mark;
      const result = await (known ? follow(mine, id, listeners) : send(mine, request, mark, listeners));
      if (stays()) await present(result, request, stays, below);
      if (stays() && known && Date.now() - Date.parse(mine.ended) > FRESH) place.append(h("div", { class: "row" }, h("span", { class: "hint" }, `As it came out ${when(mine.ended)}.`), button({ label: "Once more", onClick: start })));
    } catch (problem) {
      if (!stays()) return;
      if (noted && problem.status === GONE) return start();
      const stopped = problem.name === "AbortError";
      if (stopped) save({ work: null, run: null }, NOW);
      else refused(problem);
      clear(place, stopped ? empty(STOPPED, again && button({ label: again, kind: "primary", onClick: start })) : wrong(problem, start));
    }
  }

  async function send(mine, request, mark, listeners) {
    const { status, body: reply, job } = await post(path, request, { wait: 0 });
    if (open && now === mine && job) save({ work: `${job}.${mark}` }, NOW); // also of one that had ended before the answer
    if (status !== 202) return reply;
    if (open && now !== mine) mine.stopped = true; // other work took its place before it was accepted
    listeners.onState?.(reply);
    return follow(mine, reply.id, listeners);
  }

  function follow(mine, id, listeners) {
    mine.id = id;
    if (mine.stopped) cancel(id).catch(() => {});
    return rejoin(id, listeners);
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
      if (params.has("run") && fit()) return resume();
      clear(place, empty(sentence));
    },
    alive: () => open,
    close() {
      open = false;
      now?.following.abort(); // stops listening; the job goes on
    },
  };
}
