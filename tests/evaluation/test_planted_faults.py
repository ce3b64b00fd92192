"""Fidelity must be able to say no: faults planted into real patients are flagged, and real patients are not.

The healthy case is a third of the patients in the place of synthetic ones, beside two thirds to train on and to hold out: of
a simulated cohort, where all parts have one law by construction, and of PBC2.
"""

import numpy as np
import polars as pl
import pytest

from reverie.evaluation.columns import columns
from reverie.evaluation.course import course
from reverie.evaluation.joint import joint
from reverie.evaluation.measure import Split
from reverie.evaluation.pairs import pairs
from reverie.evaluation.subgroups import subgroups
from reverie.evaluation.tables import Tables
from reverie.records import read_table
from reverie.records.cohort import simulate_art4hiv


def thirds(frame, schema, seed=0):
    """(split, the third part, schema)."""
    key = schema.identifier.name
    order = np.random.default_rng(seed).permutation(frame[key].unique().sort().to_numpy())
    parts = [frame.filter(pl.col(key).is_in(part.tolist())) for part in np.array_split(order, 3)]
    return Split(parts[0], parts[1]), parts[2], schema


def simulated(seed=0):
    table = read_table(simulate_art4hiv(300, 12, seed), identifier="PatientID", time="Timestep")
    return thirds(table.frame, table.schema, seed)


@pytest.fixture(scope="module")
def art():
    return simulated()


@pytest.fixture(scope="module")
def pbc():
    table = read_table("pbc2")
    return thirds(table.frame, table.schema, 2)


def reals(schema):
    return [c.name for c in schema.varying if c.kind == "real"]


def found(section, verdict):
    return {m.name for m in section.measures if m.verdict == verdict}


@pytest.mark.parametrize("area", [columns, pairs, course, subgroups, joint])
def test_other_patients_of_the_same_law_are_not_flagged(area, art):
    section = area(Tables.read(*art))
    assert not found(section, "fault") and len(found(section, "look")) <= 1
    assert section.measures and all(m.ceiling is not None for m in section.measures)


@pytest.mark.parametrize("area", [columns, course, subgroups])
def test_other_patients_of_pbc2_are_not_flagged(area, pbc):
    section = area(Tables.read(*pbc))
    assert not found(section, "fault") and len(found(section, "look")) <= 2


@pytest.mark.parametrize("seed", [1, 2])
def test_it_is_not_luck_that_they_are_not(seed):
    case = Tables.read(*simulated(seed))
    for area in (pairs, subgroups):
        assert not found(area(case), "fault")


def test_visits_shuffled_in_time_are_flagged(art):
    """The values of each patient's visits dealt out anew among them; the times stay."""
    split, drawn, schema = art
    key, names = schema.identifier.name, [c.name for c in schema.varying]
    mixed = drawn.with_columns(pl.col(names).gather(pl.int_range(pl.len()).shuffle(seed=1)).over(key))
    assert mixed.sort(key, names[0])[names[0]].equals(drawn.sort(key, names[0])[names[0]])
    flagged = found(course(Tables.read(split, mixed, schema)), "fault")
    assert {f"fidelity.course.{name}.autocorrelation" for name in reals(schema)} <= flagged
    assert {f"fidelity.course.{name}.change" for name in reals(schema)} & flagged


def test_rows_out_of_the_order_of_time_are_flagged(art):
    split, drawn, schema = art
    assert "fidelity.course.order" in found(
        course(Tables.read(split, drawn.sample(fraction=1, shuffle=True, seed=1), schema)), "fault"
    )


def test_a_dropped_group_is_flagged_and_named(art):
    split, drawn, schema = art
    section = subgroups(Tables.read(split, drawn.filter(pl.col("Ethnic").cast(pl.String) != "2"), schema))
    lost = next(m for m in section.measures if m.name == "fidelity.subgroups.lost")
    assert lost.verdict == "fault" and "Ethnic = 2" in lost.how
    assert {"fidelity.subgroup.Ethnic = 2.share"} <= found(section, "fault") | found(section, "look")


@pytest.fixture(scope="module")
def halved(art):
    split, drawn, schema = art
    around = [((pl.col(n) - pl.col(n).median()) / 2 + pl.col(n).median()).alias(n) for n in reals(schema)]
    return split, drawn.with_columns(around), schema


def test_halved_deviations_are_flagged_in_each_column(halved):
    flagged = found(columns(Tables.read(*halved)), "fault")
    assert {f"fidelity.column.{name}.spread" for name in reals(halved[2])} <= flagged


def test_a_classifier_tells_them_too(halved):
    assert "fidelity.joint.auc" in found(joint(Tables.read(*halved)), "fault")


def test_filled_holes_are_flagged(pbc):
    split, drawn, schema = pbc
    holes = [n for n in drawn.columns if schema[n].numeric and split.train[n].null_count() > 0]
    filled = drawn.with_columns(pl.col(n).fill_null(pl.col(n).median()) for n in holes)
    section = columns(Tables.read(split, filled, schema))
    assert "fidelity.column.serChol.missing" in found(section, "fault")
    missing = {f"fidelity.column.{n}.missing" for n in holes}
    assert len(missing & (found(section, "fault") | found(section, "look"))) >= 2


def test_columns_made_each_on_its_own_are_flagged_where_they_are_looked_at_together(art):
    from reverie.evaluation import shuffled

    split, drawn, schema = art
    apart = shuffled(drawn, schema)
    assert "fidelity.pairs.association" in found(pairs(Tables.read(split, apart, schema)), "fault")


def test_the_same_seed_gives_the_same_numbers(art):
    split, drawn, schema = art
    first, second = (subgroups(Tables.read(split, drawn, schema, seed=3)) for _ in range(2))
    assert first == second
