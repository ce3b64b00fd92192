// Samplers, the same steps as reverie.samplers: a rule x_t -> x_s of what a network says of x_t.
//
//   x_t = a x_0 + sigma eps,   a = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar),   v = a eps - sigma x_0,   lambda = log(a / sigma)

/** (of x_t, of the value) for x_0-hat, then for eps-hat. */
const VIEWS = {
  noise: (a, sigma) => [[1 / a, -sigma / a], [0, 1]],
  clean: (a, sigma) => [[0, 1], [1 / sigma, -a / sigma]],
  velocity: (a, sigma) => [[a, -sigma], [sigma, a]],
  score: (a, sigma) => [[1 / a, (sigma * sigma) / a], [0, -sigma]],
};
const LARGEST = 1; // of the factor of Heun's corrector, from where hardly any signal is left

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

/** By name: step({levels, t, s, said, before, draw}) -> x_s, where before is {said, t} of the step before, or null, and draw()
 *  gives noise; Heun's also has correct({after, said, here, levels, t, s}), where here is said of `after`. */
export const SAMPLERS = {
  ddim: { step: euler },
  dpmpp: { step: (now) => dpm(now, false) },
  dpmpp_sde: { step: (now) => dpm(now, true) },
  heun: { step: euler, correct },
  angular: { step: angular },
  ancestral: { step: ancestral },
};

/** DDIM without noise (Song, Meng and Ermon 2021, equation 12). */
function euler({ levels, s, said }) {
  return said.mix({ clean: levels[s].a, noise: levels[s].sigma });
}

/** DPM-Solver++ 2M (Lu et al. 2022b). */
function dpm({ levels, t, s, said, before, draw }, sde) {
  const h = levels[s].lambda - levels[t].lambda;
  const ofX = (levels[s].sigma / levels[t].sigma) * (sde ? Math.exp(-h) : 1);
  const ofClean = -levels[s].a * Math.expm1(sde ? -2 * h : -h);
  const w = before ? lookahead(h, levels[t].lambda - levels[before.t].lambda) : 0;
  let x = said.mix({ x: ofX, clean: ofClean * (1 + w) });
  if (w) x = plus(x, before.said.mix({ clean: -ofClean * w }));
  return sde && s > 0 ? plus(x, draw(), levels[s].sigma * Math.sqrt(-Math.expm1(-2 * h))) : x;
}

/** Adams and Bashforth's on the angle whose cosine is a. */
function angular({ levels, t, s, said, before }) {
  const angle = (level) => Math.atan2(level.sigma, level.a);
  const h = angle(levels[s]) - angle(levels[t]);
  const turned = (each, level, by, x) => each.mix({ x, noise: by * level.a, clean: -by * level.sigma });
  if (!before) return turned(said, levels[t], h, 1);
  const w = lookahead(h, angle(levels[t]) - angle(levels[before.t]));
  return plus(turned(said, levels[t], h * (1 + w), 1), turned(before.said, levels[before.t], -h * w, 0));
}

/** DDPM (Ho et al. 2020, algorithm 2), with the variance of the posterior. */
function ancestral({ levels, t, s, said, draw }) {
  const [at, as] = [levels[t].share, levels[s].share];
  const ratio = at / as;
  const mean = said.mix({ x: (Math.sqrt(ratio) * (1 - as)) / (1 - at), clean: (Math.sqrt(as) * (1 - ratio)) / (1 - at) });
  return s > 0 ? plus(mean, draw(), Math.sqrt(((1 - ratio) * (1 - as)) / (1 - at))) : mean;
}

/** Heun's corrector (Karras et al. 2022, algorithm 1). */
function correct({ after, said, here, levels, t, s }) {
  const [to, from] = [levels[s], levels[t]];
  const half = from.a ? 0.5 * (to.sigma - (to.a / from.a) * from.sigma) : -Infinity;
  const by = Math.max(-LARGEST, Math.min(half, LARGEST));
  return plus(plus(after, here.mix({ noise: 1 }), by), said.mix({ noise: 1 }), -by);
}

function lookahead(h, before) {
  if (!Number.isFinite(h) || !Number.isFinite(before)) return 0;
  const w = h / (2 * before);
  return Math.min(w, 1 / w);
}

function plus(x, y, by = 1) {
  return x.map((value, i) => value + by * y[i]);
}
