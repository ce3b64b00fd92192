// Playground: draw points or a density, and a small network learns them in seconds, beside the exact score of what was drawn.

import { h, clear } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { callDialog } from "../lib/call.js";
import { button, more, segmented } from "../lib/controls.js";
import { saveData } from "../lib/download.js";
import { form } from "../lib/form.js";
import { about } from "../lib/operations.js";
import { parseSchedule, scheduleControls, writeSchedule } from "../lib/schedules.js";
import { failure } from "../lib/states.js";
import { worker } from "../lib/work.js";
import { METHODS, SEED } from "./fields.js";
import { method, whole } from "./methods.js";
import { SIDE, placed, readDensity, readPoints, writeDensity, writePoints } from "./playground/code.js";
import { switches } from "./playground/mistakes.js";
import { numbers } from "./playground/numbers.js";
import { pad } from "./playground/pad.js";
import { LAYERS, stage } from "./playground/stage.js";

const PATH = "/api/playground";
const REST = 900; // milliseconds after the last stroke until it is taken for the drawing
const SHAPES = { "two-moons": "Two moons", spiral: "Spiral", rings: "Rings", "eight-gaussians": "Eight Gaussians", letters: "Letters" };
const FIRST = "two-moons";

export const title = "Draw points, and watch a network learn them";
export const summary =
  "The exact score of points in the plane is known. Draw some: a small network learns them in seconds, and its field, its flow and its samples stand beside the exact ones, with the distance between them.";

export const asks = true;

const DECLARED = {
  shape: {},
  points: { parse: (word) => (readPoints(word)?.length ? word : null) },
  density: { parse: (word) => (readDensity(word) ? word : null) },
  schedule: { otherwise: { name: "linear", settings: {} }, parse: parseSchedule, write: writeSchedule },
  predict: { kind: "segmented", label: "The network says the" },
  sampler: { kind: "select", label: "Sampler", options: METHODS },
  steps: { kind: "slider", label: "Steps" },
  spacing: { kind: "select", label: "Spacing of the steps" },
  spread: { kind: "slider", label: "Width of each point", step: 0.01, format: (value) => value.toFixed(2), hint: "0: the points alone, which the exact score leads back to.", when: ({ density }) => density === null },
  training: { kind: "number", field: "training_steps", label: "Training steps", hint: "Each of 256 points." },
  seed: SEED,
  mistake: {},
};

