"""Every number of fidelity beside real patients in its place: halves, their deviation, and what closed forms say of both."""

import numpy as np
import polars as pl
import pytest

from reverie.evaluation.measure import Metric, Split
from reverie.evaluation.tables import Tables
from reverie.records.kinds.comparing import kolmogorov


@pytest.fixture
def cohorts(toy):
    """(train, holdout, synthetic, schema): one real visit of each of 120, 80 and 150 patients, all of one normal law."""

    def build(seed=0, shift=0.0):
        generator = np.random.default_rng(seed)
        values = generator.standard_normal(350)
        values[200:] += shift
        frame, schema = toy(id=list(range(350)), t=[0] * 350, x=values.tolist(), y=(values + 1).tolist())
        return frame[:120], frame[120:200], frame[200:], schema

    return build


def of(train, holdout, synthetic, schema, seed=0, **told):
    tables = Tables.read(Split(train, holdout), synthetic, schema, seed)
    return tables.compared(**told) if told else tables.references


def values(cohort):
    return {"x": cohort.numbers["x"]}


def compare(a, b):
    return {"x": kolmogorov(a["x"], b["x"])}


def test_each_round_splits_the_real_patients_and_all_sides_are_as_many(cohorts):
    found = of(*cohorts())
    assert found.size == 100
    for a, b, s in found.rounds():
        assert len(a) == len(b) == len(s) == 100 and sorted([*a, *b]) == list(range(200)) and len(set(s)) == 100


def test_patients_of_the_same_law_score_as_the_ceiling_and_others_do_not(cohorts):
    gaps = []
    for seed in range(6):
        score = of(*cohorts(seed)).distances(values, compare)["x"]
        gaps.append((score.value - score.ceiling) / score.chance)
    assert np.abs(gaps).max() < 3 and abs(np.mean(gaps)) < 1
    shifted = of(*cohorts(0, shift=1.0)).distances(values, compare)["x"]
    assert shifted.value == pytest.approx(0.38, abs=0.08)  # 2 Phi(1/2) - 1
    assert (shifted.value - shifted.ceiling) / shifted.chance > 5


def test_the_deviation_by_halves_is_that_of_the_closed_form(cohorts):
    """Of a mean: sigma / sqrt(n), for the synthetic as for the real patients."""
    score = of(*cohorts()).statistics(lambda c: {"mean": float(c.numbers["x"].mean())}, halves=400)["mean"]
    assert score.deviation == pytest.approx(1 / np.sqrt(150), rel=0.15)
    assert score.ceiling_deviation == pytest.approx(1 / np.sqrt(200), rel=0.15)
    assert score.chance == pytest.approx(np.hypot(score.deviation, score.ceiling_deviation))


def test_the_floor_has_columns_of_their_own_order(cohorts):
    def together(cohort):
        return {"r": float(np.corrcoef(cohort.numbers["x"], cohort.numbers["y"])[0, 1])}

    score = of(*cohorts()).statistics(together)["r"]
    assert score.value == pytest.approx(1) and score.ceiling == pytest.approx(1) and abs(score.floor) < 0.25


def test_without_a_holdout_halves_of_the_training_patients_stand_for_it_and_it_is_said(cohorts):
    train, holdout, synthetic, schema = cohorts()
    found = of(train, holdout.clear(), synthetic, schema)
    assert found.size == 60 and found.holdout is None and "No patients were held out" in found.notes[0]
    assert found.distances(values, compare)["x"].ceiling > 0


def test_many_patients_are_subsampled_and_the_numbers_are_said(cohorts):
    found = of(*cohorts(), patients=30)
    assert (len(found.real), len(found.synthetic), len(found.shuffled), found.size) == (60, 30, 60, 30)
    assert "Of 200 real and 150 synthetic patients, 60 and 30" in " ".join(found.notes)


def test_too_few_patients_are_not_compared_and_it_is_said(cohorts):
    train, holdout, synthetic, schema = cohorts()
    found = of(train[:4], holdout[:4], synthetic, schema)
    assert found.distances(values, compare) == {} and "8 real and 150 synthetic patients" in found.notes[-1]
    lonely = of(train[:1], holdout[:1], synthetic, schema).statistics(lambda c: {"mean": float(c.numbers["x"].mean())})[
        "mean"
    ]
    assert lonely.measure(Metric("a", "a", "", tolerance=0.1)).verdict == "unknown"


def test_what_was_seen_of_the_holdout_is_told(cohorts):
    train, holdout, synthetic, schema = cohorts()
    split = Split(train, holdout, "It was chosen by.")
    assert "It was chosen by." in Tables.read(split, synthetic, schema).references.notes


def test_the_same_seed_gives_the_same_scores(cohorts):
    first, second, other = (of(*cohorts(), seed=s).distances(values, compare)["x"] for s in (1, 1, 2))
    assert first == second != other


def test_joined_cohorts_hold_both(cohorts):
    found = of(*cohorts())
    joined = found.train.join(found.holdout)
    assert len(joined) == 200 and joined.rows == 200
    assert np.array_equal(joined.numbers["x"], np.concatenate([found.train.numbers["x"], found.holdout.numbers["x"]]))
    assert isinstance(joined.time, np.ndarray) and pl.Series(joined.time).null_count() == 0
