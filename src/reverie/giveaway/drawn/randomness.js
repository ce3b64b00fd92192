// The numbers that the library draws, drawn here: reverie.process.generator(seed, *address) and torch.randn in either precision.
//   seed of a stream   the low 32 bits of BLAKE2b-64 of (seed, *address) as Python writes it, shifted right by one
//   engine             MT19937 (Matsumoto and Nishimura 1998)
//   uniform            53 bits of two words, the high one first, times 2^-53; in single precision 24 bits of one word
//   normal             Box and Muller 1958: of 16 uniforms u, r = sqrt(-2 ln(1 - u_j)), r cos(2 pi u_{j+8}) and r sin(2 pi u_{j+8})
// Cosine and logarithm may differ from the library's in the last bit.

/** A stream of draws: normal(count) gives the next `count` standard normal numbers, Float64Array, and single(count) those of single
 *  precision, Float32Array, count a multiple of 16. address: strings and integers. */
export function generator(seed, ...address) {
  const words = twister(streamSeed(seed, address));
  const uniform = () => {
    const high = words() & 0x1fffff; // 21 bits, with the 32 of the low word 53
    return (high * 2 ** 32 + words()) * 2 ** -53;
  };
  let spare = null; // of numbers that are drawn two at a time
  const one = () => {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    const [turn, distance] = [uniform(), uniform()];
    const radius = Math.sqrt(-2 * Math.log1p(-distance));
    spare = radius * Math.sin(2 * Math.PI * turn);
    return radius * Math.cos(2 * Math.PI * turn);
  };
  const block = (values, at) => {
    for (let j = at; j < at + 8; j += 1) {
      const radius = Math.sqrt(-2 * Math.log(1 - values[j]));
      const turn = 2 * Math.PI * values[j + 8];
      values[j] = radius * Math.cos(turn);
      values[j + 8] = radius * Math.sin(turn);
    }
  };
  return {
    single(count) {
      const values = Float32Array.from({ length: count }, () => (words() & 0xffffff) * 2 ** -24);
      for (let at = 0; at < count; at += 16) block(values, at);
      return values;
    },
    normal(count) {
      if (count < 16) return Float64Array.from({ length: count }, one);
      const values = new Float64Array(count);
      for (let i = 0; i < count; i += 1) values[i] = uniform();
      for (let at = 0; at + 16 <= count; at += 16) block(values, at);
      if (count % 16) {
        // the last block overlaps the one before it, and is drawn anew
        for (let i = count - 16; i < count; i += 1) values[i] = uniform();
        block(values, count - 16);
      }
      return values;
    },
  };
}

/** The noise of the forward process that belongs to a seed, as GET /api/noise gives it: Float32Array [channels, height, width]. */
export function forwardNoise({ height, width, channels }, seed) {
  return Float32Array.from(generator(seed, "study", "forward").normal(channels * height * width));
}

// --- the engine -----------------------------------------------------------------------------------------------------------

const [SIZE, MIDDLE] = [624, 397];

/** MT19937: each call gives the next 32-bit word. */
function twister(seed) {
  const state = new Uint32Array(SIZE);
  state[0] = seed;
  for (let i = 1; i < SIZE; i += 1) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let at = SIZE;
  const turn = () => {
    for (let i = 0; i < SIZE; i += 1) {
      const mixed = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
      state[i] = state[(i + MIDDLE) % SIZE] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === SIZE) turn();
    let word = state[at++];
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0;
  };
}

// --- the seed of a stream --------------------------------------------------------------------------------------------------

function streamSeed(seed, address) {
  const text = `(${[seed, ...address].map((part) => (typeof part === "string" ? `'${part}'` : String(part))).join(", ")})`;
  return Number((blake2b64(new TextEncoder().encode(text)) >> 1n) & 0xffffffffn);
}

const WORD = (1n << 64n) - 1n;
const START = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n, 0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];
const ORDER = [
  "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
  "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
].map((row) => [...row].map((digit) => parseInt(digit, 16)));
const ROUNDS = 12;
const LANES = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]];

/** BLAKE2b with a digest of 8 bytes (RFC 7693) of at most 128 bytes, as a little-endian number. */
function blake2b64(bytes) {
  if (bytes.length > 128) throw new RangeError("an address of more than 128 bytes");
  const block = new Uint8Array(128);
  block.set(bytes);
  const view = new DataView(block.buffer);
  const m = Array.from({ length: 16 }, (_, i) => view.getBigUint64(8 * i, true));
  const first = START[0] ^ 0x01010008n;
  const v = [first, ...START.slice(1), ...START];
  v[12] ^= BigInt(bytes.length);
  v[14] ^= WORD; // the only block is the last
  const turned = (value, by) => ((value >> by) | (value << (64n - by))) & WORD;
  const mix = ([a, b, c, d], x, y) => {
    v[a] = (v[a] + v[b] + x) & WORD;
    v[d] = turned(v[d] ^ v[a], 32n);
    v[c] = (v[c] + v[d]) & WORD;
    v[b] = turned(v[b] ^ v[c], 24n);
    v[a] = (v[a] + v[b] + y) & WORD;
    v[d] = turned(v[d] ^ v[a], 16n);
    v[c] = (v[c] + v[d]) & WORD;
    v[b] = turned(v[b] ^ v[c], 63n);
  };
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = ORDER[round % 10];
    LANES.forEach((lane, i) => mix(lane, m[order[2 * i]], m[order[2 * i + 1]]));
  }
  return first ^ v[0] ^ v[8];
}
