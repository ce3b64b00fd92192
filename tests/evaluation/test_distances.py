"""Nearer to train or to holdout."""

import numpy as np
import polars as pl
import pytest

from reverie.evaluation.cohort import Cohort
from reverie.evaluation.distances import dcr_share, dcr_shares


def nearer(schema, train, holdout, synthetic, seed=0):
    return dcr_shares(*(Cohort.read(frame, schema) for frame in (train, holdout, synthetic)), seed)


def test_ties_count_a_half():
    assert dcr_share(np.array([1.0, 2.0, 3.0, 0.0]), np.array([2.0, 2.0, 1.0, 0.0])) == 0.5
    assert dcr_share(np.array([0.0]), np.array([1.0])) == 1


def test_patients_that_nobody_was_trained_on_are_as_near_to_either_side(halves, quarters, schema):
    found = nearer(schema, halves[0], quarters[0], quarters[1])
    assert 0.35 < found["rows"] < 0.65 and 0.35 < found["patients"] < 0.65 and found["copied"] == 0


def test_copies_of_training_patients_are_found_under_new_identifiers(halves, schema):
    train, holdout = halves
    found = nearer(schema, train, holdout, train.with_columns(pl.col("id") + 10_000))
    assert found["rows"] > 0.95 and found["patients"] == 1 and found["copied"] > 0.9


def test_slightly_changed_copies_are_found_too(halves, schema):
    train, holdout = halves
    changed = train.with_columns(pl.col("serBilir", "albumin", "SGOT", "platelets") * 1.05)
    found = nearer(schema, train, holdout, changed)
    assert found["rows"] > 0.9 and found["patients"] > 0.9 and found["copied"] == 0


def test_a_larger_training_half_gives_no_advantage(halves, quarters, schema):
    large = pl.concat([halves[0], quarters[0].with_columns(pl.col("id") + 10_000)])
    found = [nearer(schema, large, quarters[0], quarters[1], seed)["rows"] for seed in range(4)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.12)
