// What can be done with a run: make samples, its report, take it away, write it in another layout, rename it, delete it.

import { h, clear } from "../../lib/dom.js";
import { path, post, remove } from "../../lib/api.js";
import { job } from "../../lib/jobs.js";
import { button } from "../../lib/controls.js";
import { saveFrom } from "../../lib/download.js";
import { giveRunButton } from "../../lib/giveaway.js";
import { address } from "../../lib/state.js";
import { amount, busy, failure } from "../../lib/states.js";
import { makeAddress, reportAddress, runAddress, sampleAddress } from "./words.js";

/** {root, of(run, card)}: the buttons for the run as it is now. */
export function acts(signal) {
  const row = h("div", { class: "row" });
  const place = h("div");
  const root = h("div", { class: "stack" }, row, place);
  const say = (...children) => clear(place, ...children);
  const go = (to) => (location.hash = to);
  let now = { run: null, card: null };
  let drawn = ""; // what the buttons depend on
  let asking = false; // something is typed or asked: the buttons stay as they are

  function of(run, card = now.card) {
    now = { run, card };
    const wanted = JSON.stringify([run.name, run.state, run.report, exportable(card)]);
    if (asking || drawn === wanted) return;
    drawn = wanted;
    const free = run.state !== "training";
    const act = (label, onClick, kind = "plain") => button({ label, kind, disabled: !free, title: free ? null : "It trains: wait until that has ended, or stop it in the queue.", onClick });
    clear(row,
      run.state === "trained" ? h("a", { class: "button primary", href: sampleAddress(run) }, run.kind === "images" ? "Make pictures" : "Make patients") : null,
      run.report ? h("a", { class: "button", href: reportAddress(run.report) }, "Read the report") : free ? h("a", { class: "button", href: makeAddress([run.name]) }, "Make the report") : null,
      act("Download", () => saveFrom(`/api/models/${path(run.name)}/archive`, `${last(run.name)}.zip`)),
      run.state === "trained" && run.kind !== "linked" ? giveRunButton({ run: run.name, kind: run.kind }) : null,
      exportable(card) ? act("Export for diffusers", () => exported(false)) : null,
      act("Rename", rename),
      act("Delete", ask, "danger"));
  }

  /** Nothing is asked any more; the button that began it has the focus again. */
  function close(began) {
    asking = false;
    say();
    of(now.run);
    [...row.querySelectorAll("button")].find((each) => each.textContent === began)?.focus();
  }

  function rename() {
    asking = true;
    const kept = now.run;
    const input = h("input", { type: "text", id: "new-name", value: kept.name, autocomplete: "off", spellcheck: "false", maxlength: 484, required: true });
    const wrong = h("div");
    const form = h("form", { class: "state", onsubmit: async (event) => {
      event.preventDefault();
      const to = input.value.trim().replace(/^\/+|\/+$/g, "");
      if (to === kept.name) return close("Rename");
      try {
        const { body } = await post(`/api/models/${path(kept.name)}/rename`, { to });
        asking = false;
        return go(runAddress(body.name));
      } catch (problem) {
        return clear(wrong, failure(problem));
      }
    } }, h("div", { class: "field wide-field" }, h("label", { for: "new-name" }, "New name"), input, h("p", { class: "hint" }, "Links to the old name lead nowhere afterwards.")), wrong, h("div", { class: "row" }, h("button", { type: "submit", class: "button primary" }, "Give it this name"), button({ label: "Keep the old one", onClick: () => close("Rename") })));
    say(form);
    input.focus();
    input.setSelectionRange(kept.name.lastIndexOf("/") + 1, kept.name.length);
  }

  function ask() {
    asking = true;
    const kept = now.run;
    const keep = button({ label: "Keep it", onClick: () => close("Delete") });
    const wrong = h("div");
    const sure = button({
      label: "Delete it",
      kind: "danger",
      onClick: async () => {
        try {
          await remove(`/api/models/${path(kept.name)}`);
          asking = false;
          go(address("runs"));
        } catch (problem) {
          clear(wrong, failure(problem));
        }
      },
    });
    say(h("div", { class: "state", role: "alert" }, h("p", null, `Delete ${kept.name} for good, with all ${amount(kept.bytes)} of it${kept.report === kept.name ? " and its report" : ""}?`), wrong, h("div", { class: "row" }, sure, keep)));
    keep.focus();
  }

  async function exported(overwrite) {
    const { name } = now.run;
    const out = `exports/${last(name)}`;
    const stop = new AbortController();
    signal.addEventListener("abort", () => stop.abort(), { once: true });
    const wait = busy("Writing it for diffusers …", { onCancel: () => stop.abort() });
    say(wait);
    try {
      await job("/api/exports", { run: name, out, ...(overwrite ? { overwrite } : {}) }, { signal: stop.signal, ...wait.hear });
      say(h("div", { class: "state" }, h("p", { role: "status" }, `It is in ${out}, and makes the same pictures of the same noise in diffusers: DDIMPipeline.from_pretrained("${last(name)}").`), h("div", { class: "row" }, button({ label: `Download ${last(name)}.zip`, kind: "primary", onClick: () => saveFrom(`/api/models/${path(out)}/archive`, `${last(name)}.zip`) }), h("a", { class: "button", href: address("files", new URLSearchParams({ in: out })) }, "Look at its files"))));
    } catch (problem) {
      if (problem.name === "AbortError") return say();
      return say(failure(problem), problem.status === 409 && !overwrite ? button({ label: `Replace ${out}`, onClick: () => exported(true) }) : null);
    }
    return undefined;
  }

  return { root, of };
}

/** Other software knows only its own networks. */
const exportable = (card) => card?.kind === "images" && String(card.config?.network?.kind ?? "").includes("diffusers");
const last = (name) => name.split("/").at(-1);
