"""A shard needs no other: made alone it is what it is in the whole table, down to what is numbered in it."""

import numpy as np
import polars as pl
import pytest

from reverie.records import generate, read_table, series

STEPS = 2


def visits(patients=24, seed=0):
    """Visits with a number of the row, and a code of the patient that is text."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(1, 6, patients)
    rows = [(f"S-{p:03d}", 7.0 * v, ("f", "m")[p % 2], draw.normal()) for p in range(patients) for v in range(lengths[p])]
    frame = pl.DataFrame(rows, ["subject", "day", "sex", "x"], orient="row")
    return frame.with_columns(pl.Series("row_id", [f"R{k:06d}" for k in range(len(frame))]))


def labs(patients=24, seed=0):
    """A row for each test, with a number that counts within the table."""
    draw = np.random.default_rng(seed)
    rows = [
        (p, 7.0 * v, test, round(float(draw.normal(10, 2)), 2))
        for p in range(patients)
        for v in range(1 + p % 4)
        for test in ("sodium", "potassium", "urea")
        if draw.random() < 0.9
    ]
    frame = pl.DataFrame(rows, ["subject_id", "day", "test", "value"], orient="row")
    return frame.with_columns(labevent_id=pl.int_range(1, pl.len() + 1))


@pytest.fixture
def small(monkeypatch):
    """Shards of few patients."""
    monkeypatch.setattr(generate, "SHARD", 16)
    monkeypatch.setattr(series, "SHARD", 16)
    return 16


def alone(shards, whole):
    """Each shard, the last first, is that of the whole run."""
    assert shards.count == len(whole) > 2
    for number in reversed(range(shards.count)):
        made, there = shards.make(number), whole[number]
        assert made.frame.equals(there.frame)
        assert (made.patients, made.drawn, made.broken) == (there.patients, there.drawn, there.broken)
    return pl.concat([made.frame for made in whole])


@pytest.mark.parametrize("how", [{}, {"where": ["sex=f"]}, {"where": ["sex!=f"]}, {"guidance": 2.0}])
def test_shards_with_row_numbers_and_conditions(drawn_model, small, how):
    model = drawn_model(read_table(visits(), identifier="subject", time="day"))
    assert model.codec.schema["row_id"].role == "varying" and not model.codec.schema["row_id"].modelled
    frame = alone(model.sharded(40, 3, steps=STEPS, **how), list(model.shards(40, 3, steps=STEPS, **how)))
    assert frame["subject"].n_unique() == 40 and frame["row_id"].n_unique() == len(frame)
    numbers = frame["row_id"].str.slice(1).cast(pl.Int64)
    first = numbers[0]
    assert (numbers.diff().drop_nulls() > 0).all()
    shard = (frame["subject"].rank("dense").cast(pl.Int64) - 1) // small
    starts = frame.with_columns(shard=shard, n=numbers).group_by("shard", maintain_order=True).first()["n"]
    assert (starts - first).to_list() == [k * small * 5 for k in range(3)]  # 5 visits are the most that a patient has


def test_one_shard_is_numbered_without_gaps(drawn_model):
    model = drawn_model(read_table(visits(), identifier="subject", time="day"))
    frame = model.sample(30, steps=STEPS)
    assert set(frame["row_id"].str.slice(1).cast(pl.Int64).diff().drop_nulls()) == {1}


def test_shards_of_a_table_with_a_row_for_each_test(drawn_model, small):
    model = drawn_model(read_table(labs()))
    long = model.codec.schema.shapes[0]
    assert long.counters["labevent_id"].within == "table" and model.codec.schema.most_rows == 3
    whole = list(model.shards(40, 3, steps=STEPS))
    frame = alone(model.sharded(40, 3, steps=STEPS), whole)
    assert frame["labevent_id"].n_unique() == len(frame)
    starts = [made.frame["labevent_id"][0] for made in whole]
    assert np.diff(starts).tolist() == [small * 4 * 3] * 2  # patients, visits, rows of a visit


def test_shards_of_given_statics(drawn_model, small):
    model = drawn_model(read_table(visits(), identifier="subject", time="day"))
    given = pl.DataFrame({"sex": ["f", "m", "m"] * 12})
    frame = alone(model.sharded(given=given, steps=STEPS), list(model.shards(given=given, steps=STEPS)))
    assert frame.group_by("subject", maintain_order=True).first()["sex"].to_list() == given["sex"].to_list()


def test_no_shard_has_more_rows_than_its_numbers(drawn_model, small):
    model = drawn_model(read_table(visits(), identifier="subject", time="day"))
    for made in model.shards(80, 1, steps=STEPS):
        assert made.frame.group_by("subject").len()["len"].max() <= model.codec.most_visits
