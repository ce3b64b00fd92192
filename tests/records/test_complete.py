"""Completed records: what is given stays, and what is drawn has the law of the holes given the rest, in closed form."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import torch

from reverie.records import RecordCodec, Table, read_table
from reverie.records.complete import Completer, longer
from reverie.records.generate import RecordSampler
from reverie.samplers import DPMSolver, time_grid
from reverie.samplers.posterior import MMPS

DRAWS, AHEAD = 12, 2


@pytest.fixture(scope="module")
def exact(gaussian):
    return gaussian.Exact(RecordCodec.fit(gaussian.cohort()))


@pytest.fixture(scope="module")
def maker(exact) -> RecordSampler:
    return RecordSampler(exact, exact.codec, DPMSolver(), time_grid(exact.process.schedule, 30))


@pytest.fixture(scope="module")
def table(maker) -> Table:
    """120 patients of the law, with further holes: statics, x and y."""
    frame = maker.codec.decode(maker.shard(0, 120, seed=5)[0]).frame
    draw = np.random.default_rng(1)
    hide = {"s": (draw.random(120) < 0.3)[frame["id"].to_numpy() - frame["id"].min()], "x": draw.random(len(frame)) < 0.4}
    hide["y"] = draw.random(len(frame)) < 0.3
    holes = [pl.when(pl.Series(hidden)).then(None).otherwise(pl.col(name)).alias(name) for name, hidden in hide.items()]
    return read_table(frame.with_columns(holes), schema=maker.codec.schema)


@pytest.fixture(scope="module")
def filled(maker, table) -> list[pl.DataFrame]:
    return [Completer(maker, table).holes(torch.Generator().manual_seed(k)) for k in range(DRAWS)]


@pytest.fixture(scope="module")
def continued(maker, table) -> list[pl.DataFrame]:
    completer = Completer(maker, longer(table, AHEAD))
    return [completer.future(AHEAD, torch.Generator().manual_seed(k)) for k in range(DRAWS)]


def scores(codec: RecordCodec, table: Table, frame: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Scores [B, N C] of a table whose cells are those of `frame`, and which of them are known."""
    records = codec.encode(replace(table, frame=frame)).records(np.arange(len(table)), None)
    return records.values.flatten(1).double().numpy(), records.known.flatten(1).numpy()


