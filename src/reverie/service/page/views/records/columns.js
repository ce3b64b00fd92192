// What the server says of a column, in the terms of the page. Calendar values are days since 1970.

const DAY = 86_400_000;

/** Levels, or the range seen and, in brackets, the bounds that hold. */
export function values(column) {
  return column.range === "-" ? "–" : column.range;
}

/** A cell's text as the number it stands for; NaN where it is none. */
export function numberOf({ calendar }, text) {
  if (text === null || text === undefined || text === "") return Number.NaN;
  return calendar ? Date.parse(text) / DAY : Number(text);
}

/** Numbers as an axis takes them: calendar values as dates, with their time of day where they have one. */
export function onAxis({ calendar }, numbers) {
  if (!calendar) return numbers;
  const days = numbers.every((number) => Number.isInteger(number));
  return numbers.map((number) => new Date(number * DAY).toISOString().slice(0, days ? 10 : 19));
}
