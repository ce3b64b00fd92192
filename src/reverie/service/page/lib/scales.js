// Scales of axes: from values to pixels, with ticks at round places.

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const DAY = 86_400_000;
const FAR = 30; // so many times the lower end is the upper end of numbers that want a logarithmic axis

/** A number to six significant digits. */
export function figure(value) {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1e6 || size < 1e-4 ? value.toExponential(4) : String(Number(value.toPrecision(6)));
}

/** How many times the smallest of some numbers is the largest; 0 where not all are above 0. */
export function reach(values) {
  const known = values.filter(Number.isFinite);
  const [low, high] = [known.reduce((a, b) => Math.min(a, b), Infinity), known.reduce((a, b) => Math.max(a, b), -Infinity)];
  return low > 0 ? high / low : 0;
}

/** From this reach on an axis may be logarithmic. */
export const WIDE = 5;

/** Whether numbers are read better on a logarithmic axis: they reach far, and most of them lie near the lower end. */
export function skewed(values) {
  const known = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (known.length < 3 || known[0] <= 0) return false;
  const at = (share) => known[Math.round(share * (known.length - 1))];
  const [low, middle, high] = [at(0.02), at(0.5), at(0.98)];
  return high / low >= FAR && high - middle > 3 * (middle - low);
}

/** Round steps between two numbers, about `many` of them. */
export function rounds(from, to, many) {
  const rough = (to - from || 1) / Math.max(1, many);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= 0.999 * rough);
  const found = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + 1e-9 * step; i += 1) found.push(Number((i * step).toPrecision(12)));
  return found;
}

/**
 * The scale of an axis over `values` and from pixel `start` to pixel `end`:
 *   {at(value): pixel, NaN where it has none, ticks: [{value, text}], say(value): text, width: pixels of a category}
 * axis: {log (0 and less have no place), calendar (days since 1970), categories (their names), range, zero (it begins there), percent, pad (share of the
 * range that is left free)}; every: pixels that a tick wants.
 */
export function scale(axis, values, start, end, every) {
  if (axis.categories) return categorical(axis.categories, start, end);
  const known = values.filter((value) => Number.isFinite(value) && (!axis.log || value > 0)).map(axis.log ? Math.log10 : Number);
  let [low, high] = axis.range ?? (known.length ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))] : [0, 1]);
  const zero = axis.zero && !axis.log; // which has none
  if (zero) low = Math.min(0, low);
  if (low === high) [low, high] = zero ? [low, low + 1] : [low - 0.5, high + 0.5];
  const free = axis.range ? 0 : (axis.pad ?? 0) * (high - low);
  if (!zero || low < 0) low -= free;
  high += free;
  const at = (value) => start + (((axis.log ? (value > 0 ? Math.log10(value) : Number.NaN) : value) - low) / (high - low)) * (end - start);
  const say = axis.calendar ? (value) => new Date(value * DAY).toISOString().slice(0, 10) : axis.percent ? (value) => `${Number((100 * value).toPrecision(3))} %` : figure;
  const many = Math.abs(end - start) / every;
  const places = axis.log ? decades(low, high, many) : axis.calendar ? dates(low, high, many) : rounds(Math.min(low, high), Math.max(low, high), many).map((value) => ({ value, text: say(value).replace(/^-/, "−") }));
  return { at, ticks: places, say };
}

function categorical(names, start, end) {
  const width = (end - start) / (names.length || 1);
  const at = (name) => start + (names.indexOf(name) + 0.5) * width;
  return { at, width, ticks: names.map((value) => ({ value, text: String(value) })), say: String };
}

/** Powers of ten, or 1, 2 and 5 times them where there are few; round steps where all of it is within one. */
function decades(low, high, many) {
  const factors = high - low < 2 || many >= 3 * (high - low) ? [1, 2, 5] : [1];
  const step = Math.max(1, Math.ceil((high - low) / many));
  if (high - low < 0.6) return rounds(10 ** low, 10 ** high, many).map((value) => ({ value, text: figure(value) }));
  const found = [];
  for (let power = Math.floor(low); power <= high; power += 1) {
    if (power % step !== 0) continue;
    for (const factor of factors) {
      const value = factor * 10 ** power;
      if (Math.log10(value) >= low - 1e-9 && Math.log10(value) <= high + 1e-9) found.push({ value, text: power >= -3 && power <= 3 ? figure(value) : factor === 1 ? raised(power) : `${factor}·${raised(power)}` });
    }
  }
  return found;
}

function raised(power) {
  return `10${power < 0 ? "⁻" : ""}${[...String(Math.abs(power))].map((digit) => SUPERSCRIPTS[digit]).join("")}`;
}

/** Years, months or days, whichever are as many as fit. */
function dates(low, high, many) {
  const texts = (value) => new Date(value * DAY).toISOString();
  if (high - low < 60 * many) return rounds(low, high, many).filter(Number.isInteger).map((value) => ({ value, text: texts(value).slice(0, 10) }));
  const months = Math.max(1, Math.ceil((high - low) / 30 / many));
  const step = [1, 3, 6, 12, 24, 60, 120, 240].find((each) => each >= months) ?? 600;
  const found = [];
  const first = new Date(low * DAY);
  for (let month = Math.ceil((12 * first.getUTCFullYear() + first.getUTCMonth()) / step) * step; ; month += step) {
    const value = Date.UTC(Math.floor(month / 12), month % 12) / DAY;
    if (value > high) return found;
    if (value >= low) found.push({ value, text: texts(value).slice(0, step % 12 ? 7 : 4) });
  }
}
