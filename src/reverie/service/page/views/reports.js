// Reports: whether what a run makes is realistic, useful and private. Made here, followed here, read here.

import { list } from "./reports/list.js";
import { make } from "./reports/make.js";
import { read } from "./reports/read.js";

export const title = "Reports";
export const summary = "Whether what a run makes is realistic, useful and private, with the evidence: every score stands beside what real data held out would score.";
export const asks = true;

export function mount(root, view) {
  const { params } = view;
  if (params.has("make")) return make(root, view);
  const name = params.get("report") ?? params.get("name");
  if (name) return read(root, name);
  return list(root, view);
}