def whitened(exact, given: np.ndarray, seen: np.ndarray, drawn: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """L^-1 (drawn - mean) of each patient, one after the other: N(0, 1) if drawn from p(asked | seen)."""
    law, found = exact.covariance(given.shape[1] // exact.codec.channels), []
    for i in range(len(given)):
        a, o = np.flatnonzero(asked[i]), np.flatnonzero(seen[i])
        weights = np.linalg.solve(law[np.ix_(o, o)], law[np.ix_(o, a)])
        variance = law[np.ix_(a, a)] - law[np.ix_(a, o)] @ weights
        found.append(np.linalg.solve(np.linalg.cholesky(variance), drawn[i, a] - given[i, o] @ weights))
    return np.concatenate(found)


def assert_standard_normal(white: np.ndarray) -> None:
    """Mean, deviation, and the share beyond +-1.645, each within four standard errors and what 30 steps cost."""
    error = 4 / len(white) ** 0.5
    assert len(white) > 2000
    assert white.mean() == pytest.approx(0, abs=error + 0.01)
    assert white.std() == pytest.approx(1, abs=error / 2**0.5 + 0.015)
    assert (np.abs(white) > 1.645).mean() == pytest.approx(0.1, abs=0.3 * error + 0.005)


def values_of(exact, tokens: int, *names: str) -> np.ndarray:
    """bool [N C]: the cells of these fields."""
    cells = np.zeros((tokens, exact.codec.channels), dtype=bool)
    for field in exact.codec.fields:
        if field.name in names:
            cells[slice(0, 1) if field.token == 0 else slice(1, None), list(field.channels)] = True
    return cells.flatten()


def test_holes_are_drawn_from_their_law_given_the_rest_of_the_record(exact, table, filled) -> None:
    given, known = scores(exact.codec, table, table.frame)
    flags = values_of(exact, 5, "measured:y")
    seen = known & ~flags
    white = []
    for frame in filled:
        drawn, now = scores(exact.codec, table, frame)
        white.append(whitened(exact, given, seen, drawn, now & ~seen & ~flags))
    assert_standard_normal(np.concatenate(white))


def test_a_network_that_only_makes_whole_records_fills_holes_by_guidance(exact, maker, table) -> None:
    """Asked for all values of a stage, of which those given are a measurement, it draws from the same law."""
    given, known = scores(exact.codec, table, table.frame)
    flags, white = values_of(exact, 5, "measured:y"), []
    completer = Completer(replace(maker, method=MMPS(iterations=8)), table)
    for k in range(6):
        drawn, now = scores(exact.codec, table, completer.holes(torch.Generator().manual_seed(k)))
        assert (drawn == given)[known & ~flags].all(), "a value was changed where it was given"
        white.append(whitened(exact, given, known & ~flags, drawn, now & ~known & ~flags))
    assert_standard_normal(np.concatenate(white))


def test_the_mean_of_the_draws_is_the_conditional_mean(exact, table, filled) -> None:
    """Mean over draws, less the closed form, over its standard error: a deviation of 1."""
    given, known = scores(exact.codec, table, table.frame)
    flags, x = values_of(exact, 5, "measured:y"), values_of(exact, 5, "value:x")
    draws = np.mean([scores(exact.codec, table, frame)[0] for frame in filled], axis=0)
    whole = scores(exact.codec, table, filled[0])[1]
    law, ratio = exact.covariance(5), []
    for i in range(len(table)):
        a, o = np.flatnonzero(whole[i] & ~known[i] & x), np.flatnonzero(known[i] & ~flags)
        weights = np.linalg.solve(law[np.ix_(o, o)], law[np.ix_(o, a)])
        variance = np.diag(law[np.ix_(a, a)] - law[np.ix_(a, o)] @ weights)
        ratio += list((draws[i, a] - given[i, o] @ weights) / np.sqrt(variance / DRAWS))
    assert len(ratio) > 100 and np.std(ratio) == pytest.approx(1, abs=4 / (2 * len(ratio)) ** 0.5)
    assert abs(np.mean(ratio)) < 4 / len(ratio) ** 0.5


def test_every_hole_is_filled_and_every_given_cell_is_untouched(table, filled) -> None:
    assert all(table.frame[name].null_count() > 20 for name in ("s", "x", "y"))
    for frame in filled:
        assert frame.schema == table.frame.schema and frame.height == table.frame.height
        assert sum(frame.null_count().row(0)) == 0
        for name in frame.columns:
            there = table.frame[name].is_not_null()
            assert frame[name].filter(there).equals(table.frame[name].filter(there)), (
                f"{name} was changed where it was given"
            )


def test_a_static_is_filled_alike_at_every_visit(filled) -> None:
    assert (filled[0].group_by("id").agg(pl.col("s").n_unique())["s"] == 1).all()


def test_draws_differ_where_there_were_holes_and_a_generator_repeats_its_own(maker, table, filled) -> None:
    hole = table.frame["x"].is_null()
    assert (filled[0]["x"].filter(hole) != filled[1]["x"].filter(hole)).all()
    assert Completer(maker, table).holes(torch.Generator().manual_seed(0)).equals(filled[0])


def test_a_table_without_holes_comes_back_as_it_is(maker, filled, table) -> None:
    whole = replace(table, frame=filled[0])
    assert Completer(maker, whole).holes(torch.Generator().manual_seed(3)).equals(filled[0])


def test_the_future_is_drawn_from_its_law_given_the_past(exact, table, continued) -> None:
    added = longer(table, AHEAD)
    given, known = scores(exact.codec, added, added.frame)
    N = given.shape[1] // exact.codec.channels
    past = np.repeat(np.arange(N) <= table.lengths[:, None], exact.codec.channels, axis=1)
    flags, told = values_of(exact, N, "measured:y"), values_of(exact, N, "gap", "value:x", "value:y")
    seen, white = known & past & ~flags, []
    for frame in continued:
        drawn, now = scores(exact.codec, added, frame)
        white.append(whitened(exact, given, seen, drawn, now & ~past & told))
    assert_standard_normal(np.concatenate(white))


def test_a_forecast_adds_so_many_later_visits_and_leaves_the_past(table, continued) -> None:
    for frame in continued[:3]:
        new = np.zeros(len(frame), dtype=bool)
        offsets = table.offsets + AHEAD * np.arange(len(table) + 1)
        for back in range(1, AHEAD + 1):
            new[offsets[1:] - back] = True
        assert frame.filter(~new).equals(table.frame), "the past is not as it was given"
        assert frame["id"].equals(
            table.frame["id"].gather(np.sort(np.r_[np.arange(len(table.frame)), np.repeat(table.offsets[1:] - 1, AHEAD)]))
        )
        assert (frame.group_by("id").agg((pl.col("time").diff().drop_nulls() > 0).all())["time"]).all()
        assert frame.filter(new)["x"].null_count() == 0 and 0 < frame.filter(new)["y"].null_count() < new.sum()


def test_longer_adds_rows_that_say_only_who_and_that_they_are_later(table) -> None:
    added = longer(table, 3)
    assert (added.lengths == table.lengths + 3).all() and len(added) == len(table)
    for p in (0, 7, len(table) - 1):
        rows = added.frame[added.offsets[p] : added.offsets[p + 1]]
        before = table.frame[table.offsets[p] : table.offsets[p + 1]]
        assert rows[: len(before)].equals(before)
        assert rows["id"].n_unique() == 1 and (rows["time"].diff().drop_nulls() > 0).all()
        assert rows[len(before) :].select("x", "y").null_count().row(0) == (3, 3)
        assert rows["s"].n_unique() == 1


@pytest.mark.parametrize("kind", ["integer", "date", "datetime"])
def test_longer_knows_every_kind_of_time(kind: str) -> None:
    days = [0, 3, 10, 0, 5]
    time = {
        "integer": days,
        "date": [date(2020, 1, 1) + timedelta(days=d) for d in days],
        "datetime": [datetime(2020, 1, 1, 8, 30) + timedelta(days=d) for d in days],
    }[kind]
    frame = pl.DataFrame({"id": [1, 1, 1, 2, 2], "time": time, "x": [1.5, 2.25, 3.0, 4.125, 5.0]})
    table = read_table(frame, identifier="id", time="time")
    assert table.schema.time.kind == kind
    added = longer(table, 2)
    assert added.frame.schema == table.frame.schema and len(added.frame) == 9
    assert (added.frame.group_by("id").agg((pl.col("time").diff().drop_nulls() > 0).all())["time"]).all()
