// Samplers, the same steps as reverie.samplers: a rule x_t -> x_s of what a network says of x_t.
//
//   x_t = a x_0 + sigma eps,   a = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar),   v = a eps - sigma x_0,   lambda = log(a / sigma)

import { earlier, lookahead, moments, weights } from "./multistep.js";

/** (of x_t, of the value) for x_0-hat, then for eps-hat. */
const VIEWS = {
  noise: (a, sigma) => [[1 / a, -sigma / a], [0, 1]],
  clean: (a, sigma) => [[0, 1], [1 / sigma, -a / sigma]],
  velocity: (a, sigma) => [[a, -sigma], [sigma, a]],
  score: (a, sigma) => [[1 / a, (sigma * sigma) / a], [0, -sigma]],
};
const LARGEST = 1; // of the factor of Heun's corrector, from where hardly any signal is left
const CHURN = { all: 40, low: 0.05, high: 50 }; // how much noise is renewed, between which levels
const RESTART = { times: 2, low: 0.06, reach: 5, rho: 7 };

/** What is said of a state: mix({x, clean, noise}) is that combination of x_t, x_0-hat and eps-hat. */
export function prediction(x, value, kind, { a, sigma }) {
  const [clean, noise] = VIEWS[kind](a, sigma);
  const mix = ({ x: ofX = 0, clean: ofClean = 0, noise: ofNoise = 0 }) => {
    const p = ofX + ofClean * clean[0] + ofNoise * noise[0];
    const q = ofClean * clean[1] + ofNoise * noise[1];
    return p ? value.map((each, i) => p * x[i] + q * each) : value.map((each) => q * each); // what is multiplied by 0 is not read
  };
  return { x, kind, mix, velocity: () => (kind === "velocity" ? value : mix({ noise: a, clean: -sigma })), clean: () => mix({ clean: 1 }) };
}

/** alpha_bar [T + 1] -> {a, sigma, lambda} for each t. */
export function levelsOf(alphaBar) {
  return alphaBar.map((share) => ({ share, a: Math.sqrt(share), sigma: Math.sqrt(1 - share), lambda: (Math.log(share) - Math.log(1 - share)) / 2 }));
}

/** Of the steps before, what a rule may look back at: so many. */
export const REMEMBERED = 2;

/** By name: now -> x_s, where now is {levels, t, s, said, past, steps, ask, draw}: said of x_t, past the nows before, the last
 *  first, steps those of the grid; ask(x, t) asks again, and draw() gives noise. */
export const SAMPLERS = {
  ddim: euler,
  dpmpp: (now) => dpm(now, 2),
  dpmpp_3m: (now) => dpm(now, 3),
  dpmpp_sde: (now) => dpm(now, 2, true),
  unipc,
  deis,
  heun,
  edm,
  restart,
  angular,
  ancestral,
  euler_ancestral: ancestral,
  consistency,
};

/** DDIM without noise (Song, Meng and Ermon 2021, equation 12). */
function euler({ levels, s, said }) {
  return said.mix({ clean: levels[s].a, noise: levels[s].sigma });
}

/** DPM-Solver++ 2M and 3M (Lu et al. 2022b). */
function dpm(now, order, sde = false) {
  const [at, to] = ends(now);
  const h = to.lambda - at.lambda;
  const ofX = (to.sigma / at.sigma) * (sde ? Math.exp(-h) : 1);
  const x = mixed(now.said, { x: ofX }, -to.a * Math.expm1(sde ? -2 * h : -h), earlier(now, order));
  return sde && now.s > 0 ? plus(x, now.draw(), to.sigma * Math.sqrt(-Math.expm1(-2 * h))) : x;
}

/** UniPC with a predictor of order 2 (Zhao et al. 2023). */
function unipc(now) {
  const [at, to] = ends(now);
  now.start = corrected(now);
  return moved(now.start, at, to, now.said, earlier(now, 2));
}

function corrected({ levels, t, said, past }) {
  if (!past.length || !Number.isFinite(levels[past[0].t].lambda)) return said.x;
  const [origin, older] = past;
  const there = levels[origin.t].lambda;
  const h = levels[t].lambda - there;
  const node = older ? levels[older.t].lambda - there : 0;
  if (!older || h > -2 * node || !Number.isFinite(node)) return moved(origin.start, levels[origin.t], levels[t], origin.said, [{ said, w: 0.5 }]);
  const whole = moments(h, 2);
  const [here, before] = weights([h, node], whole);
  return moved(origin.start, levels[origin.t], levels[t], origin.said, [{ said, w: here / whole[0] }, { said: older.said, w: before / whole[0] }]);
}

function moved(x, at, to, said, others) {
  const clean = mixed(said, {}, -to.a * Math.expm1(at.lambda - to.lambda), others);
  return plus(clean, x, to.sigma / at.sigma);
}

/** DEIS of order 3 (Zhang and Chen 2023). */
function deis(now) {
  const [at, to] = ends(now);
  const before = earlier(now, 3, true);
  const taken = before.length ? (to.a * at.sigma) / at.a - to.sigma : 0;
  const x = now.said.mix({ clean: to.a, noise: to.sigma + taken * before.reduce((sum, { w }) => sum + w, 0) });
  return before.reduce((sum, { said, w }) => plus(sum, said.mix({ noise: -taken * w })), x);
}

