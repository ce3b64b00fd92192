// The numbers of a run's training, all that there are and then, while it trains, those that come.

import { get, path } from "../../lib/api.js";

const PAUSE = 1500;
const PART = 5000; // lines of one answer

/** Calls onLines(lines, run's state) until the signal is aborted or the run trains no more. What goes wrong ends it. */
export async function follow({ name, state }, signal, onLines) {
  let after = 0;
  try {
    for (;;) {
      const { metrics, last } = await get(`/api/models/${path(name)}/metrics?after=${after}`, { signal });
      after = last;
      if (metrics.length) onLines(metrics);
      if (metrics.length >= PART) continue;
      if (state !== "training") return;
      await new Promise((done) => setTimeout(done, PAUSE));
      if (signal.aborted) return;
      if (metrics.length === 0) state = (await get("/api/models", { signal })).models.find((run) => run.name === name)?.state;
    }
  } catch {
    // the curve stays as it is: what else is wrong is told by the rest of the view
  }
}
