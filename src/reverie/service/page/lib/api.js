// Calls to the server, one request each. What goes wrong arrives as a Problem, whose detail is a sentence to show.

import { askForKey, authorization } from "./key.js";
import { BEYOND, question, record, repeatable, replay, saved } from "./recording.js";
import { fieldsOf, said } from "./words.js";

/** The question of each job that is followed, by its id. */
export const asked = new Map();

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
  return { status: response.status, body: reply, job: response.headers.get("X-Job") };
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

/** The Response to one request, with the key where the server wants one. taken: as of `bytes`. Throws a Problem. */
export async function ask(path, options, taken = false) {
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

/** The Problem of no answer at all. */
export function unanswered() {
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
