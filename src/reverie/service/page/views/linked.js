// Linked tables: from a folder of tables tied by keys to a model of patients with all that hangs on them, in four steps.

import { mountSteps } from "../lib/steps.js";
import * as tables from "./linked/tables.js";
import * as train from "./linked/train.js";
import * as make from "./linked/make.js";
import * as complete from "./linked/complete.js";

export const title = "Linked tables";
export const summary =
  "Give the tables of a hospital, tied by keys: see how they hang together, train one model of all of them, make new patients with their stays, drugs and results, fill holes, go on with patients, and look at them in time.";

const STEPS = [
  ["tables", "Tables", tables],
  ["train", "Train", train],
  ["make", "Make", make],
  ["complete", "Complete", complete],
];

export const asks = true;
export const mount = (root, view) => mountSteps(root, STEPS, view);
