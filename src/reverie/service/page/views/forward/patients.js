// Which table, and which of its patients.

import { h } from "../../lib/dom.js";
import { get } from "../../lib/api.js";
import { select } from "../../lib/controls.js";

export const BUNDLED = "pbc2";

/** The path of the call for a patient's series; without a patient, the table's first. */
export function seriesPath({ table, patient }) {
  const query = new URLSearchParams({ table, ...(patient === null ? {} : { patient }) });
  return `/api/series?${query}`;
}

/** Two drop-downs; offer(patients, chosen) fills the second once the server has named them. after: a promise to wait for before
 *  it is asked which tables there are. */
export function patientControls({ table, patient, onChange, after = null }) {
  let now = { table, patient };
  const tables = select({
    label: "Table",
    options: [...new Set([BUNDLED, table])],
    value: table,
    hint: "pbc2 is bundled: visits of 312 patients with a liver disease. Tables of the workspace are here as well. Each column is shown in deviations from its mean over all patients.",
    onChange: (name) => {
      now = { table: name, patient: null };
      onChange(now);
    },
  });
  const people = select({
    label: "Patient",
    options: patient === null ? [] : [patient],
    value: patient,
    onChange: (name) => {
      now = { ...now, patient: name };
      onChange(now);
    },
  });
  Promise.resolve(after).then(() => get("/api/files")).then(
    ({ files }) => {
      const own = files.map(({ name }) => name).filter((name) => /\.(csv|csv\.gz|parquet)$/.test(name));
      tables.options([...new Set([BUNDLED, ...own, now.table])]);
      tables.input.value = now.table;
    },
    () => {}, // the bundled table is always there
  );
  const offer = (names, chosen) => {
    now = { ...now, patient: chosen };
    people.options(names);
    people.input.value = chosen;
  };
  return Object.assign(h("div", { class: "stack" }, tables, people), { offer });
}
