// Jobs of the server: posted, followed to their results through broken lines and restarts, stopped; and news asked for again and
// again.

import { Problem, ask, asked, get, post, unanswered } from "./api.js";
import { question, record } from "./recording.js";
import { said } from "./words.js";

const SILENT = 30_000; // heartbeats come every 10 s: a stream that says nothing for so long is gone
const POLL = 1000;
const PAUSES = [1, 2, 4, 8, 15, 30]; // seconds between two questions to a server that does not answer; the last goes on
const AWAY = [0, 502, 503, 504]; // no answer, that of a proxy before it, or that of a server which stops or has no room

/**
 * Posts work and follows it to its result. onState(job view), onProgress({done, total, seconds_left}), onSay(sentence) and
 * onMetric(data) are called as news come; onAway(seconds until it is asked again) while the server does not answer, and
 * onAway(null) when it does. Abort the signal to cancel the job on the server; then an AbortError is thrown.
 */
export async function job(path, body, { signal, wait = 0, ...hear } = {}) {
  signal?.throwIfAborted();
  const { status, body: reply } = await post(path, body, { wait }); // not dropped on abort: the job would live on unknown
  const stop = () => status === 202 && patiently(() => cancel(reply.id)).catch(() => {});
  if (signal?.aborted) {
    stop();
    throw new DOMException("The work was cancelled.", "AbortError");
  }
  if (status !== 202) return reply;
  signal?.addEventListener("abort", stop, { once: true });
  try {
    hear.onState?.(reply);
    return await rejoin(reply.id, { ...hear, signal });
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** Follows a job that was posted before, all its news from the first on, to its result; a server that is begun anew still
 *  has it. Aborting the signal only stops following: the job goes on. */
export async function rejoin(id, { onState, onProgress, onSay, onMetric, onAway, onEnd, signal } = {}) {
  const base = `/api/jobs/${encodeURIComponent(id)}`;
  const hear = { state: onState, progress: onProgress, say: (data) => onSay?.(said(data.message ?? data)), metric: onMetric };
  const insist = (act) => patiently(act, { onAway, signal });
  let last = 0;
  const end = await insist(async (answered) => {
    for (let silent = 0; silent < 3; silent += 1) {
      const found = await stream(`${base}/events`, last, signal, answered, (event) => {
        silent = 0;
        if (event.id) last = event.id;
        if (event.kind !== "end") hear[event.kind]?.(event.data);
      });
      if (found) return found;
      await pause(300 * (silent + 1), signal);
    }
    return poll(base, hear, signal, answered); // a proxy may swallow streams: asking again and again still works
  });
  onEnd?.(end);
  if (end.state === "succeeded") {
    const result = await insist(() => get(`${base}/result`, { signal }));
    if (asked.has(id)) record(asked.get(id), result); // so that a saved page can answer at once
    asked.delete(id);
    return result;
  }
  if (end.state === "cancelled") throw new DOMException("The work was cancelled.", "AbortError");
  throw new Problem(end.error ?? { title: "The work did not finish", detail: `The job ended as ${end.state}: try again.` });
}

/** Asks the server to stop a job; its view. */
export async function cancel(id) {
  return (await post(`/api/jobs/${encodeURIComponent(id)}/cancel`, {})).body;
}
// --- following a job --------------------------------------------------------------------------------------------------

/** News of `path` again and again until `signal` is aborted: onNews(body) each time, then a pause of every() milliseconds. A tab
 *  that nobody looks at asks nothing; where the server is away onAway is called as by `job`. */
export async function watch(path, { every, onNews, onAway, signal }) {
  for (;;) {
    onNews(await patiently(() => get(path, { signal }), { onAway, signal }));
    await pause(every(), signal);
    while (document.hidden) await pause(POLL, signal);
  }
}

/** What `act` gives, asked again while the server is away, after pauses that grow until it says answered(). */
async function patiently(act, { onAway, signal } = {}) {
  let failures = 0;
  const answered = () => {
    if (failures) onAway?.(null);
    failures = 0;
  };
  for (;;) {
    try {
      const found = await act(answered);
      answered();
      return found;
    } catch (error) {
      if (!(error instanceof Problem && AWAY.includes(error.status))) {
        answered();
        throw error;
      }
      const seconds = PAUSES[Math.min(failures, PAUSES.length - 1)];
      failures += 1;
      onAway?.(seconds);
      await pause(1000 * seconds, signal);
    }
  }
}

async function stream(path, last, signal, onOpen, onEvent) {
  const quiet = new AbortController();
  const stop = () => quiet.abort();
  signal?.addEventListener("abort", stop, { once: true });
  let timer = setTimeout(stop, SILENT);
  try {
    const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": String(last) } : {}) };
    const response = await ask(path, { headers, signal: quiet.signal });
    onOpen();
    let told = "";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return null;
      clearTimeout(timer);
      timer = setTimeout(stop, SILENT);
      text += value.replace(/\r\n?/g, "\n");
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event === null) continue;
        told += `${block}\n\n`;
        onEvent(event);
        if (event.kind !== "end") continue;
        if (last === 0) record(question("GET", path), told, { type: "text/event-stream" });
        return event.data;
      }
    }
  } catch (error) {
    if (signal?.aborted) throw new DOMException("The work was cancelled.", "AbortError");
    if (error.name === "AbortError") return null;
    throw error instanceof Problem ? error : unanswered(); // cut in the middle
  } finally {
    clearTimeout(timer);
    quiet.abort();
    signal?.removeEventListener("abort", stop);
  }
}

function parseEvent(block) {
  const event = { id: null, kind: "message", data: "" };
  const lines = [];
  for (const line of block.split("\n")) {
    const [name, value] = line.split(/: ?(.*)/s);
    if (name === "id") event.id = Number(value) || null;
    else if (name === "event") event.kind = value;
    else if (name === "data") lines.push(value);
  }
  if (lines.length === 0) return null;
  try {
    event.data = JSON.parse(lines.join("\n"));
  } catch {
    event.data = lines.join("\n");
  }
  return event;
}

async function poll(base, hear, signal, answered) {
  for (;;) {
    const view = await get(base, { signal });
    answered();
    hear.state?.(view);
    if (view.progress) hear.progress?.(view.progress);
    if (!["queued", "running"].includes(view.state)) return view;
    await pause(POLL, signal);
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new DOMException("The work was cancelled.", "AbortError"));
    if (signal?.aborted) return stop();
    signal?.addEventListener("abort", stop, { once: true });
    setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
  });
}
