// The forward view as a call: the guide's endpoint, the command line, Python.

import { curl, quoted } from "../../lib/call.js";
import { nameOf, python, schedulePath, sets } from "../../lib/schedules.js";
import { stepsOf } from "./filmstrip.js";
import { seriesPath } from "./patients.js";

/** Forms for callDialog; view() gives the state of the view now. */
export function calls(view) {
  const steps = ({ t, steps: most }) => [...new Set([...stepsOf(most), t])].sort((a, b) => a - b);
  return {
    curl() {
      const now = view();
      if (now.kind === "series") return [curl(seriesPath(now)), curl(schedulePath(now.schedule))].join("\n");
      const body = { timesteps: steps(now), schedule: { name: now.schedule.name, ...now.schedule.settings }, seed: now.seed };
      const path = "/api/diffusion/demonstrate-forward-diffusion";
      if (!now.picture.startsWith("own:")) return curl(path, { image_path: now.picture, ...body });
      const rest = JSON.stringify(body).slice(1);
      return `curl -s ${location.origin}${path} \\\n  -H 'Content-Type: application/json' \\\n  -d '{"image_base64": "data:image/png;base64,'$(base64 < ${quoted(pictureFile(now))} | tr -d '\\n')'", '${quoted(rest)}`;
    },
    cli() {
      const now = view();
      if (now.kind === "series") return null;
      const parts = ["reverie", "study", "forward", quoted(pictureFile(now)), "--at", steps(now).join(",")];
      if (now.schedule.name !== "linear") parts.push("--schedule", now.schedule.name);
      parts.push(...sets(now.schedule));
      if (now.seed) parts.push("--seed", now.seed);
      return `${parts.join(" ")} --out forward.png`;
    },
    python() {
      const now = view();
      const schedule = `schedule = ${python(now.schedule)}  # ${nameOf(now.schedule)}`;
      if (now.kind === "series") {
        return `from reverie.process import GaussianProcess, NoiseSchedule, draw, generator\n\n${schedule}\nprocess = GaussianProcess(schedule)\n# x_0: float64 [1, 1, columns, visits], each column as (value - mean) / std of the cohort\nnoise = draw(x_0, generator(${now.seed}, "study", "forward"))\nx_t = process.corrupt(x_0, ${now.t}, noise)`;
      }
      return `from reverie.process import NoiseSchedule\nfrom reverie.studies import forward\n\n${schedule}\nstudy = forward(${JSON.stringify(pictureFile(now))}, ${JSON.stringify(steps(now))}, schedule, seed=${now.seed})\nfor frame in study.frames:\n    print(frame.t, frame.alpha_bar, frame.snr_db)`;
    },
  };
}

function pictureFile({ picture, subject }) {
  return picture.startsWith("own:") ? (subject?.name ?? "picture.png") : picture;
}
