// Runs: the trained models of this workspace. Which there are; several beside each other; one, with all that is known of it.

import { compare } from "./runs/compare.js";
import { list } from "./runs/list.js";
import { one } from "./runs/one.js";

export const title = "Runs";
export const summary = "What was trained here: how far each came, what it learned, and what its report says of it. A run is one folder, to rename, to take away, to delete.";

export function mount(root, view) {
  const { params } = view;
  if (params.get("run")) return one(root, params.get("run"));
  if (params.get("compare")) return compare(root, params.get("compare").split(",").filter(Boolean));
  return list(root, view);
}
