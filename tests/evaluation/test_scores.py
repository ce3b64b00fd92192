"""Every measure at once: the ceiling, the floor, and that nothing depends on chance or on the order of patients."""

import polars as pl
import pytest

from reverie.evaluation import scores, shuffled


def test_the_floor_keeps_marginals_and_statics_and_nothing_else(halves, schema):
    mixed = shuffled(halves[1], schema, seed=1)
    assert mixed.columns == halves[1].columns and mixed["year"].equals(halves[1]["year"])
    assert mixed["albumin"].sort().equals(halves[1]["albumin"].sort()) and not mixed["albumin"].equals(halves[1]["albumin"])
    assert mixed.group_by("id").agg(pl.col("age", "sex").n_unique())["age"].max() == 1


def test_the_held_out_half_scores_better_than_the_floor_on_every_measure_of_structure(halves, schema):
    train, holdout = halves
    ceiling, floor = scores(train, holdout, holdout, schema), scores(train, holdout, shuffled(holdout, schema), schema)
    assert ceiling["order"] == 1 and ceiling["faults"] == floor["faults"] == 0
    assert ceiling["auc"] < 0.62 < 0.95 < floor["auc"]
    for better in ("accuracy.overall", "accuracy.bivariate", "accuracy.trivariate", "accuracy.coherence"):
        assert ceiling[better] > floor[better] + 0.02
    for lower in ("correlation.static", "correlation.trend", "missing.together_mean"):
        assert 1.5 * ceiling[lower] < floor[lower]
    assert ceiling["nearer.rows"] < 0.1  # it is the holdout itself: the third part of a cohort is to be asked for 0.5


def test_the_same_seed_gives_the_same_scores(halves, quarters, schema):
    few = [frame.head(150) for frame in (halves[0], *quarters)]
    first, second = (scores(*few, schema, seed=3) for _ in range(2))
    assert first == pytest.approx(second, nan_ok=True, abs=0, rel=0)
