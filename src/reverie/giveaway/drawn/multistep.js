// Rules that look back, as reverie.samplers.multistep: what was said at the steps before, as a polynomial in lambda.

/** How far a line through two predictions is followed over a step h after one of length `before`. */
export function lookahead(h, before) {
  if (!Number.isFinite(h) || !Number.isFinite(before)) return 0;
  const w = h / (2 * before);
  return Math.min(w, 1 / w);
}

/** Integrals over a step of tau^k by e^{-(h - tau)}, or of noise by e^{-tau}, k = 0..count. */
export function moments(h, count, ofNoise = false) {
  const found = [-Math.expm1(-h)];
  for (let k = 1; k <= count; k += 1) found.push(ofNoise ? k * found[k - 1] - h ** k * Math.exp(-h) : h ** k - k * found[k - 1]);
  return found;
}

/** Integrals of Lagrange's polynomials of the nodes among all of them and 0. */
export function weights(nodes, whole) {
  return nodes.map((node, i) => {
    let polynomial = [1];
    for (const other of [0, ...nodes.slice(0, i), ...nodes.slice(i + 1)]) {
      const [below, same] = [[0, ...polynomial], [...polynomial, 0]];
      polynomial = below.map((each, k) => (each - other * same[k]) / (node - other));
    }
    return polynomial.reduce((sum, each, k) => sum + each * whole[k], 0);
  });
}

/** What was said at steps before, each with its weight w over the step to come, for a rule of this order. */
export function earlier({ levels, t, s, past }, order, ofNoise = false) {
  const h = levels[s].lambda - levels[t].lambda;
  const nodes = [];
  for (const before of past.slice(0, order - 1)) {
    const node = levels[before.t].lambda - levels[t].lambda;
    if (!Number.isFinite(h) || !Number.isFinite(node)) break;
    nodes.push(node);
  }
  if (!nodes.length) return [];
  const w = lookahead(h, -nodes[0]);
  if (nodes.length === 1 && !ofNoise) return [{ said: past[0].said, w: -w }];
  const whole = moments(h, nodes.length, ofNoise);
  const levelled = (w * 2 * -nodes[0]) / h / whole[0];
  return weights(nodes, whole).map((each, i) => ({ said: past[i].said, w: levelled * each }));
}
