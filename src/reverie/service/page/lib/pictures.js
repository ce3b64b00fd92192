// Pictures as numbers: from a file, the clipboard or the server to x in [-1, 1], channel by channel, and back to a canvas.
//   Picture: {name, title, width, height, channels, pixels: Float32Array [C, H, W], dataURL}

import { h, clear } from "./dom.js";
import { get, bytes, Problem } from "./api.js";
import { blobOf } from "./download.js";
import { drop } from "./drop.js";

/** The longer side of a picture of one's own, in pixels: large enough to see, small enough to move smoothly. */
export const LARGEST = 256;
export const PICTURE_TYPES = "image/png,image/jpeg,image/webp,image/gif,image/bmp";
const FILE_BYTES = 40_000_000;

let bundled = null;

/** The bundled pictures: [{name, title, width, height, channels}]. */
export async function bundledPictures() {
  bundled ??= get("/api/pictures").then((body) => body.pictures);
  try {
    return await bundled;
  } catch (error) {
    bundled = null;
    throw error;
  }
}

/** A picture by the name that stands in the address: a bundled one ("digits:3"), or one's own ("own:..."). */
export async function loadPicture(name) {
  if (name.startsWith("own:")) {
    const { kept } = await import("./keeper.js");
    const found = await kept(name.slice(4));
    if (!found) {
      throw new Problem({
        title: "This picture is not here",
        detail: "The link shows a picture that was never sent anywhere: it is only in the browser where it was opened. Choose another.",
      });
    }
    return picture(await createImageBitmap(found.blob), name, found.title);
  }
  const [body, list] = await Promise.all([bytes(`/api/pictures/${encodeURIComponent(name)}`), bundledPictures()]);
  const title = list.find((each) => each.name === name)?.title ?? name;
  return picture(await createImageBitmap(new Blob([body], { type: "image/png" })), name, title);
}

/** A picture from a file or a blob, its longer side at most `largest` pixels. It stays in this browser. */
export async function readPicture(file, largest = LARGEST) {
  if (file.size > FILE_BYTES) throw new Problem({ detail: `${file.name ?? "The picture"} has more than 40 MB: give a smaller one.` });
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const shrink = Math.min(1, largest / Math.max(bitmap.width, bitmap.height));
    if (shrink < 1) {
      const resizeWidth = Math.max(1, Math.round(bitmap.width * shrink));
      const resizeHeight = Math.max(1, Math.round(bitmap.height * shrink));
      bitmap = await createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
    }
  } catch {
    throw new Problem({ detail: `${file.name ?? "This"} is not a picture that the browser can read: give a PNG, JPEG or WebP file.` });
  }
  const { keep } = await import("./keeper.js");
  const found = picture(bitmap, "", file.name || "pasted picture");
  found.name = `own:${await keep(found.title, blobOf(found.dataURL))}`;
  return found;
}

function picture(bitmap, name, title) {
  const { width, height } = bitmap;
  const canvas = h("canvas", { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff"; // what is transparent is shown on paper
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const size = width * height;
  let grey = true;
  for (let i = 0; grey && i < data.length; i += 4) grey = data[i] === data[i + 1] && data[i] === data[i + 2];
  const channels = grey ? 1 : 3;
  const pixels = new Float32Array(channels * size);
  for (let c = 0; c < channels; c += 1) for (let i = 0; i < size; i += 1) pixels[c * size + i] = data[4 * i + c] / 127.5 - 1;
  return { name, title, width, height, channels, pixels, dataURL: canvas.toDataURL("image/png") };
}

/** paint(x): shows x, Float32Array [C, H, W], on the canvas, clipped to [-1, 1]. The canvas gets the picture's own size. */
export function painter(canvas, { width, height, channels }) {
  Object.assign(canvas, { width, height });
  canvas.classList.add("pixels");
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const out = image.data; // a clamped array: it rounds and clips by itself
  const size = width * height;
  out.fill(255);
  return (x) => {
    if (channels === 1) {
      for (let i = 0, j = 0; i < size; i += 1, j += 4) out[j] = out[j + 1] = out[j + 2] = x[i] * 127.5 + 127.5;
    } else {
      for (let i = 0, j = 0; i < size; i += 1, j += 4) {
        out[j] = x[i] * 127.5 + 127.5;
        out[j + 1] = x[i + size] * 127.5 + 127.5;
        out[j + 2] = x[i + 2 * size] * 127.5 + 127.5;
      }
    }
    context.putImageData(image, 0, 0);
  };
}

/** Fetched like everything else, with the key where the server wants one: an <img> could not send it. */
function thumbnail(name, title) {
  const image = h("img", { alt: title });
  bytes(`/api/pictures/${encodeURIComponent(name)}`).then((body) => {
    image.src = URL.createObjectURL(new Blob([body], { type: "image/png" }));
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  }, () => {}); // the title stays
  return image;
}

/** A place to drop, paste or choose a picture, and the bundled ones. Calls onPick(picture), or onError(problem). promise: what
 *  becomes of a picture of one's own; kind: of its button; onFile: what becomes of a file, if it is not to be picked; after: a
 *  promise to wait for before the bundled ones are fetched. */
export function picker({ onPick, onError = () => {}, value = null, own = true, promise = "It stays in your browser.", kind = "plain", onFile = null, after = null }) {
  const take = async (promise) => {
    try {
      onPick(await promise);
    } catch (error) {
      onError(error);
    }
  };
  const given = onFile ?? ((file) => take(readPicture(file)));
  const choices = h("div", { class: "thumbs", role: "group", "aria-label": "Bundled pictures" });
  const mark = (name) => {
    for (const each of choices.children) each.setAttribute("aria-pressed", String(each.dataset.name === name));
  };
  const place = drop({ label: "Choose a picture", hint: `or drop one, or paste. ${promise}`, name: "Picture file", accept: PICTURE_TYPES, kind, onFile: given });
  const paste = (event) => {
    const found = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    const first = [...document.querySelectorAll(".picker")].find((each) => each.checkVisibility());
    if (found && root === first) given(found);
  };
  document.addEventListener("paste", paste);
  const root = h("div", { class: "picker" }, own ? place : null, choices);
  Promise.resolve(after).then(bundledPictures).then(
    (list) => {
      clear(
        choices,
        list.map(({ name, title }) =>
          h(
            "button",
            { type: "button", class: "thumb", dataset: { name }, title, "aria-pressed": "false", onclick: () => take(loadPicture(name)) },
            thumbnail(name, title),
          ),
        ),
      );
      mark(value);
    },
    (error) => onError(error),
  );
  return Object.assign(root, { mark, destroy: () => document.removeEventListener("paste", paste) });
}
