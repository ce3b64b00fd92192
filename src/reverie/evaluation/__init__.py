"""Judging synthetic records: how alike, how private, how well imputed.

Measures take frames of visits with the source's columns, and the schema that says what the columns are.
"""

from reverie.evaluation.accuracy import Accuracy, accuracy
from reverie.evaluation.classifier import Detection, detection
from reverie.evaluation.cohort import shuffled
from reverie.evaluation.correlations import Correlations, correlations
from reverie.evaluation.crps import coverage, crps, median_error
from reverie.evaluation.distances import Nearness, nearness
from reverie.evaluation.scores import scores, tail_scores
from reverie.evaluation.shape import Kept, Lengths, Missingness, kept, lengths, missingness, time_order
from reverie.evaluation.tails import Spread, tails

__all__ = [
    "Accuracy",
    "Correlations",
    "Detection",
    "Kept",
    "Lengths",
    "Missingness",
    "Nearness",
    "Spread",
    "accuracy",
    "correlations",
    "coverage",
    "crps",
    "detection",
    "kept",
    "lengths",
    "median_error",
    "missingness",
    "nearness",
    "scores",
    "shuffled",
    "tail_scores",
    "tails",
    "time_order",
]
