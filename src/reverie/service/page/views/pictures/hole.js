// A picture as the model sees it, and a hole to paint in it.

import { h, clear } from "../../lib/dom.js";
import { button, select } from "../../lib/controls.js";
import { blobOf } from "../../lib/download.js";

export const SHAPES = {
  left: { label: "the left half", has: (x, y) => x < 0.5 },
  right: { label: "the right half", has: (x) => x >= 0.5 },
  top: { label: "the upper half", has: (x, y) => y < 0.5 },
  bottom: { label: "the lower half", has: (x, y) => y >= 0.5 },
  middle: { label: "the middle", has: (x, y) => Math.abs(x - 0.5) < 0.25 && Math.abs(y - 0.5) < 0.25 },
};
const PAINTED = "painted";
const BRUSH = 0.06; // of the shorter side

/** A canvas of the model's size with the picture as the server brings it there, and grey for a model of grey pictures. */
export async function fitted(canvas, picture, [height, width, channels], { fit = "crop", pad = null } = {}) {
  const bitmap = await createImageBitmap(blobOf(picture.dataURL));
  Object.assign(canvas, { width, height });
  const { top, left, high, wide } = frame(bitmap, [height, width], fit);
  const context = canvas.getContext("2d", { willReadFrequently: channels === 1 });
  context.imageSmoothingQuality = "high";
  context.fillStyle = pad === null || pad === "transparent" ? "#fff" : pad;
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, left, top, wide, high, 0, 0, width, height);
  bitmap.close();
  if (channels === 1) grey(context, width, height);
  return canvas;
}

/** As the server greys: the luma of ITU-R 601. */
function grey(context, width, height) {
  const image = context.getImageData(0, 0, width, height);
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) data[i] = data[i + 1] = data[i + 2] = 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
  context.putImageData(image, 0, 0);
}

/** The part of a picture that is brought to a model of this shape: its middle; or all of it, padded or stretched. {top, left, high,
 *  wide} in pixels; what is padded reaches beyond the picture. */
function frame({ width, height }, [rows, columns], fit) {
  const scale = (fit === "pad" ? Math.max : Math.min)(height / rows, width / columns);
  const [high, wide] = fit === "stretch" ? [height, width] : [Math.max(1, Math.round(rows * scale)), Math.max(1, Math.round(columns * scale))];
  return { top: Math.floor((height - high) / 2), left: Math.floor((width - wide) / 2), high, wide };
}

/** Shapes to choose from, and a canvas to paint on. .show(picture, card, own) begins anew, on the picture as the model sees it, or on
 *  all of it at its own size; .fade(on) says whether the brush does towards its edge; .mask() is a PNG of the picture's own size, white
 *  in the hole; change(name) is called with a shape that was chosen. */
export function hole({ value, change }) {
  let size = [1, 1]; // of what is painted on: the model's, or the picture's where that is smaller
  let whole = { width: 1, height: 1 };
  let part = { top: 0, left: 0, high: 1, wide: 1 };
  let inside = new Uint8Array(1); // how much of each pixel is to be new, of 255
  let soft = false;
  let shape = value;
  const below = h("canvas", { class: "pixels", "aria-hidden": "true" });
  const above = h("canvas", { class: "pixels veil", role: "img", "aria-label": "The picture, with the hole marked. Paint on it with the pointer, or choose a shape." });
  const kind = select({
    label: "Hole",
    options: [],
    onChange: (name) => {
      shape = name;
      fill();
      change(name === PAINTED ? null : name);
    },
    hint: "Choose a shape, or paint on the picture.",
  });
  const options = () => {
    const own = shape === PAINTED ? [{ value: PAINTED, label: "as painted" }] : [];
    kind.options([...Object.entries(SHAPES).map(([name, { label }]) => ({ value: name, label })), ...own]);
    kind.set(shape);
  };
  const draw = () => {
    const [height, width] = size;
    const context = above.getContext("2d");
    const image = context.createImageData(width, height);
    inside.forEach((taken, i) => taken && image.data.set([0, 114, 178, (190 * taken) / 255], 4 * i));
    context.putImageData(image, 0, 0);
  };
  const fill = () => {
    const [height, width] = size;
    const { has } = SHAPES[shape] ?? {};
    inside = Uint8Array.from({ length: height * width }, (_, i) => (has ? 255 * has(((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height) : inside[i]));
    options();
    draw();
  };
  const dab = ({ clientX, clientY }) => {
    const [height, width] = size;
    const box = above.getBoundingClientRect();
    const [x, y] = [((clientX - box.left) / box.width) * width, ((clientY - box.top) / box.height) * height];
    const radius = Math.max(0.75, BRUSH * Math.min(height, width));
    inside.forEach((taken, i) => {
      const far = Math.hypot((i % width) + 0.5 - x, Math.floor(i / width) + 0.5 - y) / radius;
      inside[i] = Math.max(taken, soft ? 255 * Math.min(1, Math.max(0, 2 - far)) : far <= 1 ? 255 : 0);
    });
    draw();
  };
  const paint = (event) => {
    if (shape !== PAINTED) {
      shape = PAINTED;
      options();
      change(null);
    }
    above.setPointerCapture(event.pointerId);
    dab(event);
  };
  above.addEventListener("pointerdown", paint);
  above.addEventListener("pointermove", (event) => event.buttons && dab(event));
  const none = button({
    label: "Paint anew",
    onClick: () => {
      shape = PAINTED;
      inside.fill(0);
      options();
      draw();
      change(null);
    },
  });
  const root = h("div", { class: "stack" }, h("div", { class: "veiled" }, below, above), kind, h("div", { class: "row" }, none));
  options();
  return Object.assign(root, {
    async show(picture, { image_shape: shapeOf, config }, own = false) {
      const as = own ? [picture.height, picture.width, shapeOf[2]] : shapeOf;
      const { fit = "crop", pad = null } = config?.source ?? {};
      await fitted(below, picture, as, { fit, pad });
      whole = picture;
      part = frame(picture, as, fit);
      const grid = [Math.min(as[0], part.high), Math.min(as[1], part.wide)];
      if (size[0] !== grid[0] || size[1] !== grid[1]) {
        size = grid;
        if (shape === PAINTED) shape = value;
        Object.assign(above, { width: size[1], height: size[0] });
      }
      fill();
    },
    fade(on) {
      soft = on;
    },
    mask() {
      const [rows, columns] = size;
      const { width, height } = whole;
      const canvas = h("canvas", { width, height });
      const context = canvas.getContext("2d");
      context.fillRect(0, 0, width, height);
      for (let y = 0; y < part.high; y += 1) {
        for (let x = 0; x < part.wide; x += 1) {
          const taken = inside[Math.floor(((y + 0.5) / part.high) * rows) * columns + Math.floor(((x + 0.5) / part.wide) * columns)];
          if (!taken) continue;
          context.fillStyle = `rgb(${taken} ${taken} ${taken})`;
          context.fillRect(part.left + x, part.top + y, 1, 1);
        }
      }
      return canvas.toDataURL("image/png");
    },
  });
}
