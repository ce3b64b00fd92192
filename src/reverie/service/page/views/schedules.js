// Noise schedules, any of them over each other, with the exact number of every curve at the step under the pointer.

import { h, clear } from "../lib/dom.js";
import { button, segmented, slider, term, toggle } from "../lib/controls.js";
import { busy, failure } from "../lib/states.js";
import { callDialog, composed } from "../lib/call.js";
import { csv, saveData } from "../lib/download.js";
import { sample } from "../lib/chart.js";
import { dash, hueIn, onTheme } from "../lib/palette.js";
import { fetchSchedule, nameOf, parseSchedule, scheduleControls, writeSchedule } from "../lib/schedules.js";
import { QUANTITIES, panels } from "./schedules/panels.js";

export const title = "Schedules: how fast the noise comes in";
export const summary =
  "A schedule says how much noise each step adds. Lay any of them over each other, and point at a curve: the table gives every one at that step, to the last digit.";

const MOST = 8; // as many as there are colours
const START = "linear;scaled_linear;cosine";

export function mount(root, { params, save }) {
  let curves = (params.get("curves") ?? START).split(";").slice(0, MOST).map((text) => ({ schedule: parseSchedule(text), tables: null, error: null }));
  let t = Number(params.get("t") ?? 300);
  let logarithmic = params.get("log") !== "0";
  let axis = params.get("axis") === "share" ? "share" : "t";
  let turn = 0;

  const keep = () => save({ curves: curves.map(({ schedule }) => writeSchedule(schedule)).join(";") });
  const longest = () => Math.max(1, ...curves.map(({ tables }) => (tables ? tables.t.length - 1 : 1)));

  // --- the numbers at t ------------------------------------------------------------------------------------------------------

  const body = h("tbody");
  const reading = h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Every curve at this step" },
    h(
      "table",
      { class: "exact" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "schedule"), QUANTITIES.map(({ name, explanation }) => h("th", { scope: "col", class: "number" }, term(name, explanation))))),
      body,
    ),
  );
  const at = slider({
    label: "Step t",
    min: 0,
    max: 1000,
    value: t,
    hint: "Point at a chart, or use the arrow keys here.",
    onInput: (value) => show(value),
  });
  const own = (tables) => (axis === "share" ? Math.round((t * (tables.t.length - 1)) / longest()) : t);
  const write = () => {
    clear(
      body,
      curves.map(({ schedule, tables }, i) => {
        const step = tables ? own(tables) : null;
        const inside = tables && step < tables.t.length;
        return h(
          "tr",
          null,
          h("th", { scope: "row" }, stroke(i), nameOf(schedule), axis === "share" && tables ? `, t = ${step}` : ""),
          QUANTITIES.map(({ key }) => h("td", { class: "number" }, inside ? exact(tables[key][step], key) : "–")),
        );
      }),
    );
  };
  let painting = 0;
  const show = (value, { slide = false } = {}) => {
    t = Math.min(Math.max(0, Math.round(value)), longest());
    if (slide) at.set(t);
    save({ t });
    painting ||= requestAnimationFrame(() => {
      painting = 0;
      write();
      charts.point(t);
    });
  };

  // --- charts ---------------------------------------------------------------------------------------------------------------------

  const charts = panels((value) => show(value, { slide: true }));
  const state = h("div");
  const notices = h("div", { class: "stack" });
  const refresh = async () => {
    const mine = (turn += 1);
    if (curves.every(({ tables }) => !tables)) clear(state, busy("Fetching the curves"));
    await Promise.all(
      curves.map(async (curve) => {
        try {
          curve.tables = await fetchSchedule(curve.schedule);
          curve.error = null;
        } catch (error) {
          Object.assign(curve, { tables: null, error });
        }
      }),
    );
    if (mine !== turn) return;
    const failed = curves.find(({ error, tables }) => error && !tables);
    clear(state, failed ? failure({ ...failed.error, title: nameOf(failed.schedule), detail: failed.error.message }, refresh) : null);
    clear(notices, curves.filter(({ tables }) => tables?.warning).map(({ schedule, tables }) => h("p", { class: "notice warn" }, h("span", { class: "strong" }, `${nameOf(schedule)}: `), tables.warning)));
    at.range(0, longest());
    t = Math.min(t, longest());
    at.set(t);
    write();
    charts.draw(curves, { axis, logarithmic, longest: longest() });
    charts.point(t);
  };

  // --- the list of curves -----------------------------------------------------------------------------------------------------------

  const list = h("div", { class: "stack tight" });
  const arrange = (opened = -1) => {
    clear(list, curves.map((curve, i) => entry(curve, i, i === opened)));
    add.disabled = curves.length >= MOST;
  };
  const entry = (curve, i, open) => {
    const name = h("span", null, nameOf(curve.schedule));
    const lines = h("pre", { class: "code", tabindex: "0", "aria-label": "The same curve elsewhere" });
    const tell = async () => {
      if (!details.open) return;
      const { python, command } = await composed(...callOf(curve.schedule, t));
      lines.textContent = [python, command].filter(Boolean).join("\n\n");
    };
    const changed = (schedule) => {
      Object.assign(curve, { schedule });
      name.textContent = nameOf(schedule);
      tell();
      keep();
      refresh();
    };
    const drop = button({
      label: "Remove",
      onClick: () => {
        curves = curves.filter((each) => each !== curve);
        keep();
        arrange();
        refresh();
        add.focus();
      },
      disabled: curves.length === 1,
    });
    const details = h("details", { class: "curve" }, h("summary", null, stroke(i), name), h("div", { class: "stack" }, scheduleControls({ schedule: curve.schedule, onChange: changed, open: true }), h("p", { class: "hint" }, "The same curve in Python and on the command line:"), lines, drop));
    details.addEventListener("toggle", tell);
    details.open = open;
    return details;
  };
  const add = button({
    label: "Add a schedule",
    onClick: () => {
      curves.push({ schedule: { name: "cosine", settings: { steps: 500 } }, tables: null, error: null });
      keep();
      arrange(curves.length - 1);
      refresh();
    },
  });

  // --- the rest ------------------------------------------------------------------------------------------------------------------------

  const look = [
    segmented({
      label: "Horizontal axis",
      options: [
        { value: "t", label: "t" },
        { value: "share", label: "t / T" },
      ],
      value: axis,
      onChange: (value) => {
        axis = value;
        save({ axis: value === "share" ? value : null });
        refresh();
      },
    }),
    toggle({
      label: "Logarithmic variances",
      value: logarithmic,
      hint: "For beta and the posterior variance, which span many powers of ten.",
      onChange: (on) => {
        logarithmic = on;
        save({ log: on ? null : 0 });
        refresh();
      },
    }),
  ];
  const rows = () =>
    curves.flatMap(({ schedule, tables }) => (tables ? tables.t.map((step) => [nameOf(schedule), step, ...QUANTITIES.map(({ key }) => tables[key][step])]) : []));
  root.append(
    h(
      "div",
      { class: "split" },
      h("div", { class: "controls" }, h("h2", null, "Curves"), list, add, h("hr", { class: "rule" }), look),
      h(
        "div",
        { class: "stage" },
        notices,
        h("div", { class: "stack" }, at, reading),
        state,
        charts.element,
        h(
          "div",
          { class: "row" },
          callDialog(() => curves.map(({ schedule }) => callOf(schedule, t))),
          button({ label: "Save all numbers", onClick: () => saveData("schedules.csv", csv(["schedule", "t", ...QUANTITIES.map(({ key }) => key)], rows())) }),
          button({ label: "Save the picture", onClick: () => charts.save() }),
        ),
      ),
    ),
  );
  arrange();
  write();
  refresh();
  const unwatch = onTheme(() => arrange());
  return () => {
    turn += 1;
    unwatch();
    cancelAnimationFrame(painting);
  };
}

/** A short piece of the line of curve number i. */
function stroke(i) {
  return sample({ colour: hueIn(i), dash: dash(i) });
}

/** Every digit that the number has; null is infinite, and its sign follows from the quantity. */
function exact(value, key) {
  return value === null ? (key === "log_snr" ? "infinite" : "–") : String(value);
}

/** The operation that gives a curve, and its request. */
function callOf({ name, settings }, t) {
  return ["get_schedule", { name, ...settings, t }];
}
