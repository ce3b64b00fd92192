// Generate: new patients with the properties that are asked for, a look at them, and the file.

import { h, clear } from "../../lib/dom.js";
import { job, bytes } from "../../lib/api.js";
import { callDialog, curl, quoted } from "../../lib/call.js";
import { button, more, number } from "../../lib/controls.js";
import { tableOf } from "../../lib/chart.js";
import { busy, empty, failure } from "../../lib/states.js";
import { whole } from "../methods.js";
import { beside } from "./beside.js";
import { condition, parsed } from "./condition.js";
import { parse, rowsOf } from "./csv.js";
import { escaped, unescaped } from "./sheet.js";
import { chooser, columnsOf, facts, files } from "../models.js";

const PATH = "/api/samples";
const SHOWN = 50;
const READABLE = 8_000_000;

export function mount(root, { params, save, go }) {
  const settings = { model: params.get("model"), count: whole(params.get("patients"), 1, 100_000, 100), seed: whole(params.get("seed"), 0, 2 ** 31 - 1, 0), guidance: Number(params.get("guidance") ?? 1) || 1 };
  let where = (params.get("where") ?? "").split(",").filter(Boolean).map(unescaped);
  let about = { columns: [], source: null };
  let work = null;
  let drawn = null;
  let open = true;
  const place = h("div", { class: "stage" });
  const list = h("div", { class: "stack" });
  const set = (key, name = key) => (value) => {
    settings[key] = value;
    save({ [name]: value });
  };
  const body = () => ({ model: settings.model, count: settings.count, seed: settings.seed, ...(where.length ? { where } : {}), ...(settings.guidance === 1 ? {} : { guidance: settings.guidance }) });

  const collect = () => {
    where = [...list.children].map((each) => each.text).filter(Boolean);
    save({ where: where.map(escaped).join(",") });
  };
  const statics = () => about.columns.filter((column) => column.role === "static" && column.modelled);
  const add = (start) => {
    let made = false;
    const row = condition(statics(), start, {
      onChange: () => made && collect(),
      onRemove: (each) => {
        each.remove();
        collect();
      },
    });
    made = true;
    list.append(row);
  };
  const plus = button({
    label: "Add a condition",
    disabled: true,
    onClick: () => {
      add({});
      collect();
    },
  });
  const run = button({ label: "Generate", kind: "primary", disabled: true, onClick: () => start() });
  const model = chooser({ kind: "records", value: settings.model, onChange: (name) => choose(name), onError: (problem) => clear(place, failure(problem)) });
  const show = callDialog({ curl: () => curl(PATH, body()), cli: () => command(body()), python: () => python(body()) });
  clear(
    root,
    h("div", { class: "split" },
      h("div", { class: "controls" },
        model,
        h("fieldset", { class: "checks" }, h("legend", null, "What they must be"), list, h("div", { class: "row" }, plus)),
        number({ label: "How many patients", min: 1, max: 100_000, value: settings.count, onChange: set("count", "patients") }),
        number({ label: "Seed", min: 0, max: 2 ** 31 - 1, value: settings.seed, onChange: set("seed"), hint: "The same seed gives the same patients." }),
        more("More", number({ label: "Guidance", min: 0, max: 10, step: 0.1, value: settings.guidance, onChange: set("guidance"), hint: "How strongly the visits follow the conditions: 1 as learned." })),
        h("div", { class: "row" }, run, show)),
      place));

  async function choose(name) {
    if (!open) return;
    settings.model = name || null;
    run.disabled = plus.disabled = !settings.model;
    clear(list);
    if (!settings.model) return clear(place, empty("There is no trained model of records in the workspace yet.", button({ label: "Train one", kind: "primary", onClick: () => go("train", {}) })));
    save({ model: settings.model });
    try {
      about = await columnsOf(settings.model);
    } catch (problem) {
      run.disabled = plus.disabled = true;
      if (open) clear(place, failure(problem, () => choose(name)));
      return;
    }
    if (!open) return;
    plus.disabled = statics().length === 0;
    for (const text of where) if (statics().some((column) => column.name === parsed(text)?.column)) add(parsed(text));
    if (params.has("run")) start();
    else clear(place, empty("Say what the patients must be, or nothing, and generate. An equality is given to the model, which draws the rest to go with it; anything else is met by drawing again."));
  }

  async function start() {
    work?.abort();
    drawn?.destroy();
    drawn = null;
    const mine = (work = new AbortController());
    const wait = busy("Drawing patients …", { onCancel: () => mine.abort() });
    clear(place, wait);
    save({ run: 1 });
    try {
      const result = await job(PATH, body(), { signal: mine.signal, ...wait.hear, onSay: wait.say });
      if (!open || work !== mine) return;
      await present(result);
    } catch (problem) {
      if (!open || work !== mine) return;
      clear(place, problem.name === "AbortError" ? empty("Stopped. Nothing is computing any more.") : failure(problem, start));
    }
  }

  async function present(result) {
    const { columns, rows } = result.preview;
    const comparison = h("div", null, h("p", { class: "hint" }, "Drawing real beside synthetic …"));
    clear(
      place,
      facts(result.summary),
      h("div", { class: "row" }, files(result.files)),
      h("div", { class: "stack" }, h("h2", null, "The first rows"), h("div", { class: "preview", tabindex: "0", role: "region", "aria-label": "The first rows" }, tableOf({ columns, rows: rows.slice(0, SHOWN) }))),
      comparison,
    );
    const [real, synthetic] = await Promise.all([realRows(about.source), allRows(result)]);
    if (!open) return;
    drawn = beside({ real, synthetic, columns: about.columns, value: params.get("column"), onChange: (name) => save({ column: name }) });
    clear(comparison, drawn);
  }

  clear(place, busy("Looking for models …"));
  return () => {
    open = false;
    work?.abort();
    drawn?.destroy();
  };
}

/** The table that the model was trained on, where the browser can read it; else null. */
async function realRows(source) {
  try {
    return source ? await rowsOf(source) : null;
  } catch {
    return null;
  }
}

/** All rows that were made, where they are not too many for the browser; else those of the preview. */
async function allRows({ files: list, preview }) {
  const table = (list ?? []).find(({ name }) => name.endsWith(".csv"));
  try {
    if (table && table.bytes < READABLE) return parse(new TextDecoder().decode(await bytes(table.href)));
  } catch {
    // the preview is there in any case
  }
  return preview;
}

// --- the same without the page ---------------------------------------------------------------------------------------------

function command({ model, count, seed, where = [], guidance }) {
  if (!model) return null;
  const rest = [...where.map((each) => `--where ${quoted(each)}`), guidance && `--guidance ${guidance}`].filter(Boolean);
  return ["reverie sample", quoted(model), `--count ${count} --seed ${seed}`, ...rest, "--out patients.csv"].join(" ");
}

function python({ model, count, seed, where, guidance }) {
  if (!model) return null;
  const rest = [where && `where=${JSON.stringify(where)}`, guidance && `guidance=${guidance}`].filter(Boolean);
  return `import reverie\n\nmodel = reverie.load(${JSON.stringify(model)})\npatients = model.sample(${[count, `seed=${seed}`, ...rest].join(", ")})\npatients.write_csv("patients.csv")\n`;
}
