// Pictures: what a trained model makes, and how it changes pictures that are given.

import { mountSteps } from "../lib/steps.js";
import * as make from "./pictures/make.js";
import * as change from "./pictures/change.js";

export const title = "Pictures";
export const summary =
  "Let a model that was trained here make new pictures, of the class you ask for; or change one of yours: make it over, fill a hole in it, enlarge it, sharpen it, take it to its noise and back, lead it to another.";

const STEPS = [
  ["make", "Make", make],
  ["change", "Change", change],
];

export const asks = true;
export const mount = (root, view) => mountSteps(root, STEPS, view);
