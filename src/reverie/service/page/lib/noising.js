// The forward process on numbers that are here already: x_t = signal x_0 + noise eps, and what the values then look like.

export const BINS = 80;
export const EDGE = 4; // the histogram covers [-4, 4]
const WIDTH = (2 * EDGE) / BINS;

/**
 * Everything about one x_0 and one noise. at(signal, noise) fills x, counts, mean and deviation in one pass over the values;
 * expected(signal, noise) gives the share of values that theory puts in each bin:
 *   q(x_t) over the values = average over i of N(signal x_0[i], noise^2)
 */
export function noising(x_0, eps) {
  const x = new Float32Array(x_0.length);
  const counts = new Float64Array(BINS);
  const shares = new Float64Array(BINS);
  const count = x_0.length;
  const clean = moments(x_0);
  const levels = levelsOf(x_0);
  return {
    x,
    clean,
    counts,
    at(signal, noise) {
      counts.fill(0);
      let sum = 0;
      let squares = 0;
      for (let i = 0; i < count; i += 1) {
        const value = signal * x_0[i] + noise * eps[i];
        x[i] = value;
        sum += value;
        squares += value * value;
        const bin = Math.floor((value + EDGE) / WIDTH);
        if (bin >= 0 && bin < BINS) counts[bin] += 1;
      }
      const mean = sum / count;
      return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
    },
    theory(signal, noise) {
      return { mean: signal * clean.mean, deviation: Math.sqrt(signal ** 2 * clean.variance + noise ** 2) };
    },
    expected(signal, noise) {
      shares.fill(0);
      for (const [value, weight] of levels) spread(shares, signal * value, noise, weight);
      return shares;
    },
  };
}

/** Mean, variance and power (mean square) of values. */
export function moments(values) {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  return { mean, power: squares / values.length, variance: Math.max(0, squares / values.length - mean * mean) };
}

/** SNR in dB of data of this power, or null where it is infinite. */
export function decibels(alphaBar, power) {
  const signal = alphaBar * power;
  return signal > 0 && alphaBar < 1 ? 10 * Math.log10(signal / (1 - alphaBar)) : null;
}

/** Distinct values with their weights: an 8-bit picture has at most 256, so its theory costs the same at any size. */
function levelsOf(values) {
  const found = new Map();
  for (const value of values) found.set(value, (found.get(value) ?? 0) + 1);
  return Array.from(found, ([value, times]) => [value, times / values.length]);
}

function spread(shares, mean, deviation, weight) {
  if (deviation < 1e-6) {
    const bin = Math.floor((mean + EDGE) / WIDTH);
    if (bin >= 0 && bin < BINS) shares[bin] += weight;
    return;
  }
  const reach = 5 * deviation;
  const first = Math.max(0, Math.floor((mean - reach + EDGE) / WIDTH));
  const last = Math.min(BINS - 1, Math.floor((mean + reach + EDGE) / WIDTH));
  let below = cumulative((first * WIDTH - EDGE - mean) / deviation);
  for (let bin = first; bin <= last; bin += 1) {
    const above = cumulative(((bin + 1) * WIDTH - EDGE - mean) / deviation);
    shares[bin] += weight * (above - below);
    below = above;
  }
}

/** The normal distribution function, to 1e-7 (Abramowitz and Stegun 1964, 26.2.17): finer than a pixel on the screen. */
function cumulative(z) {
  const k = 1 / (1 + 0.2316419 * Math.abs(z));
  const tail = k * (0.31938153 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))));
  const upper = 0.3989422804014327 * Math.exp((-z * z) / 2) * tail;
  return z > 0 ? 1 - upper : upper;
}
