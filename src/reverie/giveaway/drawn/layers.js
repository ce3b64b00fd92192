// Layers over one picture at a time: {height, width, channels, values: Float32Array [H, W, C]}, the channels last.

const EPSILON = 1e-5; // of the normalisation, as it was trained
const BLOCK = 4; // rows and columns of a product that are summed side by side

export function picture(height, width, channels, values = new Float32Array(height * width * channels)) {
  return { height, width, channels, values };
}

/** A convolution with as many zeros around the picture as keep its size, or halve it with stride 2; weight [C', C, k, k]. */
export function convolution({ shape, values: weight }, { values: bias }, stride = 1) {
  const [out, channels, side] = shape;
  const depth = side * side * channels;
  const rows = new Float32Array(depth * out); // [k, k, C] -> C'
  for (let o = 0; o < out; o += 1) {
    for (let c = 0; c < channels; c += 1) {
      for (let k = 0; k < side * side; k += 1) rows[(k * channels + c) * out + o] = weight[(o * channels + c) * side * side + k];
    }
  }
  const multiply = product(rows, depth, out, bias);
  return (x) => {
    const height = Math.ceil(x.height / stride);
    const width = Math.ceil(x.width / stride);
    return picture(height, width, out, multiply(patches(x, side, stride, height, width), height * width));
  };
}

/** weight [C', C] and bias: (Float32Array [C]) -> Float32Array [C']. */
export function linear({ shape: [out, channels], values: weight }, { values: bias }) {
  return (x) => {
    const y = new Float32Array(out);
    for (let o = 0; o < out; o += 1) {
      let sum = bias[o];
      for (let c = 0; c < channels; c += 1) sum += weight[o * channels + c] * x[c];
      y[o] = sum;
    }
    return y;
  };
}

/** Each group of channels to mean 0 and deviation 1 over the picture, then scaled and shifted (Wu and He 2018). */
export function normalisation({ values: scale }, { values: shift }, groups) {
  return ({ height, width, channels, values }) => {
    const out = new Float32Array(values.length);
    const size = channels / groups;
    for (let first = 0; first < channels; first += size) {
      let sum = 0;
      for (let at = first; at < values.length; at += channels) for (let c = 0; c < size; c += 1) sum += values[at + c];
      const count = height * width * size;
      const mean = sum / count;
      let squares = 0;
      for (let at = first; at < values.length; at += channels) for (let c = 0; c < size; c += 1) squares += (values[at + c] - mean) ** 2;
      const by = 1 / Math.sqrt(squares / count + EPSILON);
      for (let at = first; at < values.length; at += channels) {
        for (let c = 0; c < size; c += 1) out[at + c] = (values[at + c] - mean) * by * scale[first + c] + shift[first + c];
      }
    }
    return picture(height, width, channels, out);
  };
}

/** x / (1 + e^-x), in place; of a picture, or of its values. */
export function silu(x) {
  const values = x instanceof Float32Array ? x : x.values;
  for (let i = 0; i < values.length; i += 1) values[i] /= 1 + Math.exp(-values[i]);
  return x;
}

/** x + y, into x. */
export function add(x, y) {
  for (let i = 0; i < x.values.length; i += 1) x.values[i] += y.values[i];
  return x;
}

/** Attention of every position to every other, by heads: qkv [H, W, 3 C] -> [H, W, C] (Vaswani et al. 2017). */
export function attend({ height, width, channels: three, values }, heads) {
  const channels = three / 3;
  const size = channels / heads;
  const count = height * width;
  const out = new Float32Array(count * channels);
  const share = new Float64Array(count);
  for (let head = 0; head < heads; head += 1) {
    const q = head * size;
    const k = q + channels;
    const v = k + channels;
    for (let i = 0; i < count; i += 1) {
      let largest = -Infinity;
      for (let j = 0; j < count; j += 1) {
        let dot = 0;
        for (let c = 0; c < size; c += 1) dot += values[i * three + q + c] * values[j * three + k + c];
        share[j] = dot / Math.sqrt(size);
        if (share[j] > largest) largest = share[j];
      }
      let total = 0;
      for (let j = 0; j < count; j += 1) total += share[j] = Math.exp(share[j] - largest);
      for (let c = 0; c < size; c += 1) {
        let sum = 0;
        for (let j = 0; j < count; j += 1) sum += share[j] * values[j * three + v + c];
        out[i * channels + q + c] = sum / total;
      }
    }
  }
  return picture(height, width, channels, out);
}

