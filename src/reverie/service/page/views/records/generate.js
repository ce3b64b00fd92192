// Generate: new patients with the properties that are asked for, a look at them, and the file.

import { h, clear } from "../../lib/dom.js";
import { bytes } from "../../lib/api.js";
import { callDialog } from "../../lib/call.js";
import { more } from "../../lib/controls.js";
import { form } from "../../lib/form.js";
import { busy, failure } from "../../lib/states.js";
import { tableOf } from "../../lib/table.js";
import { worker } from "../../lib/work.js";
import { beside } from "./beside.js";
import { conditions } from "./condition.js";
import { parse, rowsOf } from "./csv.js";
import { escaped, unescaped } from "./sheet.js";
import { SEED } from "../fields.js";
import { source } from "./source.js";
import { chooser, columnsOf, facts, files, trainOne } from "../models.js";

const PATH = "/api/samples";
const SHOWN = 50;
const READABLE = 8_000_000;

const DECLARED = {
  model: {},
  given: {},
  count: { kind: "number", label: "How many patients", at: "patients", otherwise: 100, when: ({ given }) => !given },
  where: { parse: (text) => text.split(",").filter(Boolean).map(unescaped), write: (list) => list.map(escaped).join(","), otherwise: [] },
  guidance: { kind: "number", label: "Guidance", step: 0.1, otherwise: 1, hint: "How strongly the visits follow the conditions: 1 as learned." },
  seed: { ...SEED, hint: "The same seed gives the same patients." },
};

export function mount(root, { params, save, go }) {
  let about = { columns: [], source: null };
  const place = h("div", { class: "stage" });
  const own = form(PATH, DECLARED, { params, save });
  const { settings } = own;
  const statics = () => about.columns.filter((column) => column.role === "static" && column.modelled);
  const wishes = conditions(own, statics);
  const body = async () => ({ model: settings.model, ...(settings.given ? { given: settings.given, ...(await counted(settings.given)) } : { count: settings.count }), seed: settings.seed, ...(settings.where.length ? { where: settings.where } : {}), ...(settings.guidance === 1 ? {} : { guidance: settings.guidance }) });
  const work = worker(place, { path: PATH, waiting: "Drawing patients …", label: "Generate", body, present, fit: wishes.check, params, save, hear: (_, wait) => ({ onSay: wait.say }) });
  const model = chooser({ kind: "records", value: settings.model, onChange: (name) => choose(name), onError: (problem) => clear(place, failure(problem)) });
  const given = source({
    label: "Patients given",
    value: settings.given ?? "",
    bundled: false,
    extra: [{ value: "", label: "none: the model draws them" }],
    hint: "a row for each patient to make, with some of the static columns",
    onChange: (name) => own.set({ given: name || null }),
  });
  const show = callDialog(async () => [["sample", await body()]]);
  clear(
    root,
    h("div", { class: "split" },
      h("div", { class: "controls" }, model, wishes.root, own.count, own.seed, settings.given ? given : more("Patients whose statics you know", given), more("More", own.guidance), h("div", { class: "row" }, work.button, show)),
      place));
  clear(place, busy("Looking for models …"));
  return work.close;

  async function choose(name) {
    if (!work.alive()) return;
    own.set({ model: name || null });
    wishes.shut((work.button.disabled = !settings.model));
    wishes.clear();
    if (!settings.model) return clear(place, trainOne(go));
    try {
      about = await columnsOf(settings.model);
    } catch (problem) {
      wishes.shut((work.button.disabled = true));
      if (work.alive()) clear(place, failure(problem, () => choose(name)));
      return;
    }
    if (!work.alive()) return;
    wishes.show();
    work.ready("Say what the patients must be, or nothing, and generate. An equality is given to the model, which draws the rest to go with it; anything else is met by drawing again.");
  }

  async function present(result, request, stays) {
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
    if (!stays()) return;
    clear(comparison, beside({ real, synthetic, columns: about.columns, value: params.get("column"), onChange: (name) => save({ column: name }) }));
  }
}

/** How many patients a table gives, where the browser can tell: few are made without waiting for a training. */
async function counted(name) {
  try {
    return { count: (await rowsOf(name)).rows.length };
  } catch {
    return {};
  }
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
