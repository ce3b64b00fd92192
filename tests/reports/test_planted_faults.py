"""The report says no: each planted fault ends in a sentence under "not good for" or "look at", and a healthy table in none.

Healthy is a third, independent sample of the same patients. Parts that cannot see a fault are left out, for time.
"""

import re

import numpy as np
import polars as pl
import pytest

from reverie.evaluation.areas import AREAS
from reverie.evaluation.cohort import shuffled
from reverie.evaluation.measure import Split
from reverie.evaluation.privacy import copies, membership
from reverie.evaluation.tables import Tables
from reverie.reports import report_on_tables
from reverie.reports.evidence import schema_of
from reverie.reports.parts import made
from reverie.reports.verdict import Verdict, verdict

KEY, TIME = "PatientID", "Timestep"


def said(tables, synthetic: pl.DataFrame, *parts: str) -> Verdict:
    """The verdict on these parts of the report."""
    train, holdout, _ = tables
    read = Tables.read(Split(train, holdout), synthetic, schema_of(train, holdout))
    sections, failed = made([area for area in AREAS if area.name in parts], read)
    assert failed == [] and len(sections) == len(parts)
    return verdict(sections)


def faults(found: Verdict, claim: str) -> bool:
    return any(s.claim == claim for s in (*found.of("not"), *found.of("look")))


def test_a_healthy_table_has_no_fault_at_all_and_the_headline_says_on_how_many_patients_that_rests(healthy):
    faulty = [(m.name, m.why) for s in healthy.sections for m in s.measures if m.verdict == "fault"]
    assert faulty == [] and healthy.verdict.of("not") == () and healthy.cautions == ()
    assert len(healthy.verdict.of("good")) >= 8
    assert healthy.verdict.headline.endswith("This rests on 150 training, 150 held-out and 150 synthetic patients.")


def test_each_table_of_a_report_is_read_once(healthy, read):
    shuffled = ["table", "table"]  # train and holdout
    assert healthy.sections and sorted(read) == ["held-out table", "synthetic table", *shuffled, "training table"]


def test_every_number_of_a_report_is_declared_with_the_references_that_it_stands_beside(healthy):
    declared = {metric.claim for area in AREAS for metric in area.metrics}
    for measure in (m for section in healthy.sections for m in section.measures):
        assert measure.metric is not None and measure.metric.name == measure.name and measure.metric.claim in declared
        assert measure.ceiling is None or "ceiling" in measure.metric.beside
        assert measure.floor is None or "floor" in measure.metric.beside


def test_real_patients_with_every_column_shuffled_earn_no_claim(tables):
    train, holdout, synthetic = tables
    floor = shuffled(synthetic, schema_of(train, holdout), 5)
    parts = ("fidelity.columns", "use.effects", "use.next_visit", "privacy.copies", "privacy.membership")
    found = said(tables, floor, *parts)
    assert found.of("good") == () and {"single columns", "privacy"} <= {s.claim for s in found.of("open")}


@pytest.mark.parametrize("count", [1, 2])
def test_one_patient_or_two_earn_no_claim_and_are_counted_in_words(tables, count):
    few = [frame.filter(pl.col(KEY) < frame[KEY].min() + count) for frame in tables]
    found = report_on_tables(*few)
    assert found.verdict.of("good") == () and "privacy" in found.verdict.headline
    told = " ".join([found.html(), found.card(), found.verdict.headline])
    assert "1 patients" not in told and not re.search(r"\b1 (training|held-out|synthetic|real) patients", told)
    assert f"{count} held-out and {'1 synthetic patient' if count == 1 else '2 synthetic patients'}." in told


@pytest.mark.parametrize(
    ("count", "why"), [(12, "there are 12 held-out patients"), (24, "of the training patients could be missed")]
)
def test_few_held_out_support_no_claim_on_privacy(tables, count, why):
    train, holdout, synthetic = tables
    few = holdout.filter(pl.col(KEY) < holdout[KEY].min() + count)
    (told,) = said((train, few, synthetic), synthetic, "privacy.copies", "privacy.membership").sentences
    assert told.kind == "open" and why in told.text


def test_a_claim_on_privacy_is_made_only_where_the_training_table_itself_would_be_found_out(tables):
    train, holdout, _ = tables
    read = Tables.read(Split(train, holdout), train, schema_of(train, holdout))
    for area in (area for area in AREAS if area.attack):
        found = {m.name: m for m in area(read).measures}
        assert not [name for name, m in found.items() if m.verdict == "fine"], area.name
        assert any(m.verdict == "fault" for m in found.values()), area.name