export function mount(root, { params, save }) {
  let stop = false;
  let timer = 0;
  const own = form(PATH, DECLARED, { params, save, change: (changes) => changed(changes) });
  const { settings } = own;
  if (!settings.shape && !settings.points && !settings.density) settings.shape = FIRST;

  const status = h("div", { class: "status" });
  const results = h("div", { class: "stack results" });
  const mistakes = h("div", { class: "wrongs" });
  const schedule = h("div");
  const sampler = h("p", { class: "hint" });
  const watching = stage({ layers: read(params.get("show")), at: params.has("at") ? whole(params.get("at"), 0, 2000, 0) : null, save });
  let mode = settings.density ? "density" : "points";
  let list = null;
  let needs = {}; // of the mistakes, by number

  // --- the drawing --------------------------------------------------------------------------------------------------------

  const drawing = pad({ drawing: drawn() ?? { points: [] }, onChange: (next) => take(next) });
  const count = h("p", { class: "hint", role: "status" });
  const empty = () => (mode === "density" ? { cells: Array(SIDE * SIDE).fill(0) } : { points: [] });
  const tool = segmented({
    label: "Draw",
    options: [{ value: "points", label: "Points" }, { value: "density", label: "Density" }],
    value: mode,
    onChange(value) {
      mode = value;
      drawing.replace(empty());
    },
  });
  const examples = Object.keys(SHAPES).map((name) => h("button", { type: "button", class: "chip", "aria-pressed": String(settings.shape === name), onclick: () => choose(name) }, SHAPES[name]));
  const tools = h("div", { class: "row" }, button({ label: "Undo", onClick: () => drawing.undo() }), button({ label: "Clear", onClick: () => drawing.replace(empty()) }));

  function drawn() {
    if (settings.density) return { cells: readDensity(settings.density) };
    return settings.points ? { points: readPoints(settings.points) } : null;
  }

  function tell() {
    const { shape, points, density } = settings;
    const now = points ? readPoints(points).length : 0;
    count.textContent = shape ? `${SHAPES[shape] ?? shape}: 400 points. Draw on it to add your own.` : density ? "A density, painted in cells." : now ? `${now} point${now === 1 ? "" : "s"}.` : "Nothing is drawn yet: press or drag on the square, or choose an example.";
    examples.forEach((each, i) => each.setAttribute("aria-pressed", String(Object.keys(SHAPES)[i] === shape)));
    train.disabled = !ready();
    if (!ready()) {
      watching.root.hidden = true;
      clear(results);
    }
    sampler.textContent = method(settings.sampler).about;
  }

  /** A stroke has ended: the drawing is in the address, and learned once nothing more comes. */
  function take({ points = null, cells = null }) {
    const dense = cells?.some((level) => level > 0);
    own.set({ shape: null, points: points?.length ? writePoints(points) : null, density: dense ? writeDensity(cells) : null });
    tool.set((mode = cells ? "density" : "points"));
  }

  async function choose(name) {
    own.set({ shape: name, points: null, density: null });
    tool.set((mode = "points"));
    await example();
  }

  async function example() {
    try {
      const { name, points } = await get(`/api/shapes/${encodeURIComponent(settings.shape)}`);
      if (!stop && settings.shape === name) drawing.show({ points: points.map((point) => point.map(placed)) });
    } catch (problem) {
      if (!stop) clear(status, failure(problem, example));
    }
  }

  // --- the work -----------------------------------------------------------------------------------------------------------

  const work = worker(status, {
    path: PATH,
    params,
    save,
    waiting: "Training on your drawing …",
    again: "Train and compare",
    body: () => request(settings),
    present(result, asked) {
      clear(status);
      if (JSON.stringify(asked) !== JSON.stringify(request(settings))) return; // meanwhile something else is wanted
      watching.show(result, settings.density ? readDensity(settings.density) : null);
      clear(results, numbers(result), h("div", { class: "row" }, button({ label: "Save everything", title: "Paths, fields, network and numbers, as the server sent them", onClick: () => saveData("playground.json", result) })));
      list?.found(result);
    },
  });
  const train = button({ label: "Train and compare", kind: "primary", onClick: () => run(work.start) });
  const show = callDialog(() => [["play", request(settings)]]);

  function ready() {
    return settings.shape || settings.points || settings.density;
  }

  /** work.start where a person pressed, work.resume where the page goes on by itself, and scrolls nowhere. */
  function run(begin) {
    clearTimeout(timer);
    if (ready()) begin();
  }

  function changed(changes) {
    if (settings.mistake && !("mistake" in changes) && !fits(settings.mistake)) {
      list.set(null);
      return own.set({ mistake: null }); // what it is a mistake in is no longer there
    }
    if (!("mistake" in changes)) list?.forget();
    tell();
    clearTimeout(timer);
    timer = setTimeout(() => run(work.resume), changes.points || changes.density ? REST : 250);
  }

  function fits(mistake) {
    const has = { prediction: settings.predict, schedule: settings.schedule.name, sampler: settings.sampler, spacing: settings.spacing };
    return Object.entries(needs[mistake] ?? {}).every(([name, value]) => has[name] === value);
  }

  // --- the mistakes -------------------------------------------------------------------------------------------------------

  about().then(
    ({ mistakes: known }) => {
      if (stop) return;
      needs = Object.fromEntries(known.map((each) => [each.number, each.needs]));
      list = switches({ known, taken: settings.mistake, onSwitch: made });
      clear(mistakes, list.root);
    },
    (problem) => !stop && clear(mistakes, failure(problem)),
  );

  /** Switches a mistake on, with the settings that it takes, where they can be seen to change. */
  function made(mistake) {
    const { prediction, schedule: name, ...others } = mistake?.needs ?? {};
    const changes = { ...others, ...(prediction ? { predict: prediction } : {}), ...(name ? { schedule: { name, settings: {} } } : {}) };
    for (const [field, value] of Object.entries(changes)) if (field !== "schedule") own[field].set(value);
    own.set({ ...changes, mistake: mistake?.number ?? null });
    if (name) schedules();
  }

  function schedules() {
    clear(schedule, scheduleControls({ schedule: settings.schedule, onChange: (next) => own.set({ schedule: next }) }));
  }
  schedules();
  tell();

  clear(
    root,
    h("div", { class: "board" },
      h("section", { class: "draw stack", "aria-label": "Drawing" }, drawing, count, tool, h("div", { class: "row chips", role: "group", "aria-label": "Examples" }, examples), h("div", { class: "spread" }, train, tools), status),
      h("div", { class: "stage" }, watching.root, results),
      h("div", { class: "controls settings" }, schedule, own.predict, h("div", { class: "field" }, own.sampler, sampler), own.steps, own.spread, more("More", own.spacing, own.training, own.seed), h("div", { class: "row" }, show)),
      mistakes),
  );
  if (settings.shape) example();
  run(work.resume);

  return () => {
    stop = true;
    clearTimeout(timer);
    work.close();
    watching.destroy();
    drawing.destroy();
  };
}

/** The request of these settings. */
function request({ shape, points, density, schedule, predict, sampler, steps, spacing, spread, training, seed, mistake }) {
  const cells = density && readDensity(density);
  const what = shape ? { shape } : cells ? { density: Array.from({ length: SIDE }, (_, i) => cells.slice(i * SIDE, (i + 1) * SIDE)) } : { points: readPoints(points ?? "") };
  const width = cells ? {} : { spread };
  return { ...what, ...width, schedule: { name: schedule.name, ...schedule.settings }, predict, sampler, steps, spacing, training_steps: training, ...(mistake ? { mistake } : {}), seed };
}

function read(word) {
  if (word === null) return ["field"];
  return word.split(",").filter((name) => LAYERS.some(([known]) => known === name));
}
