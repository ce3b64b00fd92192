// The library's noise: the same seed starts from the same picture of noise here and there.
//
//   seed of a stream   BLAKE2b of "(seed, 'start', 0)", 8 bytes, shifted right by one bit   (reverie.process.randomness)
//   uniform numbers    24 bits of the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), as torch's generator has them
//   normal numbers     Box and Muller 1958, in blocks of sixteen: radii of the first eight, angles of the last

const IV = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];
const ORDER = [
  "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
  "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
].map((row) => Array.from(row, (digit) => parseInt(digit, 16)));
const MIXED = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]];
const WORDS = 624; // of the twister's state

/** A stream of normal numbers: (count) -> Float32Array, count a multiple of 16. */
export function stream(seed, purpose, shard = 0) {
  const next = twister(Number(BigInt.asUintN(32, blake2b(`(${seed}, '${purpose}', ${shard})`) >> 1n)));
  return (count) => {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i += 1) values[i] = (next() & 0xffffff) / 0x1000000;
    for (let i = 0; i < count; i += 16) {
      for (let j = i; j < i + 8; j += 1) {
        const radius = Math.sqrt(-2 * Math.log(1 - values[j]));
        const angle = 2 * Math.PI * values[j + 8];
        values[j] = radius * Math.cos(angle);
        values[j + 8] = radius * Math.sin(angle);
      }
    }
    return values;
  };
}

/** The first 8 bytes of the 8-byte BLAKE2b of a short text, as a number (RFC 7693; one block of 128 bytes). */
function blake2b(text) {
  const block = new Uint8Array(128);
  const { written } = new TextEncoder().encodeInto(text, block);
  const view = new DataView(block.buffer);
  const message = Array.from({ length: 16 }, (_, i) => view.getBigUint64(8 * i, true));
  const v = [...IV, ...IV];
  v[0] ^= 0x01010008n; // no key, 8 bytes out
  v[12] ^= BigInt(written);
  v[14] ^= 0xffffffffffffffffn; // the last block
  const first = v[0];
  const sum = (...terms) => BigInt.asUintN(64, terms.reduce((a, b) => a + b));
  const turned = (x, by) => BigInt.asUintN(64, (x >> by) | (x << (64n - by)));
  for (let round = 0; round < 12; round += 1) {
    const order = ORDER[round % 10];
    MIXED.forEach(([a, b, c, d], i) => {
      for (const [word, one, two] of [[order[2 * i], 32n, 24n], [order[2 * i + 1], 16n, 63n]]) {
        v[a] = sum(v[a], v[b], message[word]);
        v[d] = turned(v[d] ^ v[a], one);
        v[c] = sum(v[c], v[d]);
        v[b] = turned(v[b] ^ v[c], two);
      }
    });
  }
  return first ^ v[0] ^ v[8];
}

/** MT19937 of a 32-bit seed: () -> 32 bits. */
function twister(seed) {
  const state = new Uint32Array(WORDS);
  state[0] = seed;
  for (let i = 1; i < WORDS; i += 1) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let at = WORDS;
  return () => {
    if (at === WORDS) {
      for (let i = 0; i < WORDS; i += 1) {
        const y = (state[i] & 0x80000000) | (state[(i + 1) % WORDS] & 0x7fffffff);
        state[i] = state[(i + 397) % WORDS] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let y = state[at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}
