// What the noise in x_t is, by the exact answer for a drawing and by the network that learned it, in float64.
//   exact    eps = (x - a x_0) / sigma,  x_0 = sum_k r_k E[x_0 | x, k],  r = softmax_k(log w_k + log p_t(x | k))
//   learned  denoisers/mlp.py, from its weights
// with a = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar); the score is -eps / sigma. Places are x, y, x, y, ...

/** (places, alphaBar) => {noise, density}: the noise at each place, and log p_t there. */
export function exactDenoiser({ points, weights, spread }) {
  const count = points.length;
  const total = weights?.reduce((sum, weight) => sum + weight, 0) ?? count;
  const prior = points.map((_, k) => Math.log((weights?.[k] ?? 1) / total));
  const logs = new Float64Array(count);
  return (places, alphaBar) => {
    const a = Math.sqrt(alphaBar);
    const sigma = Math.sqrt(1 - alphaBar);
    const variance = alphaBar * spread * spread + 1 - alphaBar;
    const noise = new Float64Array(places.length);
    const density = new Float64Array(places.length / 2);
    for (let i = 0; i < places.length; i += 2) {
      let top = -Infinity;
      for (let k = 0; k < count; k += 1) {
        const dx = places[i] - a * points[k][0];
        const dy = places[i + 1] - a * points[k][1];
        logs[k] = prior[k] - (dx * dx + dy * dy) / (2 * variance);
        if (logs[k] > top) top = logs[k];
      }
      let mass = 0;
      let x = 0;
      let y = 0;
      for (let k = 0; k < count; k += 1) {
        if (logs[k] < top - 40) continue; // less than a rounding of the sum
        const r = Math.exp(logs[k] - top);
        mass += r;
        x += r * (places[i] - a * points[k][0]);
        y += r * (places[i + 1] - a * points[k][1]);
      }
      noise[i] = (sigma / variance) * (x / mass);
      noise[i + 1] = (sigma / variance) * (y / mass);
      density[i / 2] = top + Math.log(mass) - Math.log(2 * Math.PI * variance);
    }
    return { noise, density };
  };
}

/** (places, alphaBar) => the noise that the network sees at each place. */
export function learnedDenoiser({ predict, waves, level_waves: levelWaves, reach, sizes, weights }) {
  const layers = unpacked(sizes, weights);
  const buffers = sizes.map((size) => new Float64Array(size));
  return (places, alphaBar) => {
    const a = Math.sqrt(alphaBar);
    const sigma = Math.sqrt(1 - alphaBar);
    const level = Math.min(1, Math.max(-1, (Math.log(alphaBar) - Math.log(1 - alphaBar)) / reach));
    const noise = new Float64Array(places.length);
    const h = buffers[0];
    let at = 2 + 4 * waves;
    h[at] = level;
    for (let k = 0; k < levelWaves; k += 1) {
      h[at + 1 + k] = Math.sin((level * Math.PI * 2 ** k) / 2);
      h[at + 1 + levelWaves + k] = Math.cos((level * Math.PI * 2 ** k) / 2);
    }
    for (let i = 0; i < places.length; i += 2) {
      const xy = [places[i], places[i + 1]];
      h.set(xy);
      at = 2;
      for (let j = 0; j < waves; j += 1) {
        for (const wave of [Math.sin, Math.cos]) for (const value of xy) h[at++] = wave(value * 2 ** j);
      }
      layers.forEach((layer, depth) => forward(layer, buffers[depth], buffers[depth + 1], depth < layers.length - 1));
      const said = buffers.at(-1);
      for (const c of [0, 1]) noise[i + c] = NOISE[predict](said[c], xy[c], a, sigma);
    }
    return noise;
  };
}

/** The noise, from what is said of x. */
const NOISE = {
  noise: (eps) => eps,
  clean: (x_0, x, a, sigma) => (x - a * x_0) / sigma,
  velocity: (v, x, a, sigma) => sigma * x + a * v,
};

/** x, y at each level of the flow from a place: x_s = a_s x_0 + sigma_s eps, which is DDIM without noise. noise(places, alphaBar). */
export function flow(noise, from, alphaBars) {
  const path = [from];
  for (let i = 0; i + 1 < alphaBars.length; i += 1) {
    const [a, next] = [alphaBars[i], alphaBars[i + 1]];
    const eps = noise(path[i], a);
    path.push(path[i].map((value, c) => Math.sqrt(next / a) * (value - Math.sqrt(1 - a) * eps[c]) + Math.sqrt(1 - next) * eps[c]));
  }
  return path;
}

function unpacked(sizes, weights) {
  const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const take = (count) => Float64Array.from({ length: count }, () => view.getFloat32(4 * at++, true));
  return sizes.slice(1).map((size, i) => ({ weight: take(size * sizes[i]), bias: take(size) }));
}

function forward({ weight, bias }, from, to, hidden) {
  for (let o = 0; o < to.length; o += 1) {
    let sum = bias[o];
    const row = o * from.length;
    for (let i = 0; i < from.length; i += 1) sum += weight[row + i] * from[i];
    to[o] = hidden ? sum / (1 + Math.exp(-sum)) : sum;
  }
}
