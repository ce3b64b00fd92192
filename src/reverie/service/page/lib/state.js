// The state of a view is in the address: #/forward?picture=digits:3&t=300. A copied link shows the same view again.

const PAUSE = 200; // browsers refuse an address that changes with every frame, so writes are gathered

let waiting = null;
let timer = 0;

/** {view, params} of the address now, with writes that still wait. */
export function read() {
  flush();
  return parse(location.hash);
}

/** Changes settings of the view in the address; null removes one. With push, Back returns to the state before. With now, nothing is
 *  gathered: a page that is loaded anew begins at the address as it was then, and what waits is written too late for it. */
export function write(view, changes, { push = false, now = false } = {}) {
  if (push) flush(); // what was changed before belongs to the entry that is left
  const from = waiting ?? parse(location.hash);
  const params = from.view === view ? from.params : new URLSearchParams();
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") params.delete(key);
    else params.set(key, String(value));
  }
  waiting = { view, params };
  clearTimeout(timer);
  if (push) {
    history.pushState(null, "", address(view, params));
    waiting = null;
  } else if (now) {
    flush();
  } else {
    timer = setTimeout(flush, PAUSE);
  }
}

/** Writes what waits, at once. */
export function flush() {
  clearTimeout(timer);
  if (waiting === null) return;
  history.replaceState(null, "", address(waiting.view, waiting.params));
  waiting = null;
}

/** Drops what waits, because the address has moved on by other means. */
export function forget() {
  clearTimeout(timer);
  waiting = null;
}

/** "#/view?key=value", readable: colons, semicolons, commas, slashes and equal signs stay as they are. */
export function address(view, params = new URLSearchParams()) {
  const query = params.toString().replace(/%(?:3A|3B|2C|2F|3D)/g, decodeURIComponent);
  return `#/${view}${query ? `?${query}` : ""}`;
}

function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return { view: path, params: new URLSearchParams(query) };
}

addEventListener("pagehide", flush);
