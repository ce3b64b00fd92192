"""Every thing that a user can ask for, declared once: its request, its cost, its function.

The command line, the service, its document and its page are derived from these declarations. This list is all that is read
to print `reverie --help`, so it imports nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reverie.operations.declare import Operation

__all__ = ["OPERATIONS", "TITLES", "find"]

OPERATIONS: dict[str, dict[str, str]] = {
    "describing": {
        "description": "What each column of a table is taken to be, and why.",
        "series": "One patient's numbers over time, and the cohort's mean and deviation.",
    },
    "conditions": {"conditions": "What a table tells of pictures, and of how many."},
    "linking": {"linked": "What each of several tables is, and how they are tied by keys."},
    "timelines": {"timelines": "Patients of linked tables, one by one, in time: stays, events, what lasts."},
    "converting": {"conversion": "Linked tables in another form: MEDS, OMOP, FHIR, or a folder of plain tables."},
    "simulating": {"simulation": "A simulated cohort, calibrated to what is published of a real one."},
    "training": {"training": "Train a model within a budget."},
    "distilling": {"distillation": "Teach a new run to make pictures in one to four calls of its network."},
    "reporting": {"report": "Whether what a model makes is realistic, useful and private, with the evidence."},
    "exporting": {"export": "A model of pictures in another layout, to the same pictures; or any as a page to give away."},
    "sampling": {"sample": "New patients, or new pictures, of a trained run."},
    "imputing": {"imputation": "Fill the holes of a table, or go on with each patient's record."},
    "editing.image_to_image": {
        "image-to-image": "Make a picture over: noise up to a level, then the reverse process.",
    },
    "editing.restoring": {
        "inpaint": "Fill the hole of a picture; every pixel outside it stays as it is.",
        "upscale": "Enlarge a picture to the model's size: draws of what its small copy may be of.",
        "deblur": "Sharpen a blurred picture: draws of what it may have been.",
    },
    "editing.retracing": {
        "invert": "Take a picture back to the noise that it would have come from.",
        "interpolate": "Go from one picture to another by the arc between their noises.",
    },
    "studies.forward": {
        "analysis": "How a picture drowns in noise: states at even steps, with the signal that is left and the SNR in dB.",
        "forward": "The forward process at chosen steps: signal power, noise power and SNR of each state.",
        "walk": "From a noisy picture back to itself by the true posterior: an oracle, which is given the picture.",
    },
    "studies.reverse": {
        "reverse": "From pure noise to a picture, step by step, with what is predicted of it at each.",
    },
    "studies.trajectory": {
        "trajectory": "A reverse process, every state of it.",
    },
    "studies.comparison": {
        "comparison": "The same starting noise through several samplers and numbers of steps: error, calls, seconds.",
    },
    "studies.posteriors": {
        "posteriors": "Posterior samplers against exact posteriors: their error at as many passes through the denoiser.",
    },
    "studies.schedules": {
        "statistics": "A schedule in numbers: its beta, its alpha, its SNR in dB.",
        "schedule": "A schedule's tables over t = 0..T",
        "schedules": "Compare schedules: beta, alpha_bar, log-SNR and posterior variance, and their ends in a table.",
        "network": "A recipe's network, layer by layer: what each answers for one example, and its weights.",
    },
    "studies.views": {"views": "What one prediction says in all four views: noise, clean, velocity and score."},
    "studies.playground": {
        "playground": "Points that you drew, learned in seconds: exact and learned score, and samples along both.",
    },
    "studies.proofs": {
        "proofs": "Check every step of the derivations and every identity now, in float64.",
        "mistakes": "Show the known mistakes failing, with the damage.",
    },
}
"""By module below reverie.operations, the operations it declares, each with its title."""

TITLES = {name: title for module in OPERATIONS.values() for name, title in module.items()}
_MODULES = {name: module for module, names in OPERATIONS.items() for name in names}


def find(name: str) -> Operation:
    """The operation of this name. Raises KeyError if there is none."""
    module = importlib.import_module(f"reverie.operations.{_MODULES[name]}")
    return next(each for each in vars(module).values() if getattr(each, "does", None) and each.name == name)
