// The forward process. Curves and x_0 are fetched once; the noise, and every t, is computed and drawn here, with no call.

import { h, clear } from "../lib/dom.js";
import { button, number, segmented, slider } from "../lib/controls.js";
import { busy, failure } from "../lib/states.js";
import { callDialog } from "../lib/call.js";
import { saveData, savePicture } from "../lib/download.js";
import { formula } from "../lib/formula.js";
import { picker } from "../lib/pictures.js";
import { decibels, noising } from "../lib/noising.js";
import { parseSchedule, scheduleControls, writeSchedule } from "../lib/schedules.js";
import { filmstrip, stepsOf } from "./forward/filmstrip.js";
import { calls, curvesOf, fileName, held, noiseOf, subjectOf } from "./forward/given.js";
import { histogram } from "./forward/histogram.js";
import { key, readings } from "./forward/readings.js";
import { BUNDLED, patientControls } from "./forward/patients.js";

export const title = "Forward: how data drowns in noise";
export const summary =
  "Each state mixes what is left of the data with one fixed draw of noise. Move t and see how much of it survives; the numbers are those of the process itself.";

const SECONDS = 6; // a full run of play
const REST = 300; // where the view stands when nothing moves
const CLEAN = 900; // milliseconds that what is to drown is seen as it is

