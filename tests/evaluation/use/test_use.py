"""What is learned from synthetic patients: right where they are of the same population, flagged where a law was turned."""

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from reverie.errors import UsageError
from reverie.evaluation.cohort import Cohort
from reverie.evaluation.measure import Split
from reverie.evaluation.tables import Tables
from reverie.evaluation.use import effects, next_visit, policy, prediction, purposes
from reverie.evaluation.use.design import Encoder, Rows, resampled
from reverie.evaluation.use.effects import overlap
from reverie.evaluation.use.fits import cox, regression
from reverie.evaluation.use.next_visit import ridge
from reverie.evaluation.use.policy import weighted
from reverie.records import Schema, read_table

_spec = importlib.util.spec_from_file_location("cohorts", Path(__file__).with_name("cohorts.py"))
assert _spec and _spec.loader
cohorts = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cohorts)
SCHEMA, cohort = cohorts.SCHEMA, cohorts.cohort
SECTIONS = (prediction, effects, next_visit, policy)


@pytest.fixture(scope="module")
def split() -> Split:
    return Split(cohort(300, 1), cohort(250, 2))


def read(split: Split, synthetic: pl.DataFrame, seed: int = 0) -> Tables:
    return Tables.read(split, synthetic, SCHEMA, seed)


def found(split: Split, synthetic: pl.DataFrame, *sections) -> dict:
    return {m.name: m for section in sections or SECTIONS for m in section(read(split, synthetic)).measures}


def flagged(measures: dict) -> set[str]:
    return {name for name, m in measures.items() if m.verdict == "fault"}


def test_patients_of_the_same_population_are_not_flagged(split):
    healthy = found(split, cohort(300, 3))
    assert {name: m.why for name, m in healthy.items() if m.verdict in ("look", "fault")} == {}
    assert all(m.value is not None for m in healthy.values())


def test_an_outcome_whose_effect_is_reversed_is_a_fault_of_prediction_and_of_effects(split):
    turned = found(split, cohort(300, 3, effect=-1.5), prediction, effects)
    assert {
        "use.prediction.outcome.auc",
        "use.prediction.outcome.slope",
        "use.effects.outcome.reversed",
        "use.effects.outcome.largest",
        "use.effects.survival.reversed",
    } <= flagged(turned)
    assert turned["use.prediction.outcome.auc"].value < 0.25
    assert "x" in turned["use.effects.outcome.reversed"].how


def test_an_outcome_of_pbc2_whose_labels_are_turned_is_a_fault():
    table = read_table("pbc2")
    order = np.random.default_rng(0).permutation(len(table))
    train, holdout, drawn = (table.take(np.sort(part)).frame for part in np.split(order, [104, 208]))
    real = Split(train, holdout)
    turned = drawn.with_columns((1 - pl.col("status2")).alias("status2"))
    for synthetic, expected in ((drawn, False), (turned, True)):
        tables = Tables.read(real, synthetic, table.schema)
        faults = {m.name for s in (prediction, effects) for m in s(tables).measures if m.verdict == "fault"}
        assert ("use.prediction.outcome.auc" in faults and "use.effects.outcome.largest" in faults) == expected
        assert expected or not faults


def test_visits_shuffled_in_time_are_a_fault_of_the_next_visit(split):
    mixed = cohort(300, 3).with_columns(pl.col("marker", "drug").shuffle(seed=0).over("id"))
    mixed = mixed.with_columns(pl.col("marker").shuffle(seed=1))
    assert "use.next_visit.explained" in flagged(found(split, mixed, next_visit))


def test_what_is_explained_of_the_next_visit_is_the_square_of_its_correlation(split):
    section = next_visit(read(Split(cohort(900, 4), cohort(900, 5)), cohort(900, 6)))
    shown = section.figures["next_visit.columns"]
    at = shown["labels"].index("marker")
    assert shown["series"]["real"][at] == pytest.approx(cohorts.RHO**2, abs=0.04)
    assert shown["series"]["synthetic"][at] == pytest.approx(cohorts.RHO**2, abs=0.04)


def test_a_treatment_that_was_exchanged_is_a_fault_of_the_policy(split):
    turned = cohort(300, 3).with_columns(pl.col("drug").replace({"A": "B", "B": "A"}))
    assert {"use.policy.agreement", "use.policy.surprise"} <= flagged(found(split, turned, policy))


def test_measures_are_the_same_for_a_seed(split):
    synthetic = cohort(300, 3)
    for section in (prediction, next_visit):
        assert section(read(split, synthetic, 5)) == section(read(split, synthetic, 5))


def test_without_held_out_patients_nothing_is_tested(split):
    alone = Split(split.train, split.holdout.clear())
    for section in SECTIONS:
        assert all(m.value is None and "held out" in m.why for m in section(read(alone, cohort(50, 3))).measures)


