// A canvas as wide as its place and sharp on every screen, which is drawn again when its size or the theme changes.

import { h } from "./dom.js";
import { colour, onTheme } from "./palette.js";

/** {element, draw(...values), destroy}: paint(context, width, look, ...values) draws; look has the theme's soft, line and font. */
export function surface({ kind, height, label = null }, paint) {
  const element = h("canvas", { class: kind, role: "img", "aria-label": label, style: { height: `${height}px`, width: "100%" } });
  const context = element.getContext("2d");
  let width = 0;
  let look = null;
  let last = null;
  const again = () => {
    if (last === null || width === 0) return;
    look ??= { soft: colour("soft"), line: colour("line"), font: `12px ${getComputedStyle(document.body).fontFamily}` };
    context.clearRect(0, 0, width, height);
    paint(context, width, look, ...last);
  };
  const size = new ResizeObserver(() => {
    const scale = devicePixelRatio || 1;
    width = element.clientWidth;
    Object.assign(element, { width: Math.round(width * scale), height: Math.round(height * scale) });
    context.setTransform(scale, 0, 0, scale, 0, 0);
    again();
  });
  size.observe(element);
  const unwatch = onTheme(() => {
    look = null;
    again();
  });
  return {
    element,
    draw(...values) {
      last = values;
      again();
    },
    destroy() {
      size.disconnect();
      unwatch();
    },
  };
}
