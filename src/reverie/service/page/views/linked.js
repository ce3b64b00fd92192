// Linked tables: from a folder of tables tied by keys to a model of patients with all that hangs on them, in three steps.

import { mountSteps } from "../lib/steps.js";
import * as tables from "./linked/tables.js";
import * as train from "./linked/train.js";
import * as make from "./linked/make.js";

export const title = "Linked tables";
export const summary =
  "Give the tables of a hospital, tied by keys: see how they hang together, train one model of all of them, make new patients with their stays, drugs and results, and look at one beside a real one.";

const STEPS = [
  ["tables", "Tables", tables],
  ["train", "Train", train],
  ["make", "Make", make],
];

export const asks = true;
export const mount = (root, view) => mountSteps(root, STEPS, view);
