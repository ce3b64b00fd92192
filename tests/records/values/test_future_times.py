"""Later visits come after those that are given, also where these are at times that are never made."""

import numpy as np
import polars as pl
import pytest
import torch

from reverie.records.codec import RecordCodec
from reverie.records.complete import Completer, longer
from reverie.records.table import read_table


def visits(gaps, start=0, dates=False):
    draw = np.random.default_rng(0)
    times = np.cumsum(np.concatenate([np.full((len(gaps), 1), start), gaps], 1), 1).ravel()
    days = pl.Series(times).cast(pl.Int32).cast(pl.Date) if dates else pl.Series(times)
    return pl.DataFrame(
        {
            "id": np.repeat(np.arange(len(gaps)) + 1, gaps.shape[1] + 1),
            "day": days,
            "lab": draw.normal(9, 1, len(times)).round(1),
        }
    )


@pytest.mark.parametrize("dates", [False, True])
def test_gaps_between_visits_are_those_of_the_protocol(dates):
    draw = np.random.default_rng(1)
    table = read_table(visits(draw.choice([28, 29, 56, 84], (60, 4)), dates=dates))
    codec = RecordCodec.fit(table)
    code = codec.codes["gap"]
    assert not np.isin(code.from_score(draw.normal(size=4000)), np.arange(31, 55)).any()  # pyright: ignore
    assert longer(table, 2).frame.height == table.frame.height + 120


class Chance:
    """What is not given is noise."""

    def __init__(self, codec):
        self.codec = codec

    def visits(self, values, visits, noise, randomness, seen, past):
        return torch.where(seen, values, noise[0])


@pytest.mark.parametrize("dates", [False, True])
def test_a_forecast_goes_on_from_the_times_that_are_given(dates):
    protocol = np.random.default_rng(1).choice([28, 29, 56, 84], (60, 4))
    table = read_table(visits(protocol, dates=dates))
    given = read_table(visits(np.full((5, 2), 43), 17, dates), table.schema)
    completer = Completer(Chance(RecordCodec.fit(table)), longer(given, 2))  # pyright: ignore[reportArgumentType]
    made = completer.future(2, torch.Generator().manual_seed(0)).with_columns(pl.col("day").to_physical())
    for times in made.partition_by("id"):
        assert times["day"][:3].to_list() == [17, 60, 103]
        assert set(times["day"].diff()[3:]) <= {27, 28, 29, 30, 55, 56, 57, 83, 84, 85}