# --- the parts ----------------------------------------------------------------------------------------------------------


def test_regressions_are_those_of_statsmodels_and_find_what_was_planted():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(3000, 2))
    y = (draw.random(3000) < 1 / (1 + np.exp(-(0.5 + x @ [1.0, -0.5])))).astype(float)
    logistic = regression(x, y, ["a", "b"], logistic=True)
    expected = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    assert logistic is not None
    assert logistic.b == pytest.approx(expected.params[1:], abs=1e-6)
    assert logistic.s == pytest.approx(expected.bse[1:], abs=1e-6)
    time = draw.exponential(np.exp(-x @ [0.7, 0.0]))
    hazard = cox(x, time, np.ones(3000), ["a", "b"])
    assert hazard is not None and hazard.b == pytest.approx([0.7, 0.0], abs=0.08)
    assert regression(x, (x[:, 0] > 0).astype(float), ["a", "b"], logistic=True) is None  # separable


def test_overlap_of_intervals():
    b, s = np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0])
    half = 1.959964
    assert overlap(b, s, np.array([0.0, half, 10.0]), s) == pytest.approx([1, 0.5, 0])
    assert overlap(b[:1], s[:1], b[:1], 0.5 * s[:1]) == pytest.approx([0.75])  # 1/2 (1/2 + 1)


def test_weighted_importance_sampling_of_known_policies():
    draw = np.random.default_rng(0)
    action = draw.random(20_000) < 0.5
    reward = np.where(action, 1.0, 0.0) + draw.normal(0, 0.1, 20_000)
    value, effective = weighted(np.where(action, 0.9, 0.1), np.full(20_000, 0.5), reward)
    assert value == pytest.approx(0.9, abs=0.02)
    assert effective == pytest.approx(20_000 / (2 * (0.81 + 0.01)), rel=0.02)
    assert weighted(np.full(9, 0.3), np.full(9, 0.3), reward[:9]) == pytest.approx((reward[:9].mean(), 9))


def test_ridge_finds_a_line_where_cells_are_missing():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(4000, 3))
    y = np.stack([x @ [1.0, 2.0, 0.0] + 1, x @ [0.0, 0.0, 3.0]], axis=1)
    y[draw.random(4000) < 0.5, 1] = np.nan
    at = np.eye(3)
    assert ridge(x, y, at) == pytest.approx(np.array([[2, 0], [3, 0], [1, 3]]), abs=0.01)


def test_predictors_are_scaled_by_the_table_that_the_model_is_fitted_to():
    fitted = Cohort.read(cohort(200, 1), SCHEMA)
    rows = Rows(fitted, fitted.offsets[:-1])
    encoder = Encoder.fit(rows, ["x", "drug"])
    x = encoder(rows)
    assert x.shape == (200, 5)  # a column of 0, the score and its flag, two levels
    assert x[:, 1].mean() == pytest.approx(0, abs=1e-9) and x[:, 1].std() == pytest.approx(1, abs=0.03)
    assert (x[:, 3] + x[:, 4] == 1).all() and (x[:, 2] == 0).all()


def test_patients_are_drawn_whole():
    patient = np.repeat([0, 1, 2, 5], [2, 1, 3, 2])
    rows = resampled(patient, np.random.default_rng(0))
    drawn = patient[rows]
    lengths = {0: 2, 1: 1, 2: 3, 5: 2}
    assert all((drawn == p).sum() % n == 0 for p, n in lengths.items())
    assert sum((drawn == p).sum() // n for p, n in lengths.items()) == 4


def test_purposes_are_those_of_the_schema_else_guessed_and_said():
    told = purposes(SCHEMA)
    assert (told.outcome.name, told.treatment.name, told.follow_up.name, told.notes) == ("death", "drug", "years", ())
    guessed = purposes(read_table("pbc2").schema)
    assert (guessed.outcome.name, guessed.treatment.name, guessed.follow_up.name) == ("status2", "drug", "years")
    assert len(guessed.notes) == 3 and "status2 was taken for the outcome by its name" in guessed.notes[0]


def test_a_column_that_tells_the_outcome_by_itself_is_left_out_and_named():
    table = read_table("pbc2")
    split = Split(table.take(range(150)).frame, table.take(range(150, 312)).frame)
    section = prediction(Tables.read(split, split.train, table.schema))
    assert any("status2 is predicted without years, status" in note for note in section.notes)


def test_a_purpose_is_kept_in_the_schema_file_and_given_once():
    assert Schema.from_yaml(SCHEMA.yaml(), "schema.yaml") == SCHEMA
    text = SCHEMA.yaml().replace("purpose: treatment", "purpose: outcome")
    with pytest.raises(UsageError, match="at most one column whose purpose is outcome"):
        Schema.from_yaml(text, "schema.yaml")
