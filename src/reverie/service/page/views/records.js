// Records: from a table of visits to a model of patients, in four steps.

import { mountSteps } from "../lib/steps.js";
import * as describe from "./records/describe.js";
import * as train from "./records/train.js";
import * as generate from "./records/generate.js";
import * as complete from "./records/complete.js";

export const title = "Patient records";
export const summary =
  "Give a table of visits: see how it is read, train a model of it, make new patients with the properties you ask for, and fill or continue the record of one, with the uncertainty shown.";

const STEPS = [
  ["describe", "Describe", describe],
  ["train", "Train", train],
  ["generate", "Generate", generate],
  ["complete", "Complete", complete],
];

export const asks = true;
export const mount = (root, view) => mountSteps(root, STEPS, view);