/** The nearest of the coarse, at a size that is at most twice as large. */
export function enlarged(x, height, width) {
  const { channels, values } = x;
  const out = picture(height, width, channels);
  for (let i = 0; i < height; i += 1) {
    for (let j = 0; j < width; j += 1) {
      const from = (Math.floor((i * x.height) / height) * x.width + Math.floor((j * x.width) / width)) * channels;
      out.values.set(values.subarray(from, from + channels), (i * width + j) * channels);
    }
  }
  return out;
}

/** What a convolution multiplies at each position, one row each: [positions, k, k, C], zeros beyond the edges. */
function patches({ height, width, channels, values }, side, stride, rows, columns) {
  const half = (side - 1) / 2;
  const depth = side * side * channels;
  const out = new Float32Array(Math.ceil((rows * columns) / BLOCK) * BLOCK * depth);
  for (let i = 0; i < rows; i += 1) {
    for (let j = 0; j < columns; j += 1) {
      let to = (i * columns + j) * depth;
      for (let di = -half; di <= half; di += 1) {
        for (let dj = -half; dj <= half; dj += 1, to += channels) {
          const y = i * stride + di;
          const x = j * stride + dj;
          if (y < 0 || x < 0 || y >= height || x >= width) continue;
          const from = (y * width + x) * channels;
          out.set(values.subarray(from, from + channels), to);
        }
      }
    }
  }
  return out;
}

/** a [n, depth] -> a b + bias [n, columns] for b [depth, columns]; n is made up to whole blocks with rows of zeros by who calls.
 *  Sums are in double precision, sixteen at a time: each number that is read is used four times. */
function product(b, depth, columns, bias) {
  const strips = Math.ceil(columns / BLOCK);
  const packed = new Float32Array(strips * depth * BLOCK);
  for (let k = 0; k < depth; k += 1) {
    for (let j = 0; j < columns; j += 1) packed[(Math.floor(j / BLOCK) * depth + k) * BLOCK + (j % BLOCK)] = b[k * columns + j];
  }
  return (a, n) => {
    const out = new Float32Array(n * columns);
    const sums = new Float64Array(BLOCK * BLOCK);
    for (let i = 0; i < n; i += BLOCK) {
      for (let strip = 0; strip < strips; strip += 1) {
        tile(a, i * depth, packed, strip * depth * BLOCK, depth, sums);
        for (let r = 0; r < BLOCK && i + r < n; r += 1) {
          for (let c = 0; c < BLOCK && strip * BLOCK + c < columns; c += 1) {
            const j = strip * BLOCK + c;
            out[(i + r) * columns + j] = sums[r * BLOCK + c] + bias[j];
          }
        }
      }
    }
    return out;
  };
}

function tile(a, at, b, from, depth, sums) {
  let s00 = 0, s01 = 0, s02 = 0, s03 = 0;
  let s10 = 0, s11 = 0, s12 = 0, s13 = 0;
  let s20 = 0, s21 = 0, s22 = 0, s23 = 0;
  let s30 = 0, s31 = 0, s32 = 0, s33 = 0;
  const second = at + depth;
  const third = second + depth;
  const fourth = third + depth;
  for (let k = 0, p = from; k < depth; k += 1, p += BLOCK) {
    const b0 = b[p], b1 = b[p + 1], b2 = b[p + 2], b3 = b[p + 3];
    const a0 = a[at + k], a1 = a[second + k], a2 = a[third + k], a3 = a[fourth + k];
    s00 += a0 * b0; s01 += a0 * b1; s02 += a0 * b2; s03 += a0 * b3;
    s10 += a1 * b0; s11 += a1 * b1; s12 += a1 * b2; s13 += a1 * b3;
    s20 += a2 * b0; s21 += a2 * b1; s22 += a2 * b2; s23 += a2 * b3;
    s30 += a3 * b0; s31 += a3 * b1; s32 += a3 * b2; s33 += a3 * b3;
  }
  sums[0] = s00; sums[1] = s01; sums[2] = s02; sums[3] = s03;
  sums[4] = s10; sums[5] = s11; sums[6] = s12; sums[7] = s13;
  sums[8] = s20; sums[9] = s21; sums[10] = s22; sums[11] = s23;
  sums[12] = s30; sums[13] = s31; sums[14] = s32; sums[15] = s33;
}
