// Calls to the server. What goes wrong arrives as a Problem, whose detail is a sentence to show.

import { askForKey, authorization } from "./key.js";
import { BEYOND, question, record, repeatable, replay, saved } from "./recording.js";
import { fieldsOf, said } from "./words.js";

const SILENT = 30_000; // heartbeats come every 10 s: a stream that says nothing for so long is gone
const POLL = 1000;
const PAUSES = [1, 2, 4, 8, 15, 30]; // seconds between two questions to a server that does not answer; the last goes on
const AWAY = [0, 502, 503, 504]; // no answer, that of a proxy before it, or that of a server which stops or has no room
const asked = new Map(); // the question of each job that is followed, by its id

/** An answer that is not the one hoped for, in words for this page. status is 0 where the server did not answer at all; named: the
 *  fields of the request that its sentence speaks of. */
export class Problem extends Error {
  constructor({ status = 0, title = "Something went wrong", detail = "", errors = [], request_id = null, type = "" }) {
    super(said(detail || title));
    const told = (errors ?? []).map((error) => ({ ...error, message: said(error.message) }));
    Object.assign(this, { status, title, detail: this.message, errors: told, named: fieldsOf(detail), requestId: request_id, type });
  }
}

const HERE = new URL("../..", import.meta.url).pathname.replace(/\/$/, ""); // what a proxy has in front of all addresses

/** Where the browser finds an address of the service, such as /api/jobs. */
export function urlOf(address) {
  return HERE + address;
}

/** A name of the workspace as part of an address. */
export function path(name) {
  return name.split("/").map(encodeURIComponent).join("/");
}

/** The body of a GET: an object for JSON, else a Response. */
export async function get(path, { signal } = {}) {
  const response = await ask(path, { signal });
  return isJson(response) ? response.json() : response;
}

/** The bytes of a GET. taken: whether they are only to be taken away, and no part of what the view shows. */
export async function bytes(path, { signal, taken = false } = {}) {
  return (await ask(path, { signal }, taken)).arrayBuffer();
}

/** {status, body} of a POST. wait: seconds the server may take before it answers with a job instead, which has a key of its
 *  own, so that the same request sent twice is done once. */
export async function post(path, body, { wait = null, signal } = {}) {
  const headers = { "Content-Type": "application/json" };
  if (wait !== null) Object.assign(headers, { Prefer: `wait=${wait}`, "Idempotency-Key": newKey() });
  const response = await ask(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  const reply = isJson(response) ? await response.json() : null;
  if (response.status === 202) asked.set(reply.id, question("POST", path, JSON.stringify(body)));
  return { status: response.status, body: reply };
}

/** Uploads a file or a blob; the reply's body. onSent(bytes so far) is called as it goes, which fetch cannot tell. */
export function put(path, blob, { onSent = () => {}, signal } = {}) {
  if (saved) return Promise.reject(beyond());
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", urlOf(path));
    for (const [name, value] of Object.entries({ "Content-Type": blob.type || "application/octet-stream", ...authorization() })) request.setRequestHeader(name, value);
    const stopped = () => new DOMException("The upload was stopped.", "AbortError");
    if (signal?.aborted) return reject(stopped());
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.upload.addEventListener("progress", ({ loaded }) => onSent(loaded));
    request.addEventListener("abort", () => reject(stopped()));
    request.addEventListener("error", () => reject(unanswered()));
    request.addEventListener("load", async () => {
      const answer = new Response(request.response, { status: request.status, headers: { "Content-Type": request.getResponseHeader("Content-Type") ?? "" } });
      if (answer.ok) return resolve(isJson(answer) ? await answer.json() : null);
      if (answer.status === 401 && (await askForKey("Authorization" in authorization()))) return resolve(put(path, blob, { onSent, signal }));
      return reject(await problemOf(answer));
    });
    return request.send(blob);
  });
}

/** Removes a file. */
export async function remove(path) {
  await ask(path, { method: "DELETE" });
}

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

// --- one request --------------------------------------------------------------------------------------------------------

async function ask(path, options, taken = false) {
  const name = question(options.method ?? "GET", path, options.body);
  if (saved) return replay(name) ?? Promise.reject(beyond());
  for (;;) {
    const authorized = authorization();
    const headers = { ...options.headers, ...authorized };
    let response;
    try {
      response = await fetch(urlOf(path), { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw unanswered();
    }
    if (response.ok) {
      if (!taken && repeatable(response, options)) record(name, response.clone());
      return response;
    }
    const problem = await problemOf(response);
    if (response.status !== 401) throw problem;
    if (!(await askForKey("Authorization" in authorized))) throw problem;
  }
}

function beyond() {
  return new Problem({ status: 404, title: "This is a saved page", detail: BEYOND });
}

function unanswered() {
  return new Problem({ title: "No answer", detail: "The server does not answer: is reverie serve still running?" });
}

async function problemOf(response) {
  let body = {};
  try {
    if (isJson(response)) body = await response.json();
  } catch {
    // an error without a readable body still has its status
  }
  const title = body.title ?? `The server answered ${response.status}`;
  return new Problem({ ...body, title, status: response.status, detail: typeof body.detail === "string" ? body.detail : title });
}

function isJson(response) {
  return /[/+]json\b/.test(response.headers.get("Content-Type") ?? "");
}

function newKey() {
  const parts = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(parts, (part) => part.toString(16).padStart(8, "0")).join("");
}
