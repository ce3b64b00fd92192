"""Judging synthetic records: how alike, how private, how well imputed.

`scores` takes frames of visits with the source's columns, and the schema that says what the columns are; single measures
take Cohorts, each of which is read once from a frame.
"""

from reverie.evaluation.accuracy import Accuracy, accuracy
from reverie.evaluation.classifier import c2st_auc
from reverie.evaluation.cohort import Cohort, shuffled
from reverie.evaluation.correlations import Correlations, correlations
from reverie.evaluation.crps import coverage, crps, median_error
from reverie.evaluation.distances import dcr_share, dcr_shares
from reverie.evaluation.scores import scores, tail_scores
from reverie.evaluation.shape import Impossible, impossible, missing_rates, missing_together
from reverie.evaluation.tails import Spread, tails

__all__ = [
    "Accuracy",
    "Cohort",
    "Correlations",
    "Impossible",
    "Spread",
    "accuracy",
    "c2st_auc",
    "correlations",
    "coverage",
    "crps",
    "dcr_share",
    "dcr_shares",
    "impossible",
    "median_error",
    "missing_rates",
    "missing_together",
    "scores",
    "shuffled",
    "tail_scores",
    "tails",
]
