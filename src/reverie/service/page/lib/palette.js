// The colours of curves: those of the figures. Curves differ in dash as well, so that no one needs the colours.

export const EVIDENCE = { exact: "#0072B2", oracle: "#D55E00", learned: "#009E73" };
export const TABLES = { real: "#0072B2", synthetic: "#D55E00", "set aside": "#009E73" };
export const DOTTED = [2, 4];
export const DASHED = [8, 5];

const DASHES = [[], DASHED, [8, 4, 2, 4], DOTTED, [14, 6], [14, 5, 2, 5], [6, 2, 2, 2, 2, 2], [2, 6]]; // pixels drawn, left out, drawn ...

const HUES = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", null, "#F0E442"]; // null: the ink

/** The colour of curve number i. Near-black becomes the ink of the theme. */
export function hue(i) {
  return HUES[i % HUES.length] ?? colour("ink");
}

/** The same where a style says it: there the ink follows the theme by itself. */
export function hueIn(i) {
  return HUES[i % HUES.length] ?? "var(--ink)";
}

/** The dash of curve number i. */
export function dash(i) {
  return DASHES[i % DASHES.length];
}

/** A colour of the style sheet (ink, soft, paper, raised, line, wash, accent, danger) as the browser resolves it now. */
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  probe.hidden = true;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Calls back whenever the theme changes, by the toggle or by the system; returns the way to stop. */
export function onTheme(callback) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  document.addEventListener("themechange", callback);
  system.addEventListener("change", callback);
  return () => {
    document.removeEventListener("themechange", callback);
    system.removeEventListener("change", callback);
  };
}
