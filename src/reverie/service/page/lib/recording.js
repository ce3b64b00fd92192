// What the server has answered, kept so that a view can be saved as a page without a server; in such a page, all that can be said.
//
//   a name for each question  ->  {at, status, type, blob}        "GET /api/models", "POST /api/samples {...}", "kept 3f2a..."
//
// Answers to GETs stay as long as they have room, for modules remember them; those to POSTs go with the view that asked.

const ROOM = 24_000_000; // bytes of answers; the oldest go first

/** What a saved page was made with: {title, address, made, answers}; null where there is a server. */
export const saved = JSON.parse(document.getElementById("recording")?.textContent ?? "null");

/** What is said of all that a saved page was not given. */
export const BEYOND = "This is a saved page: it holds what was on it when it was saved. For anything else open Reverie itself, with reverie serve.";

const answers = new Map();
let view = viewOf(location.hash);

addEventListener("hashchange", () => {
  const next = viewOf(location.hash);
  if (next === view) return;
  view = next;
  for (const name of answers.keys()) if (!name.startsWith("GET ")) answers.delete(name);
});

/** What an answer is kept under. */
export function question(method, path, body = "") {
  return typeof body === "string" ? `${method} ${path} ${body}`.trim() : `${method} ${path}`;
}

/** Whether an answer can be given again: not a stream, nor a job that is under way. */
export function repeatable(response, { method = "GET" }) {
  const streamed = (response.headers.get("Content-Type") ?? "").startsWith("text/event-stream");
  return !streamed && response.status === 200 && ["GET", "POST"].includes(method);
}

/** Keeps an answer under the name of its question: a Response, an object (as JSON) or a Blob. Nothing in a saved page. */
export async function record(name, answer, { status = 200, type = "application/json" } = {}) {
  if (saved) return;
  answers.delete(name); // the newest stands last
  if (answer instanceof Response) {
    const entry = { status: answer.status, type: answer.headers.get("Content-Type") ?? "", blob: null };
    answers.set(name, entry);
    try {
      entry.blob = await answer.blob();
    } catch {
      answers.delete(name); // cut in the middle
    }
  } else {
    const blob = answer instanceof Blob ? answer : new Blob([typeof answer === "string" ? answer : JSON.stringify(answer)], { type });
    answers.set(name, { status, type: blob.type, blob });
  }
  let total = 0;
  for (const each of answers.values()) total += each.blob?.size ?? 0;
  for (const [oldest, { blob }] of answers) {
    if (total <= ROOM) break;
    total -= blob?.size ?? 0;
    answers.delete(oldest);
  }
}

/** The recorded Response to a question, or null. */
export function replay(name) {
  const found = saved.answers[name];
  if (!found) return null;
  const body = found.text ?? Uint8Array.from(atob(found.base64), (character) => character.charCodeAt(0));
  return new Response(body, { status: found.status, headers: { "Content-Type": found.type } });
}

/** All answers that are there, as strict JSON. */
export async function recorded() {
  const found = {};
  for (const [name, { status, type, blob }] of answers) {
    if (blob === null) continue;
    found[name] = { status, type, ...(/[/+]json\b|^text\//.test(type) ? { text: await blob.text() } : { base64: await base64(blob) }) };
  }
  return found;
}

function viewOf(hash) {
  return hash.replace(/^#\/?/, "").split("?")[0];
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
