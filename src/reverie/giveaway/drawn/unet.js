// The U-Net of a run, the same sums as reverie.denoisers.unet: x [C, H, W] and t -> [C', H, W].
//
// fold; enter; down: blocks, halved between levels; middle: attention, block; up: blocks, doubled, added to the skip; leave; unfold

import { add, attend, convolution, enlarged, linear, normalisation, picture, silu } from "./layers.js";

/**
 * network: its settings in config.yaml; weights: as weightsOf gives them; shape: [C, H, W] of a state.
 * Gives at(t, label) -> (x) -> its answer; label is the index of a class, or null for none.
 */
export function unet(network, weights, [channels, height, width]) {
  const { patch, groups } = network;
  const named = (make, name, ...rest) => make(weights[`${name}.weight`], weights[`${name}.bias`], ...rest);
  const normal = (name) => named(normalisation, name, groups);
  const film = []; // of each block, in the order they are met: all hear of t and the class

  const block = (name) => {
    const [first, conv, norm, last] = [normal(`${name}.first.0`), named(convolution, `${name}.first.2`), normal(`${name}.norm`), named(convolution, `${name}.second.2`)];
    const number = film.push(named(linear, `${name}.film`)) - 1;
    return (x, films) => add(last(silu(filmed(norm(conv(silu(first(x)))), films[number]))), x);
  };
  const attention = (name) => {
    const [norm, qkv, out] = [normal(`${name}.norm`), named(convolution, `${name}.qkv`), named(convolution, `${name}.out`)];
    return (x) => add(out(attend(qkv(norm(x)), headsOf(x.channels))), x);
  };

  const levels = network.multipliers.length;
  const down = [];
  const up = [];
  for (let level = 0, at = 0; level < levels; level += 1) {
    if (level) down.push({ halve: named(convolution, `down.${at++}`, 2) });
    for (let i = 0; i < network.blocks; i += 1) down.push({ block: block(`down.${at++}`) });
  }
  const middle = network.attention ? [attention("middle.0"), block("middle.1")] : [block("middle.0")];
  for (let level = levels - 1, at = 0; level >= 0; level -= 1) {
    for (let i = 0; i < network.blocks; i += 1) up.push({ block: block(`up.${at++}`) });
    if (level) up.push({ double: named(convolution, `up.${at++}.conv`) });
  }
  const enter = named(convolution, "enter");
  const [norm, leave] = [normal("leave.0"), named(convolution, "leave.2")];
  const [inner, outer] = [named(linear, "embed.1"), named(linear, "embed.3")];

  /** SiLU of the embedding of t with that of the class; the last class is none. */
  const embedded = (t, label) => {
    const e = outer(silu(inner(sinusoids(t, network.width))));
    if (network.classes) {
      const row = (label ?? network.classes) * e.length;
      for (let i = 0; i < e.length; i += 1) e[i] += weights["classes.weight"].values[row + i];
    }
    return silu(e);
  };

  return (t, label = null) => {
    const e = embedded(t, label);
    const films = film.map((each) => each(e));
    return (values) => {
      let x = enter(folded(values, channels, height, width, patch));
      const skips = [];
      for (const part of down) {
        if (part.halve) skips.push(x);
        x = part.halve ? part.halve(x) : part.block(x, films);
      }
      for (const part of middle) x = part(x, films);
      for (const part of up) {
        if (part.block) x = part.block(x, films);
        else {
          const skip = skips.pop();
          x = add(enlarged(part.double(x), skip.height, skip.width), skip);
        }
      }
      return unfolded(leave(silu(norm(x))), height, width, patch);
    };
  };
}

/** h (1 + scale) + shift, channel by channel, in place; both stand in one row. */
function filmed(x, row) {
  const { channels, values } = x;
  for (let i = 0; i < values.length; i += channels) {
    for (let c = 0; c < channels; c += 1) values[i + c] = values[i + c] * (1 + row[c]) + row[channels + c];
  }
  return x;
}

/** Sines, then cosines of t at falling frequencies. */
function sinusoids(t, width) {
  const half = Math.floor(width / 2);
  const out = new Float32Array(2 * half);
  for (let i = 0; i < half; i += 1) {
    const angle = Math.fround(t * Math.fround(Math.exp((-Math.log(1e4) * i) / half)));
    out[i] = Math.sin(angle);
    out[half + i] = Math.cos(angle);
  }
  return out;
}

/** [C, H, W] -> squares of patch x patch pixels as channels, in the order (c, row, column); the last row and column are
 *  copied where a side is no multiple. */
function folded(values, channels, height, width, patch) {
  const x = picture(Math.ceil(height / patch), Math.ceil(width / patch), channels * patch * patch);
  let to = 0;
  for (let i = 0; i < x.height; i += 1) {
    for (let j = 0; j < x.width; j += 1) {
      for (let c = 0; c < channels; c += 1) {
        for (let di = 0; di < patch; di += 1) {
          const row = Math.min(i * patch + di, height - 1);
          for (let dj = 0; dj < patch; dj += 1, to += 1) x.values[to] = values[(c * height + row) * width + Math.min(j * patch + dj, width - 1)];
        }
      }
    }
  }
  return x;
}

/** The inverse; what was copied is cut off. */
function unfolded(x, height, width, patch) {
  const channels = x.channels / patch ** 2;
  const out = new Float32Array(channels * height * width);
  for (let c = 0; c < channels; c += 1) {
    for (let i = 0; i < height; i += 1) {
      for (let j = 0; j < width; j += 1) {
        const square = Math.floor(i / patch) * x.width + Math.floor(j / patch);
        out[(c * height + i) * width + j] = x.values[square * x.channels + (c * patch + (i % patch)) * patch + (j % patch)];
      }
    }
  }
  return out;
}

/** One head for every 32 channels or so, a divisor of their number. */
function headsOf(channels) {
  let [a, b] = [channels, Math.max(1, Math.floor(channels / 32))];
  while (b) [a, b] = [b, a % b];
  return a;
}
