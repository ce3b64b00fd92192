// Every number that the lesson states, computed from the tables of two schedules as the server sends them. A test computes each of
// them anew with the library.
//   posterior     q(x_{t-1} | x_t, x_0): weights sqrt(abar') beta / (1 - abar) of x_0 and sqrt(alpha) (1 - abar') / (1 - abar) of x_t,
//                 variance beta (1 - abar') / (1 - abar), abar' that of t - 1
//   flow          DDIM with eta = 0 in one dimension: x_s = a_s x_0-hat + sigma_s eps-hat

/** The step at which the lesson looks closely. */
export const CLOSE = 500;
/** Two classes of numbers, bell curves of one width, and how strongly the second is asked for. */
export const CLASSES = { means: [-1, 1], std: 0.6 };
export const SCALES = [1, 3];
/** Data that is wider than the range it is clipped to. */
export const WIDE = 2;
const STEPS = 250;
/** Where the twenty states of a walk stand, and the one that is looked at: the tenth. */
export const LEVELS = Array.from({ length: 20 }, (_, i) => Math.floor((999 * i) / 19) + 1);
export const TENTH = 9;

/** {name: number}; linear and cosine: alpha_bar over t = 0..1000. */
export function numbersOf({ linear, cosine }) {
  const half = (alphaBar) => alphaBar.findIndex((share) => share < 0.5);
  const last = linear.length - 1;
  const { beta, weights, witnesses } = posterior(linear, CLOSE);
  const [right, wrong] = fedBack(linear, TENTH);
  const guided = SCALES.map((scale) => moments(guidedFlow(linear, scale)));
  const [kept, clipped] = [false, true].map((clip) => moments(wideFlow(linear, WIDE, clip)));
  return {
    beta_first: 1 - linear[1],
    beta_last: 1 - linear[last] / linear[last - 1],
    power_close: linear[CLOSE],
    power_last: linear[last],
    half_linear: half(linear),
    half_cosine: half(cosine),
    cosine_close: cosine[CLOSE],
    weight_clean: weights.clean,
    weight_state: weights.state,
    witness_clean: Math.sqrt(witnesses.clean),
    witness_state: Math.sqrt(witnesses.state),
    noise_taken: beta / Math.sqrt(1 - linear[CLOSE]),
    fed_back_at: LEVELS[TENTH],
    fed_back_right: right,
    fed_back_wrong: wrong,
    guided_mean_1: guided[0].mean,
    guided_deviation_1: guided[0].deviation,
    guided_mean_3: guided[1].mean,
    guided_deviation_3: guided[1].deviation,
    wide_kept: kept.deviation,
    wide_clipped: clipped.deviation,
  };
}

/** The step from t to t - 1 for one who knows x_0. witnesses: the variances of what x_0 and what x_t say of x_{t-1}. */
export function posterior(alphaBar, t) {
  const [now, before] = [alphaBar[t], alphaBar[t - 1]];
  const alpha = now / before;
  const beta = 1 - alpha;
  return {
    alpha,
    beta,
    weights: { clean: (Math.sqrt(before) * beta) / (1 - now), state: (Math.sqrt(alpha) * (1 - before)) / (1 - now) },
    variance: (beta * (1 - before)) / (1 - now),
    witnesses: { clean: 1 - before, state: beta / alpha },
  };
}

/** The factor of x_0 in the state number k of LEVELS: as it should be, and where each state is made from the one before it. */
export function fedBack(alphaBar, k) {
  const wrong = LEVELS.slice(0, k + 1).reduce((left, t) => left * Math.sqrt(alphaBar[t]), 1);
  return [Math.sqrt(alphaBar[LEVELS[k]]), wrong];
}

// --- flows in one dimension -----------------------------------------------------------------------------------------------

/** Starts evenly over the noise, each with the weight of the bell curve there. */
const STARTS = Array.from({ length: 801 }, (_, i) => (i - 400) / 100);
export const WEIGHTS = STARTS.map((x) => Math.exp((-x * x) / 2));
/** The noise levels that a walk visits, from T to 0. */
export const GRID = Array.from({ length: STEPS + 1 }, (_, i) => 1000 - (1000 / STEPS) * i);

/** Where each start ends, for the exact answer to class 1 of CLASSES, asked for `scale` times as strongly. */
export function guidedFlow(alphaBar, scale) {
  const { means, std } = CLASSES;
  return flow(alphaBar, (x, a, sigma) => {
    const variance = a * a * std * std + sigma * sigma;
    const told = means.map((mean) => (sigma * (x - a * mean)) / variance); // the noise behind x, if it is of this class
    const odds = Math.exp(((x - a * means[1]) ** 2 - (x - a * means[0]) ** 2) / (2 * variance));
    const untold = (odds * told[0] + told[1]) / (odds + 1);
    return untold + scale * (told[1] - untold);
  });
}

/** The same for data N(0, std^2), whose predicted clean value is clipped to [-1, 1] or not. */
export function wideFlow(alphaBar, std, clip) {
  return flow(alphaBar, (x, a, sigma) => {
    const clean = (a * std * std * x) / (a * a * std * std + sigma * sigma);
    const taken = clip ? Math.min(1, Math.max(-1, clean)) : clean;
    return (x - a * taken) / sigma;
  });
}

function flow(alphaBar, noiseOf) {
  return STARTS.map((start) => {
    let x = start;
    for (let i = 0; i + 1 < GRID.length; i += 1) {
      const [a, sigma] = [Math.sqrt(alphaBar[GRID[i]]), Math.sqrt(1 - alphaBar[GRID[i]])];
      const noise = noiseOf(x, a, sigma);
      const next = alphaBar[GRID[i + 1]];
      x = Math.sqrt(next) * ((x - sigma * noise) / a) + Math.sqrt(1 - next) * noise;
    }
    return x;
  });
}

/** Mean and deviation of where the starts end, each with its weight. */
export function moments(ends) {
  const total = WEIGHTS.reduce((sum, weight) => sum + weight, 0);
  const mean = ends.reduce((sum, x, i) => sum + WEIGHTS[i] * x, 0) / total;
  const variance = ends.reduce((sum, x, i) => sum + WEIGHTS[i] * (x - mean) ** 2, 0) / total;
  return { mean, deviation: Math.sqrt(variance) };
}