/** Heun (Karras et al. 2022, algorithm 1): Euler's step, with the mean of what is said at both of its ends. */
function heun(now) {
  const [at, to] = ends(now);
  const x = euler(now);
  if (now.s === 0) return x;
  const half = at.a ? 0.5 * (to.sigma - (to.a / at.a) * at.sigma) : -Infinity;
  const by = Math.max(-LARGEST, Math.min(half, LARGEST));
  return plus(plus(x, now.ask(x, now.s).mix({ noise: 1 }), by), now.said.mix({ noise: 1 }), -by);
}

/** Heun below the level, and up to it again with new noise (Karras et al. 2022, algorithm 2). */
function edm(now) {
  const { levels, s, steps } = now;
  const ratio = Math.exp(-levels[s].lambda);
  const gamma = Math.min(CHURN.all / steps, Math.SQRT2 - 1);
  const down = s > 0 && ratio >= CHURN.low && ratio <= CHURN.high ? Math.min(nearest(levels, levels[s].lambda + Math.log1p(gamma)), s) : s;
  const x = heun({ ...now, s: down });
  return down === s ? x : raised(x, levels[down], levels[s], now.draw());
}

/** Heun, back once near the end and down again (Xu et al. 2023). */
function restart(now) {
  const { levels, t, s, said, steps, ask, draw } = now;
  const ratio = Math.exp(-levels[t].lambda);
  if (!(Math.exp(-levels[s].lambda) < RESTART.low && RESTART.low <= ratio)) return heun(now);
  const root = (each) => each ** (1 / RESTART.rho);
  const [bottom, top] = [root(ratio), root(ratio * RESTART.reach)];
  const count = Math.max(3, Math.ceil(steps / 4));
  const inner = Array.from({ length: count }, (_, i) => nearest(levels, -RESTART.rho * Math.log(bottom + ((top - bottom) * (count - i)) / count)));
  const way = [...new Set(inner.filter((each) => each > t)), t];
  if (way.length < 2) return heun(now);
  let { x } = said;
  const go = (from, to) => heun({ ...now, t: from, s: to, said: ask(x, from) });
  for (let time = 0; time < RESTART.times; time += 1) {
    x = raised(x, levels[t], levels[way[0]], draw());
    for (let i = 0; i + 1 < way.length; i += 1) x = go(way[i], way[i + 1]);
  }
  return go(t, s);
}

/** Adams and Bashforth's on the angle whose cosine is a. */
function angular(now) {
  const [at, to] = ends(now);
  const angle = (level) => Math.atan2(level.sigma, level.a);
  const h = angle(to) - angle(at);
  const turned = (each, level, by, x) => each.mix({ x, noise: by * level.a, clean: -by * level.sigma });
  if (!now.past.length) return turned(now.said, at, h, 1);
  const [before] = now.past;
  const w = lookahead(h, angle(at) - angle(now.levels[before.t]));
  return plus(turned(now.said, at, h * (1 + w), 1), turned(before.said, now.levels[before.t], -h * w, 0));
}

/** DDPM (Ho et al. 2020, algorithm 2), with the variance of the posterior. */
function ancestral({ levels, t, s, said, draw }) {
  const [at, as] = [levels[t].share, levels[s].share];
  const ratio = at / as;
  const mean = said.mix({ x: (Math.sqrt(ratio) * (1 - as)) / (1 - at), clean: (Math.sqrt(as) * (1 - ratio)) / (1 - at) });
  return s > 0 ? plus(mean, draw(), Math.sqrt(((1 - ratio) * (1 - as)) / (1 - at))) : mean;
}

/** x_0-hat with the noise of the next level (Song et al. 2023, algorithm 1). */
function consistency({ levels, s, said, draw }) {
  const x = said.mix({ clean: levels[s].a });
  return s > 0 ? plus(x, draw(), levels[s].sigma) : x;
}

function ends({ levels, t, s }) {
  return [levels[t], levels[s]];
}

/** rest + clean (x_0-hat + sum of w (theirs - x_0-hat)). */
function mixed(said, rest, clean, others) {
  const x = said.mix({ ...rest, clean: clean * (1 - others.reduce((sum, { w }) => sum + w, 0)) });
  return others.reduce((sum, { said: other, w }) => plus(sum, other.mix({ clean: clean * w })), x);
}

/** The time whose level is nearest to this lambda, between the least and the most noise. */
function nearest(levels, lambda) {
  const last = levels.length - 1;
  const most = levels[last].a ? last : last - 1;
  const angle = Math.atan(Math.exp(-Math.max(Math.min(lambda, levels[1].lambda), levels[most].lambda)));
  const angles = levels.map((level) => Math.atan2(level.sigma, level.a));
  let step = 0;
  while (step + 1 < last && angles[step + 1] < angle) step += 1;
  return Math.round(step + Math.min((angle - angles[step]) / (angles[step + 1] - angles[step]), 1));
}

/** x with the noise z that it has more at another level. */
function raised(x, from, to, z) {
  const ratio = to.a / from.a;
  const std = Math.sqrt(to.sigma ** 2 - (ratio * from.sigma) ** 2);
  return x.map((value, i) => ratio * value + std * z[i]);
}

function plus(x, y, by = 1) {
  return x.map((value, i) => value + by * y[i]);
}
