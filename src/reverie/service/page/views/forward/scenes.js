// What is noised, and how it is shown: here a picture on a canvas; in series.js a patient's columns as lines.
//   {name, caption, x_0, shape of the noise to ask for, pick(noise) -> one number for each of x_0, scene() -> element and draw}

import { h } from "../../lib/dom.js";
import { painter } from "../../lib/pictures.js";

export function pictureScene(picture) {
  const { name, title, width, height, channels, pixels, dataURL } = picture;
  return {
    kind: "picture",
    name: name.startsWith("own:") ? title : name,
    own: name.startsWith("own:"),
    dataURL,
    caption: `${title[0].toUpperCase()}${title.slice(1)}, ${width} × ${height} pixels, ${channels === 1 ? "grey" : "colour"}. Values in [−1, 1]: −1 is black, 1 is white.`,
    x_0: pixels,
    shape: { height, width, channels },
    pick: (noise) => noise,
    scene() {
      const canvas = h("canvas", { class: "subject-canvas", role: "img", "aria-label": `x_t of ${title}; the step is set by the slider below` });
      return { element: canvas, draw: painter(canvas, picture), destroy() {} };
    },
    small: () => {
      const canvas = h("canvas", { "aria-hidden": "true" });
      return { element: canvas, draw: painter(canvas, picture), destroy() {} };
    },
  };
}
