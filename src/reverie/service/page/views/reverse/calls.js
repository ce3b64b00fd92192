// The same run as curl, as a command and as Python.

import { curl, quoted } from "../../lib/call.js";

const PATH = "/api/trajectories";

/** The three forms of the call with this body. */
export function calls(body) {
  const short = { ...body, ...(body.picture?.startsWith("data:") ? { picture: "data:image/png;base64,..." } : {}) };
  return { curl: () => curl(PATH, short), cli: () => command(body), python: () => python(body) };
}

/** The command line knows the exact denoiser and trained runs, and walks from 10 steps on. */
function command({ model, where, guidance, denoiser, width, height, sampler, steps, eta = 0, seed }) {
  if (["oracle", "grainy"].includes(denoiser) || steps < 10) return null;
  const asked = [...(where ? ["--where", where[0]] : []), ...(guidance === undefined ? [] : ["--guidance", guidance])];
  const size = model ? ["--model", model, ...asked] : ["--width", width, "--height", height];
  const how = sampler === "ddim" ? (eta ? ` --eta ${eta}` : "") : ` --sampler ${sampler}`;
  return `reverie study reverse ${size.map(quoted).join(" ")} --steps ${steps}${how} --seed ${seed} --out reverse.png`;
}

function python({ model, where, guidance, denoiser, width, height, sampler, steps, eta = 0, seed }) {
  const told = [`steps=${steps}`, sampler === "ddim" ? (eta ? `eta=${eta}` : null) : `sampler=${JSON.stringify(sampler)}`, `seed=${seed}`, "views=None"];
  const { imports, lines, given } = by({ model, where, guidance, denoiser, width, height });
  const settings = [...given, ...told].filter(Boolean).join(", ");
  return [...imports, "from reverie.studies import reverse", "", ...lines, `run = reverse(${settings})`, "for view in run.views:", "    print(view.t, view.state.shape)  # uint8 [H, W, C]; view.predicted is the x_0 seen there", ""].join("\n");
}

/** The lines that say who denoises, and the arguments that follow from them. */
function by({ model, where, guidance, denoiser, width, height }) {
  if (model) {
    const name = JSON.stringify(model);
    const asked = [where ? `, where=${JSON.stringify(where)}` : "", guidance === undefined ? "" : `, guidance=${guidance}`].join("");
    return { imports: ["import reverie", "from reverie.studies.denoising import learned"], lines: [`who = learned(reverie.load(${name}), ${name}${asked})`], given: ["by=who"] };
  }
  if (denoiser === "oracle") {
    return { imports: ["from reverie.studies import subject", "from reverie.studies.denoising import oracle"], lines: [`who = oracle(subject("picture.png"), ${width}, ${height})`], given: ["by=who"] };
  }
  if (denoiser === "grainy") return { imports: ["from reverie.studies.denoising import grainy"], lines: [`who = grainy(${width}, ${height})`], given: ["by=who"] };
  return { imports: [], lines: [], given: [width, height] };
}
