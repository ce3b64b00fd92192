// A small reader of CSV, for choosing a patient and drawing what the browser has at hand. The server reads files itself.

import { Problem, bytes, path } from "../../lib/api.js";

const LARGEST = 8_000_000; // bytes that a browser reads without pause

/** {columns, rows} of the text, cells as text, empty ones null. Quotes may hold commas, line ends and doubled quotes. */
export function parse(text) {
  const rows = [[]];
  let cell = "";
  let quoted = false;
  const source = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  const mark = [",", "\t", ";"].reduce((a, b) => (count(source, b) > count(source, a) ? b : a));
  for (let i = 0; i < source.length; i += 1) {
    const letter = source[i];
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (source[i + 1] === '"') cell += source[(i += 1)];
      else quoted = false;
    } else if (letter === '"' && cell === "") quoted = true;
    else if (letter === mark || letter === "\n") {
      rows.at(-1).push(cell === "" ? null : cell);
      cell = "";
      if (letter === "\n") rows.push([]);
    } else cell += letter;
  }
  rows.at(-1).push(cell === "" ? null : cell);
  const [columns = [], ...body] = rows.filter((row) => row.length > 1 || row[0] !== null);
  return { columns: columns.map((name) => name ?? ""), rows: body.map((row) => columns.map((_, j) => row[j] ?? null)) };
}

/** The rows of a table by its name: "pbc2", which is bundled, or a CSV file of the workspace. */
export async function rowsOf(name, signal) {
  if (!/^[^.]+$|\.csv$/i.test(name)) {
    throw new Problem({ title: "Not readable here", detail: `The browser reads .csv files alone, and ${name} is none: save it as CSV to look into it here. The server reads it all the same.` });
  }
  const data = await bytes(address(name), { signal });
  if (data.byteLength > LARGEST) throw new Problem({ title: "Too large to look into", detail: `${name} has more than ${LARGEST / 1e6} MB: paste the rows of one patient instead.` });
  return parse(new TextDecoder().decode(data));
}

/** Where a table is to be had: the bundled ones have no suffix. */
export function address(name) {
  return name.includes(".") ? `/api/files/${path(name)}` : `/api/tables/${encodeURIComponent(name)}`;
}

function count(text, mark) {
  return text.split("\n", 1)[0].split(mark).length;
}
