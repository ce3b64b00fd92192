// The server's sentences in the words of this page. They write a field of the request in backquotes, `time`, or with a value for it,
// `null_values=-9`: here that is the label of its control.

const LABELS = {
  id: "Column that says whose visit a row is",
  time: "Column that says when it was",
  long: "Where a row is one test: its name, its value",
  duplicates: "Two rows of one patient at one time",
  null_values: "Texts that mean missing",
  kinds: "kind",
  date_formats: "form of the date",
  out: "Name of the run",
  folder: "Folder",
  source: "Table",
  settings: "Settings",
  forecast: "Further visits",
  columns: "Columns to fill",
  where: "Conditions",
  given: "Patients given",
  count: "How many",
  seed: "Seed",
  model: "Model",
  runs: "Run",
  holdout: "Real patients held out",
  synthetic: "Synthetic patients",
  overwrite: "Replace what is there",
  factor: "Factor",
  blur: "Blur",
  method: "Method",
  mask: "Hole",
  soft: "With soft edges",
  own_size: "At the picture's own size",
  sampler: "Sampler",
  steps: "Steps",
  repeats: "Times each step is done",
  schedule: "Noise levels",
  conditions: "Table that tells their attributes",
  recipe: "Recipe",
};
const FIELD = /`([a-z]\w*)(?:=([^`]*))?`/g;

/** A sentence with labels in place of the fields in backquotes; what is no text stays as it is. */
export function said(text) {
  return typeof text === "string" ? text.replace(FIELD, (_, field, value) => `“${LABELS[field] ?? field}${value === undefined ? "" : `: ${value}`}”`) : text;
}

/** The fields that a sentence speaks of. */
export function fieldsOf(text) {
  return [...String(text ?? "").matchAll(FIELD)].map(([, field]) => field);
}
