// A drawing as a short word of an address, and back.
//   points   four letters each: x and y as numbers of 0 .. 4095 over the frame
//   density  its cells from the upper left, in runs: a letter for the level 0 .. 9, one for how often it comes (1 .. 64)

export const FRAME = 2.5; // all lies in -FRAME .. FRAME
export const SIDE = 24; // cells along a side of a density
export const TOP = 9; // the highest level of a cell
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const FINEST = 4095;

/** A coordinate brought to where the address can say it, inside the frame. */
export function placed(value) {
  return unit(Math.min(FINEST, Math.max(0, Math.round(((value + FRAME) / (2 * FRAME)) * FINEST))));
}

export function writePoints(points) {
  return points.flat().map((value) => pair(Math.round(((value + FRAME) / (2 * FRAME)) * FINEST))).join("");
}

/** [[x, y], ...]; null for what is no such word. */
export function readPoints(word) {
  if (word.length % 4 || /[^\w-]/.test(word)) return null;
  const numbers = word.match(/../g)?.map((two) => unit(64 * LETTERS.indexOf(two[0]) + LETTERS.indexOf(two[1]))) ?? [];
  return numbers.flatMap((x, i) => (i % 2 ? [] : [[x, numbers[i + 1]]]));
}

export function writeDensity(cells) {
  let word = "";
  for (let i = 0; i < cells.length; ) {
    let end = i + 1;
    while (end < cells.length && end - i < 64 && cells[end] === cells[i]) end += 1;
    word += LETTERS[cells[i]] + LETTERS[end - i - 1];
    i = end;
  }
  return word;
}

/** SIDE x SIDE levels; null for what is no such word. */
export function readDensity(word) {
  if (word.length % 2 || /[^\w-]/.test(word)) return null;
  const cells = (word.match(/../g) ?? []).flatMap(([level, times]) => Array(LETTERS.indexOf(times) + 1).fill(LETTERS.indexOf(level)));
  return cells.length === SIDE * SIDE && cells.every((level) => level <= TOP) ? cells : null;
}

function unit(step) {
  return Number(((step / FINEST) * 2 * FRAME - FRAME).toFixed(3));
}

function pair(step) {
  return LETTERS[step >> 6] + LETTERS[step & 63];
}
