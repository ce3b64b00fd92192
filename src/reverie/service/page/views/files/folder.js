// What stands in one folder, from the names of all files.

const CONFIG = "config.yaml";

/** {folders: [{name, path, files, bytes, modified, run}], files, run} of what is below `folder` ("" is the workspace itself). A run
 *  is a folder with config.yaml; run at the end: that in which the folder is, null if it is in none. */
export function within(all, folder) {
  const start = folder ? `${folder}/` : "";
  const folders = new Map();
  const files = [];
  for (const file of all) {
    if (!file.name.startsWith(start)) continue;
    const [name, ...below] = file.name.slice(start.length).split("/");
    if (below.length === 0) {
      files.push({ ...file, path: file.name, name });
      continue;
    }
    const known = folders.get(name) ?? { name, path: start + name, files: 0, bytes: 0, modified: file.modified, run: false };
    folders.set(name, { ...known, files: known.files + 1, bytes: known.bytes + file.bytes, modified: later(known.modified, file.modified), run: known.run || isRun(below) });
  }
  const around = all.map(({ name }) => name).find((name) => isRun([name.split("/").at(-1)]) && start.startsWith(name.slice(0, -CONFIG.length)));
  return { folders: [...folders.values()], files, run: around?.slice(0, -CONFIG.length - 1) ?? null };
}

const isRun = (below) => below.length === 1 && below[0] === CONFIG;
const later = (one, other) => (other > one ? other : one);
