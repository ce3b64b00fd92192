"""An identifier in two columns: a patient is a pair, pairs of new patients are new, and it is said where one is needed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from reverie.errors import DataError, UsageError
from reverie.records import Schema, read_table

draw = np.random.default_rng(0)


def trial(sites: str = "ABCD", subjects: int = 10, visits: int = 4) -> pl.DataFrame:
    """Subjects 1 .. 10 of each site, with sex and age that last."""
    people = [
        (site, k, draw.choice(["M", "F"]), int(draw.integers(30, 80))) for site in sites for k in range(1, subjects + 1)
    ]
    rows = [
        (site, subject, 100 * sites.index(site) + 7 * v, sex, age, round(float(draw.normal(8, 1)), 1))
        for site, subject, sex, age in people
        for v in range(visits)
    ]
    return pl.DataFrame(rows, schema=["site", "subject", "day", "sex", "age", "lab"], orient="row")


def test_a_pair_is_a_patient():
    table = read_table(trial(), identifier=("site", "subject"))
    roles = {c.name: (c.role, c.kind) for c in table.schema.shown}
    assert len(table) == 40 and roles["site"] == ("static", "categorical") and roles["subject"] == ("static", "number")
    assert roles["sex"][0] == roles["age"][0] == "static"
    again = Schema.from_yaml(table.schema.yaml(), "schema.yaml")
    assert again == table.schema and len(read_table(trial(), again)) == 40


def test_new_pairs_are_new_and_given_ones_come_back(model):
    frame = trial().with_columns(pl.when(pl.col("day") == 7).then(None).otherwise(pl.col("lab")).alias("lab"))
    pairs = model(frame, identifier=["site", "subject"])
    made = pairs.sample(50, steps=2)
    assert made.schema == frame.schema
    people = made.select("site", "subject").unique()
    assert people.height == 50 and people.join(frame, on=["site", "subject"], how="semi").is_empty()
    assert (made.group_by("site", "subject").agg(pl.col("sex").n_unique())["sex"] == 1).all()
    whole = pairs.impute(frame)[0]
    assert whole.drop("lab").equals(frame.drop("lab")) and whole["lab"].null_count() == 0


def test_an_identifier_that_begins_again_is_told_with_its_remedy():
    notes = read_table(trial()).notes
    assert any("sex changes within" in note and "`id=site` `id=subject`" in note for note in notes)
    whole = trial().with_columns(pl.col("subject") + 100 * pl.col("site").rank("dense").cast(pl.Int64))
    assert not any("`id=" in note for note in read_table(whole).notes)


def test_two_rows_at_one_time_that_are_two_people_name_the_remedy():
    with pytest.raises(DataError, match="`id=site` `id=subject`"):
        read_table(trial().with_columns(pl.col("day") % 100))


def test_without_a_column_of_sex_what_lasts_within_a_site_tells():
    notes = read_table(trial().drop("sex")).notes
    assert any("age changes within" in note and "`id=site` `id=subject`" in note for note in notes)
    moved = trial(sites="A", subjects=20).with_columns(pl.Series("site", draw.choice(["A", "B"], 80)))
    assert not any("`id=" in note for note in read_table(moved).notes)  # people who change their site


def test_what_cannot_be_is_said():
    with pytest.raises(UsageError, match="column for `id` 'sit'"):
        read_table(trial(), identifier=("sit", "subject"))
    with pytest.raises(UsageError, match="named twice"):
        read_table(trial(), identifier=("site", "site"))
    holes = trial().with_columns(pl.when(pl.int_range(160) == 3).then(None).otherwise(pl.col("site")).alias("site"))
    with pytest.raises(DataError, match="data row 4, column 'site': the cell is empty"):
        read_table(holes, identifier=("site", "subject"))