def test_a_copy_by_chance_is_none_and_a_copy_of_a_table_of_many_columns_is(tables):
    draw = np.random.default_rng(0)

    def narrow(count: int, first: int) -> pl.DataFrame:
        levels = {name: draw.choice(["a", "b", "c"], 2 * count) for name in ("x", "y", "z")}
        return pl.DataFrame({"id": np.repeat(np.arange(count), 2) + first, "visit": [1, 2] * count, **levels})

    train, holdout, synthetic = narrow(43, 0), narrow(12, 100), narrow(43, 200)
    read = Tables.read(Split(train, holdout), synthetic, schema_of(train, holdout))
    assert not [m.name for m in copies(read).measures if m.verdict == "fault"]
    train, holdout, synthetic = tables
    shift = synthetic[KEY].min() - train[KEY].min()
    one = train.with_columns(pl.col(KEY) + shift).filter(pl.col(KEY) < synthetic[KEY].min() + 2)
    mixed = pl.concat([one, synthetic.filter(pl.col(KEY) >= synthetic[KEY].min() + 2)])
    found = copies(Tables.read(Split(train, holdout), mixed, schema_of(train, holdout))).measures[0]
    assert found.value == pytest.approx(2 / 150) and found.verdict == "fault"


def test_a_leak_as_small_as_the_report_says_would_have_been_found(tables):
    train, holdout, synthetic = tables
    sections = [membership(Tables.read(Split(train, holdout), synthetic, schema_of(train, holdout)))]
    (leak,) = (m.detects for s in sections for m in s.measures if m.name == "privacy.membership.found")
    shift, place = synthetic[KEY].min() - train[KEY].min(), pl.col(KEY) - synthetic[KEY].min()
    count = int(np.ceil(leak * train[KEY].n_unique()))
    leaked = train.with_columns(pl.col(KEY) + shift).filter(place < count)
    mixed = pl.concat([leaked, synthetic.filter(place >= count)])
    assert 0 < leak < 0.2 and "privacy.membership.found" in said(tables, mixed, "privacy.membership").flagged


def test_a_third_of_patients_copied_from_training(tables):
    train, _, synthetic = tables
    shift = synthetic[KEY].min() - train[KEY].min()
    place = pl.col(KEY) - synthetic[KEY].min()
    copied = train.with_columns(pl.col(KEY) + shift).filter(place < 50)
    mixed = pl.concat([copied, synthetic.filter(place >= 50)])
    found = said(tables, mixed, "privacy.copies", "privacy.nearest")
    assert faults(found, "privacy") and "privacy.copies.patients" in found.flagged


def test_visits_shuffled_in_time(tables):
    synthetic = tables[2]
    shuffled = synthetic.with_columns(pl.exclude(KEY, TIME, "Gender", "Ethnic").shuffle(seed=1).over(KEY))
    assert faults(said(tables, shuffled, "fidelity.course"), "course in time")


def test_one_subgroup_dropped(tables):
    synthetic = tables[2]
    level = synthetic["Ethnic"].mode()[0]
    assert faults(said(tables, synthetic.filter(pl.col("Ethnic") != level), "fidelity.subgroups"), "subgroups")


def test_deviation_of_labs_halved(tables):
    labs = ("VL", "CD4", "Rel CD4")
    narrow = tables[2].with_columns(((pl.col(c).log() + pl.col(c).log().mean()) / 2).exp() for c in labs)
    found = said(tables, narrow, "fidelity.columns")
    assert faults(found, "single columns") and any("CD4" in name for name in found.flagged)


def test_missing_values_filled_in(tables):
    g = np.random.default_rng(0)
    holes = tuple(
        frame.with_columns(pl.when(pl.Series(g.random(frame.height) < 0.3)).then(None).otherwise(pl.col("CD4")).alias("CD4"))
        for frame in tables
    )
    whole = holes[2].with_columns(pl.col("CD4").fill_null(pl.col("CD4").median()))
    assert not faults(said(holes, holes[2], "fidelity.columns"), "single columns")
    assert faults(said(holes, whole, "fidelity.columns"), "single columns")


@pytest.mark.parametrize("sign", [1, -1])
def test_an_outcomes_effect_reversed(tables, sign):
    def with_outcome(frame: pl.DataFrame, effect: float, seed: int) -> pl.DataFrame:
        first = frame.group_by(KEY, maintain_order=True).agg(pl.col("CD4").log().mean().alias("m"))
        z = ((first["m"] - first["m"].mean()) / first["m"].std()).to_numpy()
        chance = np.random.default_rng(seed).random(len(z))
        died = np.where(chance < 1 / (1 + np.exp(-2 * effect * z)), "yes", "no")
        return frame.join(
            first.select(KEY).with_columns(pl.Series("death", died)), on=KEY, how="left", maintain_order="left"
        )

    real = (with_outcome(tables[0], 1, 1), with_outcome(tables[1], 1, 2), tables[2])
    found = said(real, with_outcome(tables[2], sign, 3), "use.effects", "use.prediction")
    flagged = faults(found, "effects") or faults(found, "prediction models")
    assert flagged == (sign < 0), found.json()
