// What a column holds, in a few words; dates are kept as days or seconds since 1970.

/** Levels, or the range seen and, in brackets, the bounds that hold. */
export function values(column) {
  const { levels = [], kind } = column;
  if (levels.length) {
    const few = levels.length > 5 ? levels.slice(0, 4) : levels;
    const joiner = kind === "ordinal" ? " < " : ", ";
    return few.join(joiner) + (few.length < levels.length ? `${joiner}… (${levels.length})` : "");
  }
  if (kind === "constant") return `always ${column.value}`;
  if (column.lowest === null || column.lowest === undefined) return "–";
  const seen = `${shown(column, column.lowest)} to ${shown(column, column.highest)}`;
  const { lower, upper } = column;
  const known = (bound) => bound !== null && bound !== undefined;
  if (known(lower) && known(upper)) return `${seen} (between ${shown(column, lower)} and ${shown(column, upper)})`;
  if (known(lower)) return `${seen} (≥ ${shown(column, lower)})`;
  return known(upper) ? `${seen} (≤ ${shown(column, upper)})` : seen;
}

function shown({ kind, decimals }, value) {
  if (kind === "date") return new Date(value * 86_400_000).toISOString().slice(0, 10);
  if (kind === "datetime") return new Date(value * 1000).toISOString().slice(0, 16).replace("T", " ");
  return typeof decimals === "number" ? value.toFixed(decimals) : String(Number(value.toPrecision(4)));
}

/** Whether the model learns the column. */
export function modelled({ role, kind }) {
  return ["static", "varying"].includes(role) && !["constant", "empty", "number", "text"].includes(kind);
}

/** Whether its values are numbers on a scale. */
export function numeric({ kind }) {
  return ["real", "integer", "date", "datetime"].includes(kind);
}

/** A cell's text as the number it stands for: dates as days, date-times as seconds; NaN where it is none. */
export function numberOf({ kind }, text) {
  if (text === null || text === undefined || text === "") return Number.NaN;
  if (kind === "date") return Date.parse(text) / 86_400_000;
  if (kind === "datetime") return Date.parse(text) / 1000;
  return Number(text);
}
