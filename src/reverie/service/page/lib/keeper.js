// Pictures of one's own are kept in this browser alone, under the hash of their bytes, so that a link can name them here.

import { record, replay, saved } from "./recording.js";

const LIMIT = 30; // the oldest go first

const held = new Map(); // those of this page, for browsers that keep nothing

function store(mode, act) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("reverie", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("pictures", { keyPath: "id" });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      const transaction = database.transaction("pictures", mode);
      const request = act(transaction.objectStore("pictures"));
      transaction.oncomplete = () => {
        database.close();
        resolve(request.result);
      };
      transaction.onerror = () => reject(transaction.error);
    };
  });
}

/** Keeps a picture; its id. Where the browser forbids storage the id is given all the same. */
export async function keep(title, blob) {
  const id = hash(new Uint8Array(await blob.arrayBuffer()));
  held.set(id, { title, blob });
  remember(id, { title, blob });
  try {
    await store("readwrite", (pictures) => pictures.put({ id, title, blob, at: Date.now() }));
    const all = await store("readonly", (pictures) => pictures.getAll());
    for (const old of all.sort((a, b) => b.at - a.at).slice(LIMIT)) await store("readwrite", (pictures) => pictures.delete(old.id));
  } catch {
    // a private window: the picture lives as long as the page
  }
  return id;
}

/** {title, blob} of an id, or null. */
export async function kept(id) {
  const found = saved ? await given(id) : (held.get(id) ?? (await stored(id)));
  if (found) remember(id, found);
  return found;
}

async function stored(id) {
  try {
    return (await store("readonly", (pictures) => pictures.get(id))) ?? null;
  } catch {
    return null;
  }
}

/** For a page that is saved, with the pictures of one's own that it shows. */
function remember(id, { title, blob }) {
  record(`title ${id}`, { title });
  record(`kept ${id}`, blob);
}

/** In such a page. */
async function given(id) {
  const picture = replay(`kept ${id}`);
  return picture && { ...(await replay(`title ${id}`).json()), blob: await picture.blob() };
}

/** FNV-1a, twice 32 bits: a name, not a seal (crypto.subtle is missing where a page is served without TLS). */
export function hash(data) {
  let low = 0x811c9dc5;
  let high = 0xcbf29ce4;
  for (const byte of data) {
    low = Math.imul(low ^ byte, 0x01000193);
    high = Math.imul(high ^ byte, 0x01000193) ^ (low >>> 15);
  }
  return [low, high].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
}
