// The forward process. Curves, x_0 and the noise are fetched once; then every t is computed and drawn here, with no call.

import { h, clear } from "../lib/dom.js";
import { button, number, segmented, slider } from "../lib/controls.js";
import { busy, failure } from "../lib/states.js";
import { callDialog } from "../lib/call.js";
import { saveData, savePicture } from "../lib/download.js";
import { formula } from "../lib/formula.js";
import { loadPicture, picker } from "../lib/pictures.js";
import { decibels, noising } from "../lib/noising.js";
import { bytes, get } from "../lib/api.js";
import { fetchSchedule, parseSchedule, scheduleControls, writeSchedule } from "../lib/schedules.js";
import { histogram } from "./forward/histogram.js";
import { filmstrip, stepsOf } from "./forward/filmstrip.js";
import { key, readings, welcome } from "./forward/readings.js";
import { BUNDLED, patientControls, seriesPath } from "./forward/patients.js";
import { pictureScene, seriesScene } from "./forward/scenes.js";

export const title = "Forward: how data drowns in noise";
export const summary =
  "Each state mixes what is left of the data with one fixed draw of noise. Move t and see how much of it survives; the numbers are those of the process itself.";

const SECONDS = 6; // a full run of play
const REST = 300; // where the view stands when nothing moves
const noises = new Map();

export function mount(root, { params, save, landing }) {
  const state = {
    kind: params.get("patient") === null ? "picture" : "series",
    picture: params.get("picture") ?? "flower",
    patient: params.get("patient") ?? "2",
    table: params.get("table") ?? BUNDLED,
    schedule: parseSchedule(params.get("schedule") ?? "linear"),
    seed: Number(params.get("seed") ?? 0),
    t: Number(params.get("t") ?? REST),
  };
  const moves = landing && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (moves) state.t = 0;
  let live = null; // {tables, numbers, scene, steps}: what is on the screen
  let turn = 0;
  let frame = 0;
  let playing = null;

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
    if (keep) save({ t: Math.round(state.t) });
  };

  // --- play ----------------------------------------------------------------------------------------------------------------

  const play = () => {
    if (!live) return;
    if (state.t >= live.steps) go(0, { keep: false });
    let before = null;
    const tick = (now) => {
      if (!playing) return;
      const passed = before === null ? 0 : now - before;
      before = now;
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
    save({ t: Math.round(state.t) });
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
      save({ t });
    },
  });

  // --- loading ---------------------------------------------------------------------------------------------------------------

  const place = h("div", { class: "hero-place" });
  const notice = h("p", { class: "notice warn", hidden: true });
  const caption = h("p", { class: "hint" });
  const load = async () => {
    const mine = (turn += 1);
    if (!live) clear(place, busy("Fetching the curves and the noise"));
    try {
      const [tables, subject] = await Promise.all([fetchSchedule(state.schedule), subjectOf(state)]);
      const eps = await noiseOf(subject.shape, state.seed);
      if (mine !== turn) return;
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
      strip.fill(stepsOf(live.steps), live, subject);
      draw();
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
    onPick: (picture) => {
      held.set(picture.name, picture);
      state.picture = picture.name;
      pictures.mark(picture.name);
      wrong.replaceChildren();
      save({ picture: picture.name });
      load();
    },
    onError: (error) => clear(wrong, h("p", { class: "wrong", role: "alert" }, error.detail ?? error.message)),
  });
  const wrong = h("div");
  const patients = patientControls({
    table: state.table,
    patient: state.patient,
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
  let drawn = null;
  const schedule = scheduleControls({
    schedule: state.schedule,
    after: new Promise((done) => (drawn = done)), // what is drawn first is asked for first
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
    landing ? welcome() : "",
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
  load().finally(drawn).then(() => moves && live && root.isConnected && play());
  return () => {
    turn += 1;
    pause();
    cancelAnimationFrame(frame);
    bars.destroy();
    pictures.destroy();
    live?.scene.destroy();
  };
}

// --- what is noised ---------------------------------------------------------------------------------------------------------------

const held = new Map(); // pictures of one's own, for browsers that keep nothing

async function subjectOf(state) {
  if (state.kind === "series") return seriesScene(await get(seriesPath(state)));
  return pictureScene(held.get(state.picture) ?? (await loadPicture(state.picture)));
}

async function noiseOf({ height, width, channels }, seed) {
  const path = `/api/noise?height=${height}&width=${width}&channels=${channels}&seed=${seed}`;
  if (!noises.has(path)) {
    if (noises.size > 8) noises.clear();
    noises.set(path, new Float32Array(await bytes(path)));
  }
  return noises.get(path);
}

/** The operations that give what is shown, and their requests. */
function calls({ kind, table, patient, picture, schedule, seed, t }, live) {
  const config = { name: schedule.name, ...schedule.settings };
  if (kind === "series") return [["get_series", { table, ...(patient === null ? {} : { patient }) }], ["get_schedule", config]];
  const timesteps = [...new Set([...stepsOf(live?.steps ?? 1000), Math.round(t)])].sort((a, b) => a - b);
  const own = picture.startsWith("own:") ? { image_base64: live?.subject.dataURL ?? "data:" } : { image_path: picture };
  return [["demonstrate_forward_diffusion", { ...own, timesteps, schedule: config, seed }]];
}

function fileName(name) {
  return name.replace(/\.[a-z]+$/i, "").replace(/[^A-Za-z0-9-]+/g, "-");
}
