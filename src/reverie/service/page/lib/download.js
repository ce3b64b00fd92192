// What is on the screen, as a file.

import { bytes, urlOf } from "./api.js";
import { h } from "./dom.js";
import { authorization } from "./key.js";

/** Saves an object as JSON, or text (CSV, code) as it is. */
export function saveData(name, data) {
  const text = typeof data === "string" ? data : `${JSON.stringify(data, null, 2)}\n`;
  const type = name.endsWith(".csv") ? "text/csv" : name.endsWith(".json") ? "application/json" : "text/plain";
  saveBlob(name, new Blob([text], { type }));
}

/** Saves a canvas, or a picture by its data URL, as PNG. A canvas is saved at its own size, not at that on the screen. */
export async function savePicture(name, picture) {
  const blob = picture instanceof HTMLCanvasElement ? await new Promise((done) => picture.toBlob(done, "image/png")) : blobOf(picture);
  if (blob) return saveBlob(name, blob);
  // A canvas that has left the screen meanwhile is empty: nobody waits for it.
  if (picture.isConnected) throw new Error("The browser could not write this picture: try a smaller one.");
}

/** Saves what the server has at an address: by the browser alone where that may, so that it takes no memory. */
export async function saveFrom(address, name) {
  if (Object.keys(authorization()).length > 0) return saveBlob(name, new Blob([await bytes(address)]));
  const link = h("a", { href: urlOf(address), download: name });
  document.body.append(link);
  link.click();
  return link.remove();
}

/** Saves bytes. */
export function saveBlob(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the browser needs the address until the file is written
}

/** Rows as CSV; fields with commas, quotes or line ends are quoted. */
export function csv(columns, rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

/** The bytes of a data URL. */
export function blobOf(dataURL) {
  const [head, body] = dataURL.split(",");
  const raw = atob(body);
  return new Blob([Uint8Array.from(raw, (character) => character.charCodeAt(0))], { type: head.slice(5).split(";")[0] });
}
