// Files: the workspace, folder by folder; files come in, go out and are deleted here.

import { h, clear } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { drop } from "../lib/drop.js";
import { address } from "../lib/state.js";
import { amount, empty, failure, many } from "../lib/states.js";
import { uploads } from "../lib/uploads.js";
import { within } from "./files/folder.js";
import { table } from "./files/table.js";

export const title = "Files";
export const summary = "What this server keeps in its workspace: tables and pictures you gave, and all that was made of them.";

export function mount(root, { params }) {
  const folder = (params.get("in") ?? "").replace(/^\/+|\/+$/g, "");
  const place = h("div", { class: "stack" });
  const held = h("div");
  const under = (name) => (folder ? `${folder}/${name}` : name);
  const kept = new Map();
  let open = true;

  const arriving = uploads({ onDone: () => list() });
  const dropped = drop({ label: "Choose files", hint: `or drop them here. They are kept ${folder ? `in ${folder}` : "in the workspace of this server"}.`, name: "Files", several: true, onFile: (file) => arriving.send(file, under(file.name)) });

  async function list() {
    try {
      const found = await get("/api/files");
      if (!open) return;
      clear(held, quota(found));
      const inside = within(found.files, folder);
      dropped.hidden = inside.run !== null; // nothing is added to a run by hand
      const nothing = folder ? empty(`There is nothing in ${folder}. Drop a file above, or go back.`, h("a", { class: "button", href: address("files") }, "All files")) : empty("The workspace is empty. Drop a table or a picture above; what you make of it is kept here too.");
      const at = document.activeElement;
      clear(place, inside.folders.length + inside.files.length ? table(inside, { onChange: list, kept }) : nothing);
      if (place.contains(at)) at.focus(); // a line that is put back loses it
    } catch (problem) {
      if (open) clear(place, failure(problem, list));
    }
  }

  clear(place, h("p", { class: "soft", role: "status" }, "Asking the server …"));
  root.append(h("div", { class: "stage" }, h("div", { class: "spread" }, crumbs(folder), held), dropped, arriving.root, place));
  list();
  return () => (open = false);
}

/** Where one is, each folder above a link. */
function crumbs(folder) {
  const parts = folder ? folder.split("/") : [];
  const step = (name, to, last) => h("li", null, last ? h("span", { "aria-current": "location", class: "strong" }, name) : h("a", { href: address("files", new URLSearchParams(to ? { in: to } : {})) }, name));
  return h("nav", { class: "crumbs", "aria-label": "Folders" }, h("ol", null, step("Workspace", "", parts.length === 0), parts.map((name, i) => step(name, parts.slice(0, i + 1).join("/"), i === parts.length - 1))));
}

function quota({ files, limits, used = null }) {
  const bytes = used?.bytes ?? files.reduce((sum, file) => sum + file.bytes, 0);
  const words = `${amount(bytes)} of ${amount(limits.total_bytes)}, ${many(files.length, "file")} of ${limits.files.toLocaleString("en")}`;
  return h("div", { class: "quota" }, h("span", { class: "hint" }, words), h("progress", { max: limits.total_bytes, value: bytes, "aria-label": "Room that is used" }));
}
