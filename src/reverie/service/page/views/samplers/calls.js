// The same comparison as curl, as a command and as Python.

import { curl, quoted } from "../../lib/call.js";

export const PATH = "/api/comparisons";

/** The three forms of the call with this body. */
export function calls(body) {
  return { curl: () => curl(PATH, body), cli: () => command(body), python: () => python(body) };
}

function command({ model, width, height, samplers, steps, seed, reference_steps: most }) {
  const size = model ? `--model ${quoted(model)}` : `--width ${width} --height ${height}`;
  return `reverie study compare ${samplers.map((name) => `--sampler ${name}`).join(" ")} --steps ${steps.join(",")} ${size} --reference-steps ${most} --seed ${seed} --out samplers.png`;
}

function python({ model, width, height, samplers, steps, seed, reference_steps: most }) {
  const name = JSON.stringify(model);
  const who = model ? `learned(reverie.load(${name}), ${name})` : `grainy(${width}, ${height})`;
  return [
    ...(model ? ["import reverie"] : []),
    "from reverie.studies import compare",
    `from reverie.studies.denoising import ${model ? "learned" : "grainy"}`,
    "",
    `found = compare(${JSON.stringify(samplers)}, ${JSON.stringify(steps)}, ${who}, reference_steps=${most}, seed=${seed})`,
    "for cell in found.cells:",
    "    print(cell.sampler, cell.steps, cell.calls, cell.seconds, cell.error)",
    "",
  ].join("\n");
}
