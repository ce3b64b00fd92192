// The same pictures as curl, as a command and as Python.

import { curl, quoted } from "../../lib/call.js";

const short = (text, name) => (text.startsWith("data:") ? name : text);
const sent = (text) => (text.startsWith("data:") ? "data:image/png;base64,..." : text);
const line = (...parts) => parts.filter((part) => part !== null).join(" ");
const option = (name, value) => (value === undefined ? null : `--${name} ${quoted(String(value))}`);

function options({ where, guidance, sampler, steps, seed }) {
  return [where && option("where", where[0]), option("guidance", guidance), option("sampler", sampler), option("steps", steps), option("seed", seed)].map((each) => each ?? null);
}

function settings(body, ...names) {
  return names.filter((name) => body[name] !== undefined).map((name) => `${name}=${JSON.stringify(body[name])}`);
}

/** The forms of a request for new pictures. */
export function making(body) {
  const { model, count } = body;
  return {
    curl: () => (model ? curl("/api/samples", body) : null),
    cli: () => (model ? line("reverie sample", quoted(model), option("count", count), ...options(body), "--out pictures.png") : null),
    python: () =>
      model
        ? ["import reverie", "from reverie.images import save_images", "", `model = reverie.load(${JSON.stringify(model)})`, `pictures = model.sample(${[count, ...settings(body, "seed", "where", "guidance", "sampler", "steps")].join(", ")})`, 'save_images(pictures, "pictures.png")', ""].join("\n")
        : null,
  };
}

/** The forms of a request that changes a picture. */
export function changing(body) {
  const { edit, model, picture, other, mask, level, count, repeats, seed } = body;
  const files = { picture: short(picture, "picture.png"), other: other && short(other, "other.png") };
  const asBody = { ...body, picture: sent(picture), ...(other ? { other: sent(other) } : {}), ...(mask ? { mask: sent(mask) } : {}) };
  const ways = {
    "image-to-image": { call: "image_to_image", given: ["picture", level, count], named: ["seed", "where", "guidance", "sampler", "steps"] },
    inpaint: { call: "inpaint", given: ["picture", "hole", count, seed, repeats ?? 4], named: ["where", "guidance", "sampler", "steps"] },
    invert: { call: "inverted", given: ["picture[None]"], named: ["steps", "where"] },
    interpolate: { call: "interpolate", given: ["np.stack([picture, other])", count], named: ["steps", "where"] },
  };
  return {
    curl: () => (model ? curl("/api/edits", asBody) : null),
    cli: () => (model ? line("reverie edit", edit, quoted(model), quoted(files.picture), other ? quoted(files.other) : null, mask ? "--mask mask.png" : null, option("from", level), option("count", count), ...options(body), "--out changed.png") : null),
    python: () => {
      if (!model) return null;
      const { call, given, named } = ways[edit];
      const read = (name, file) => `${name} = fitted(model, subject(${JSON.stringify(file)}).pixels)`;
      return [
        ...(other ? ["import numpy as np"] : []),
        "import reverie",
        `from reverie.models.editing import fitted, ${mask ? "hole_of, " : ""}${call}`,
        "from reverie.studies import subject",
        "",
        `model = reverie.load(${JSON.stringify(model)})`,
        read("picture", files.picture),
        ...(other ? [read("other", files.other)] : []),
        ...(mask ? [`hole = hole_of(model, subject("mask.png").pixels, subject(${JSON.stringify(files.picture)}).pixels)`] : []),
        `changed = ${call}(model, ${[...given, ...settings(body, ...named)].join(", ")})`,
        "",
      ].join("\n");
    },
  };
}