export function mount(root, { params, save }) {
  const state = {
    kind: params.get("patient") === null ? "picture" : "series",
    picture: params.get("picture") ?? "flower",
    patient: params.get("patient") ?? "2",
    table: params.get("table") ?? BUNDLED,
    schedule: parseSchedule(params.get("schedule") ?? "linear"),
    seed: Number(params.get("seed") ?? 0),
    t: Number(params.get("t") ?? REST),
  };
  const drowning = params.has("play"); // from the clean picture on
  if (drowning) state.t = 0;
  let live = null; // {tables, numbers, scene, steps}: what is on the screen
  let turn = 0;
  let frame = 0;
  let playing = null;
  let drawn = null;
  const first = new Promise((done) => (drawn = done)); // what is drawn first is asked for first

  // --- drawing one t ------------------------------------------------------------------------------------------------------

  const bars = histogram();
  const numbersAt = readings();
  const strip = filmstrip((t) => {
    pause();
    go(t);
  });

  const draw = () => {
    frame = 0;
    if (!live) return;
    const { tables, numbers, scene } = live;
    const t = Math.round(state.t);
    const [signal, noise] = [tables.signal[t], tables.noise[t]];
    const measured = numbers.at(signal, noise);
    scene.draw(numbers.x);
    bars.draw(numbers.counts, numbers.x.length, numbers.expected(signal, noise));
    numbersAt.show({ t, alphaBar: tables.alpha_bar[t], signal, noise, snr: decibels(tables.alpha_bar[t], numbers.clean.power), measured, theory: numbers.theory(signal, noise) });
    strip.mark(t);
  };
  const request = () => {
    frame ||= requestAnimationFrame(draw);
  };
  const go = (t, { keep = true } = {}) => {
    state.t = Math.min(Math.max(0, t), live ? live.steps : t);
    scrubber.set(Math.round(state.t));
    request();
    if (keep) save({ t: Math.round(state.t), play: null });
  };

  // --- play ----------------------------------------------------------------------------------------------------------------

  const play = ({ rest = 0 } = {}) => {
    if (!live || playing) return;
    if (state.t >= live.steps) go(0, { keep: false });
    let before = null;
    const tick = (now) => {
      if (!playing) return;
      before ??= now + rest;
      const passed = Math.max(0, now - before);
      before = Math.max(now, before);
      go(state.t + (live.steps * passed) / (1000 * SECONDS), { keep: false });
      if (state.t >= live.steps) return pause();
      playing = requestAnimationFrame(tick);
    };
    playing = requestAnimationFrame(tick);
    player.lastChild.textContent = "Pause";
  };
  const pause = () => {
    if (!playing) return;
    cancelAnimationFrame(playing);
    playing = null;
    player.lastChild.textContent = "Play";
    save({ t: Math.round(state.t), play: null });
  };
  /** Shows what was loaded clean, and lets it drown; where motion is not wanted it stays clean, to be scrubbed. */
  const drown = () => {
    if (!live || !root.isConnected) return;
    go(0, { keep: false });
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play({ rest: CLEAN });
  };
  const player = button({ label: "Play", kind: "primary player", onClick: () => (playing ? pause() : play()) });
  const scrubber = slider({
    label: h("span", null, "Step t ", h("span", { class: "hint" }, "0 is the data, T is noise")),
    min: 0,
    max: 1000,
    value: state.t,
    onInput: (t) => {
      pause();
      state.t = t;
      request();
      save({ t, play: null });
    },
  });

  // --- loading ---------------------------------------------------------------------------------------------------------------

  const place = h("div", { class: "hero-place" });
  const notice = h("p", { class: "notice warn", hidden: true });
  const caption = h("p", { class: "hint" });
  /** The states along the way, through the same numbers as that of t, which is drawn again. */
  const film = () => {
    strip.fill(stepsOf(live.steps), live, live.subject);
    draw();
  };
  const load = async () => {
    const mine = (turn += 1);
    if (!live) clear(place, busy("Fetching the curves and the picture"));
    try {
      const [tables, subject] = await Promise.all([curvesOf(state.schedule), subjectOf(state)]);
      if (mine !== turn) return;
      const eps = noiseOf(subject.shape, state.seed);
      const scene = subject.scene();
      live?.scene.destroy();
      const numbers = noising(subject.x_0, subject.pick(eps));
      live = { tables, numbers, scene, subject, steps: tables.t.length - 1 };
      state.t = Math.min(state.t, live.steps);
      scrubber.range(0, live.steps);
      scrubber.set(Math.round(state.t));
      clear(place, scene.element, scene.legend ?? null);
      caption.textContent = subject.caption;
      if (subject.patients) patients.offer(subject.patients, subject.patient);
      notice.hidden = !tables.warning;
      notice.textContent = tables.warning ?? "";
      draw();
      requestAnimationFrame(() => setTimeout(() => mine === turn && film())); // once what it leads to is there to be seen
    } catch (error) {
      if (mine !== turn) return;
      live?.scene.destroy();
      live = null;
      clear(place, failure(error, load));
    }
  };

  // --- controls -----------------------------------------------------------------------------------------------------------------

  const pictures = picker({
    value: state.picture,
    after: first,
    onPick: (picture) => {
      held.set(picture.name, picture);
      state.picture = picture.name;
      pictures.mark(picture.name);
      wrong.replaceChildren();
      const drowned = live !== null && state.t >= live.steps; // of which nothing could be seen
      if (!picture.name.startsWith("own:") && !drowned) {
        save({ picture: picture.name });
        return load();
      }
      pause();
      state.t = 0;
      save({ picture: picture.name, t: 0 });
      load().then(drown);
    },
    onError: (error) => clear(wrong, h("p", { class: "wrong", role: "alert" }, error.detail ?? error.message)),
  });
  const wrong = h("div");
  const patients = patientControls({
    table: state.table,
    patient: state.patient,
    after: first,
    onChange: ({ table, patient }) => {
      Object.assign(state, { table, patient });
      save({ patient, table: table === BUNDLED ? null : table });
      load();
    },
  });
  const show = () => {
    pictures.hidden = wrong.hidden = state.kind !== "picture";
    patients.hidden = state.kind !== "series";
  };
  const kinds = segmented({
    label: "What to noise",
    options: [
      { value: "picture", label: "A picture" },
      { value: "series", label: "A patient" },
    ],
    value: state.kind,
    onChange: (kind) => {
      state.kind = kind;
      const series = kind === "series";
      save({ patient: series ? state.patient : null, table: series && state.table !== BUNDLED ? state.table : null, picture: series ? null : state.picture });
      show();
      load();
    },
  });
  const schedule = scheduleControls({
    schedule: state.schedule,
    after: first,
    onChange: (next) => {
      state.schedule = next;
      save({ schedule: writeSchedule(next) });
      load();
    },
  });
  const seed = number({
    label: "Seed of the noise",
    min: 0,
    max: 2 ** 31 - 1,
    value: state.seed,
    hint: "The same seed gives the noise of reverie study forward.",
    onChange: (value) => {
      state.seed = value;
      save({ seed: value || null });
      load();
    },
  });
  show();

  // --- what can be taken away ----------------------------------------------------------------------------------------------------

  const asData = () => {
    const { tables, numbers, subject } = live;
    const rows = stepsOf(live.steps).map((t) => {
      const [signal, noise] = [tables.signal[t], tables.noise[t]];
      return { t, alpha_bar: tables.alpha_bar[t], signal, noise, snr_db: decibels(tables.alpha_bar[t], numbers.clean.power), ...numbers.at(signal, noise) };
    });
    draw();
    return { of: subject.name, schedule: tables.config, seed: state.seed, power: numbers.clean.power, steps: rows };
  };
  const tools = h(
    "div",
    { class: "row" },
    callDialog(() => calls(state, live)),
    button({ label: "Save this picture", onClick: () => live && savePicture(`${fileName(live.subject.name)}-t${Math.round(state.t)}.png`, live.scene.element) }),
    button({ label: "Save the numbers", onClick: () => live && saveData(`${fileName(live.subject.name)}-forward.json`, asData()) }),
  );

  root.append(
    h(
      "div",
      { class: "split stage-first" },
      h("div", { class: "controls" }, kinds, pictures, wrong, patients, schedule, seed),
      h(
        "div",
        { class: "stage" },
        notice,
        h("div", { class: "hero" }, h("figure", { class: "subject" }, place, caption), h("div", { class: "transport" }, player, scrubber), h("div", { class: "side" }, h("h2", null, "Values of ", formula("x_t")), bars.element, key(), numbersAt.element)),
        strip.element,
        tools,
      ),
    ),
  );
  load().finally(drawn).then(() => drowning && drown());
  return () => {
    turn += 1;
    pause();
    cancelAnimationFrame(frame);
    bars.destroy();
    pictures.destroy();
    live?.scene.destroy();
  };
}
