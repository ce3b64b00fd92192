"""Visits told by name: in order of time inside, by their very names outside."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records import Schema, read_table
from reverie.records.shapes import VARIANT, Visits
from reverie.records.visit_names import order_of

draw = np.random.default_rng(0)
WEEKS = ["Screening", "Baseline", "Week 4", "Week 8", "Week 12"]


def trial(*records: list[str], column: str = "visit", patients: int = 30) -> pl.DataFrame:
    """Patients who come by turns to the visits of each record."""
    rows = [(p + 1, name, "MF"[p % 2]) for p in range(patients) for name in records[p % len(records)]]
    frame = pl.DataFrame(rows, schema=["id", column, "sex"], orient="row")
    return frame.with_columns(pl.Series("lab", draw.normal(8, 1, len(rows)).round(1)))


def order(*records: list[str]) -> dict[str, float] | None:
    found = order_of(trial(*records), "id", "visit")
    return None if found is None else found.times


@pytest.mark.parametrize(
    ("names", "times"),
    [
        (WEEKS, [-4, 0, 4, 8, 12]),
        (["baseline_arm_1", "month_3_arm_1", "month_6_arm_1"], [0, 3, 6]),
        (["Screening", "Day 1", "Day 8", "EOT"], [-6, 1, 8, 15]),
        (["Day -7", "Day 1", "Day 8"], [-7, 1, 8]),
        (["V1", "V2", "V10"], [1, 2, 10]),
        (["Baseline", "6 months", "12 months"], [0, 6, 12]),
        (["BL", "M6", "M12", "M24"], [0, 6, 12, 24]),
        (["Baseline", "3", "6"], [0, 3, 6]),
        (["Baseline", "Week 1", "Month 3", "Year 1"], [0, 1, 2, 3]),  # of several units: they are counted
        (["Day -7", "Baseline", "Day 8"], [0, 1, 2]),
        (["admission", "icu", "ward", "discharge"], [0, 1, 2, 3]),  # where the rows put them
        (["pre", "post"], [0, 1]),
    ],
)
def test_names_stand_in_order_of_time(names, times):
    found = order(names)
    assert found is not None and [found[name] for name in names] == times


def test_the_order_does_not_hang_on_that_of_the_rows_where_names_tell_it():
    assert order(WEEKS[::-1], [WEEKS[2], WEEKS[0]]) == order(WEEKS)


def test_names_that_nothing_puts_in_order_have_none():
    assert order(["a", "b", "c"], ["a", "c", "b"]) is None
    assert order(["a", "b"], ["c", "d"]) is None  # who has both?


def test_names_become_times_and_come_back_as_they_were():
    frame = trial(WEEKS[:4], WEEKS[:3], WEEKS)
    table = read_table(frame)
    assert table.schema.time.name == "visit" and set(table.frame["visit"]) == {-4, 0, 4, 8, 12}
    assert table.schema.unshaped(table.frame).equals(frame)
    assert Schema.from_yaml(table.schema.yaml(), "schema.yaml") == table.schema
    assert any("Screening (-4), Baseline (0), Week 4 (4)" in note for note in table.notes)


def test_arms_and_spellings_are_kept():
    arms = trial(["baseline_arm_1", "month_3_arm_1"], ["baseline_arm_2", "month_3_arm_2"], column="redcap_event_name")
    table = read_table(arms)
    assert set(table.frame["redcap_event_name"]) == {0, 3} and table.schema[VARIANT].role == "static"
    assert VARIANT not in [column.name for column in table.schema.shown]
    assert table.schema.unshaped(table.frame).equals(arms)
    spelled = trial(["Baseline", "Week 4"], ["baseline", "week 4"], ["Baseline", "week 4"])
    table = read_table(spelled)
    assert set(table.frame["visit"]) == {0, 4} and table.schema.unshaped(table.frame).equals(spelled)


def test_made_times_become_names_in_order_none_twice(model):
    frame = trial(WEEKS[:4], WEEKS[:3], [WEEKS[0], *WEEKS[2:]], WEEKS)
    made = model(frame).sample(60, steps=2)
    assert made.schema == frame.schema and set(made["visit"]) <= set(WEEKS)
    for names in made.group_by("id", maintain_order=True).agg("visit")["visit"].to_list():
        places = [WEEKS.index(name) for name in names]
        assert places == sorted(set(places))
    shape = read_table(frame).schema.shapes[0]
    assert isinstance(shape, Visits)
    off = pl.DataFrame({"id": [1] * 3 + [2] * 5, "visit": [-3.0, -1.0, 1.0, 8.0, 9.0, 12.0, 13.0, 30.0]})
    assert shape.undo(off)["visit"].to_list() == [*WEEKS[:3], *WEEKS]


def test_what_was_given_comes_back_and_forecasts_end_with_the_last_name(model):
    frame = trial(WEEKS[:3], WEEKS[:2])
    frame = frame.with_columns(pl.when(pl.int_range(len(frame)) % 7 == 0).then(None).otherwise(pl.col("lab")).alias("lab"))
    whole = trial(WEEKS)
    visits = model(pl.concat([frame, whole.with_columns(pl.col("id") + 100)]))
    filled = visits.impute(frame)[0]
    assert filled.drop("lab").equals(frame.drop("lab")) and filled["lab"].null_count() == 0
    longer = visits.forecast(frame, 2)[0]
    for names in longer.group_by("id", maintain_order=True).agg("visit")["visit"].to_list():
        places = [WEEKS.index(name) for name in names]
        assert places == sorted(set(places)) and names[:2] == WEEKS[:2]
    with pytest.raises(UsageError, match=r"'1' was last seen at 'Week 12'.*ask for fewer"):
        visits.forecast(whole, 1)
    strange = frame.with_columns(visit=pl.col("visit").replace("Week 4", "Week 99"))
    with pytest.raises(DataError, match="data row 3, column 'visit': 'Week 99' is none of the visits known"):
        visits.impute(strange)


@pytest.mark.parametrize("word", [None, "NA", ""])
def test_a_visit_without_a_name_is_a_fault_with_its_row(word):
    frame = trial(WEEKS).with_columns(
        visit=pl.when(pl.int_range(pl.len()) == 4).then(pl.lit(word, pl.String)).otherwise(pl.col("visit"))
    )
    with pytest.raises(DataError, match="data row 5, column 'visit': the cell is empty"):
        read_table(frame)
    with pytest.raises(DataError, match="data row 5, column 'visit': the cell is empty"):
        read_table(frame, read_table(trial(WEEKS)).schema)


def test_a_column_of_times_goes_before_names():
    frame = trial(WEEKS).with_columns(day=pl.int_range(pl.len()).over("id") * 28)
    schema = read_table(frame).schema
    assert schema.time.name == "day" and schema["visit"].kind == "categorical" and not schema.shapes


def test_an_order_that_may_be_chance_is_asked_for():
    frame = trial(["a", "b", "c"])
    with pytest.raises(UsageError, match="may stand in any order: say `time=visit` to take them as their rows come"):
        read_table(frame)
    table = read_table(frame, time="visit")
    assert table.frame["visit"][:3].to_list() == [0, 1, 2] and table.schema.unshaped(table.frame).equals(frame)
    with pytest.raises(UsageError, match="do not stand in one order"):
        read_table(trial(["a", "b", "c"], ["a", "c", "b"]))
