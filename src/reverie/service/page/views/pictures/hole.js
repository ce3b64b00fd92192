// A picture as the model sees it, and a hole to paint in it.

import { h, clear } from "../../lib/dom.js";
import { button, select } from "../../lib/controls.js";
import { blobOf } from "../../lib/download.js";

const SHAPES = {
  left: { label: "the left half", has: (x, y) => x < 0.5 },
  right: { label: "the right half", has: (x) => x >= 0.5 },
  top: { label: "the upper half", has: (x, y) => y < 0.5 },
  bottom: { label: "the lower half", has: (x, y) => y >= 0.5 },
  middle: { label: "the middle", has: (x, y) => Math.abs(x - 0.5) < 0.25 && Math.abs(y - 0.5) < 0.25 },
};
const PAINTED = "painted";
const BRUSH = 0.06; // of the shorter side

/** A canvas of the model's size with the middle of the picture, as the server cuts it. */
export async function fitted(canvas, picture, [height, width]) {
  const bitmap = await createImageBitmap(blobOf(picture.dataURL));
  Object.assign(canvas, { width, height });
  const scale = Math.min(bitmap.width / width, bitmap.height / height);
  const [cutWidth, cutHeight] = [width * scale, height * scale];
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (bitmap.width - cutWidth) / 2, (bitmap.height - cutHeight) / 2, cutWidth, cutHeight, 0, 0, width, height);
  bitmap.close();
  return canvas;
}

/** The shape of the address, the left half if it tells none. */
export function toldHole(params) {
  return params.get("hole") in SHAPES ? params.get("hole") : "left";
}

/** Shapes to choose from, and a canvas to paint on. .show(picture, shape) begins anew; .mask() is a PNG, white in the hole;
 *  change(name) is called with a shape that was chosen. */
export function hole({ value, change }) {
  let size = [1, 1];
  let inside = new Uint8Array(1);
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
    inside.forEach((taken, i) => taken && image.data.set([0, 114, 178, 190], 4 * i));
    context.putImageData(image, 0, 0);
  };
  const fill = () => {
    const [height, width] = size;
    const { has } = SHAPES[shape] ?? { has: (x, y, i) => inside[i] };
    inside = Uint8Array.from({ length: height * width }, (_, i) => has(((i % width) + 0.5) / width, (Math.floor(i / width) + 0.5) / height, i));
    options();
    draw();
  };
  const dab = ({ clientX, clientY }) => {
    const [height, width] = size;
    const box = above.getBoundingClientRect();
    const [x, y] = [((clientX - box.left) / box.width) * width, ((clientY - box.top) / box.height) * height];
    const radius = Math.max(0.75, BRUSH * Math.min(height, width));
    inside.forEach((_, i) => {
      if (Math.hypot((i % width) + 0.5 - x, Math.floor(i / width) + 0.5 - y) <= radius) inside[i] = 1;
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
    async show(picture, shapeOf) {
      await fitted(below, picture, shapeOf);
      if (size[0] !== shapeOf[0] || size[1] !== shapeOf[1]) {
        size = shapeOf;
        if (shape === PAINTED) shape = value;
        Object.assign(above, { width: size[1], height: size[0] });
      }
      fill();
    },
    mask() {
      const [height, width] = size;
      const canvas = h("canvas", { width, height });
      const context = canvas.getContext("2d");
      const image = context.createImageData(width, height);
      inside.forEach((taken, i) => image.data.set(taken ? [255, 255, 255, 255] : [0, 0, 0, 255], 4 * i));
      context.putImageData(image, 0, 0);
      return canvas.toDataURL("image/png");
    },
  });
}
