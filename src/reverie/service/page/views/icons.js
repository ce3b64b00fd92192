// The few signs of the transport, drawn; each stands beside its word.

import { svg } from "../lib/dom.js";

const PATHS = {
  play: "M4 2.5v11l9.5-5.5Z",
  pause: "M4 2.5h3v11H4ZM9 2.5h3v11H9Z",
  step: "M3 2.5v11L9.5 8ZM10.5 2.5h2v11h-2Z",
  back: "M13 2.5v11L6.5 8ZM3.5 2.5h2v11h-2Z",
  stop: "M3.5 3.5h9v9h-9Z",
};

/** A sign, hidden from screen readers. */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 16 16", width: 14, height: 14, fill: "currentColor", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}
