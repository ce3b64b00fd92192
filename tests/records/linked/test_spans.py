"""Gaps are drawn all at once, and what each has too much adds up: no row is later than any that was seen, and rows
reach as far as those of groups of as many did."""

import json

import numpy as np
import polars as pl
import pytest
import torch

from reverie.records.linked.scores import TableScores
from reverie.records.linked.spans import GROUPS, Reach, begun_no_later, no_later, reached
from reverie.records.linked.stages import clocked, starts_of


def stays(codec, gap):
    """Five patients with six stays each, all gaps of one score."""
    starts = torch.zeros(1, 5, codec.widths("stays")[0])
    rows = torch.full((1, 30, codec.widths("stays")[1]), gap)
    nothing = torch.zeros(30)
    return TableScores(np.arange(5), np.arange(5), starts, np.arange(0, 31, 6), rows, nothing)


def test_gaps_shrink_until_no_row_is_later_than_any_that_was_seen(codec):
    latest = codec.hours("stays", np.array([codec.latest["stays"]]))[0]
    one, free = stays(codec, 2.5), torch.zeros(30, codec.widths("stays")[1], dtype=torch.bool)
    assert (clocked(codec, "stays", one)[5::6] > latest).all()
    no_later(codec, "stays", one, free)
    when = clocked(codec, "stays", one)
    assert (when[5::6] <= latest + 6).all() and (when[5::6] > latest - 48).all()  # to the step of the clock at each gap
    assert (torch.diff(when.view(5, 6)) > 0).all()


def test_what_is_given_and_what_is_early_enough_stays(codec):
    free = torch.zeros(30, codec.widths("stays")[1], dtype=torch.bool)
    for gap, fixed in ((2.5, ~free), (-2.0, free)):
        one = stays(codec, gap)
        no_later(codec, "stays", one, fixed)
        assert (one.rows == gap).all()


def test_no_group_begins_later_than_any_that_was_seen(codec, monkeypatch):
    channels = list(codec.codecs["stays"].named["start"].channels)
    one, free = stays(codec, 0.0), torch.zeros(5, codec.widths("stays")[0], dtype=torch.bool)
    one.groups[0][1:3, channels] = 6.0
    free[2] = True
    was, late = starts_of(codec, "stays", one), one.groups.clone()
    monkeypatch.setitem(codec.latest, "stays", was[1] - 1000)  # a tail that is open goes on beyond it
    begun_no_later(codec, "stays", one, free)
    now = starts_of(codec, "stays", one)
    assert now[1] == was[1] - 1000 and np.array_equal(np.delete(now, 1), np.delete(was, 1))
    assert torch.equal(one.groups[0][2], late[0][2])


def lengthy(draw, many, share):
    """(lengths, r) of groups of two kinds of length, each with its own share of the time."""
    lengths = draw.choice([2, 3, 20, 21], many)
    return lengths, np.clip(draw.normal(np.where(lengths < 10, share[0], share[1]), 0.05), 0.01, 1)


def test_how_far_groups_of_about_as_many_rows_reach_is_put_right_for_each(codec):
    draw = np.random.default_rng(0)
    drawn, trained = lengthy(draw, 2000, (0.3, 0.9)), lengthy(draw, 3000, (0.6, 0.5))
    reach = Reach.fit(drawn, trained)
    of = np.searchsorted(reach.fewest, drawn[0], "right") - 1
    now = np.array([np.interp(r, *reach.maps[b]) for r, b in zip(drawn[1], of, strict=True)])
    for kind in (drawn[0] < 10, drawn[0] >= 10):
        other = trained[1][(trained[0] < 10) == (drawn[0][kind][0] < 10)]
        assert np.allclose(np.quantile(now[kind], [0.1, 0.5, 0.9]), np.quantile(other, [0.1, 0.5, 0.9]), atol=0.01)
    again = Reach.from_config(json.loads(json.dumps(reach.config)))
    assert np.array_equal(again.fewest, reach.fewest) and np.allclose(again.maps, reach.maps, atol=1e-5, equal_nan=True)


def test_gaps_grow_and_shrink_by_what_their_group_reaches_and_what_is_given_stays(codec):
    one, fixed = stays(codec, 0.5), torch.zeros(30, codec.widths("stays")[1], dtype=torch.bool)
    fixed[7] = True  # the second group
    was, before = reached(codec, "stays", {"stays": one}), one.rows.clone()
    for share in (0.5, 0.9):
        knots = np.stack([np.linspace(0, 1, 17), np.linspace(0, share, 17)])
        Reach(np.array([2]), knots[None]).put_right(codec, "stays", {"stays": one}, fixed)
        now, aim = reached(codec, "stays", {"stays": one}), was * share
        assert np.allclose(np.delete(now, 1), np.delete(aim, 1), rtol=0.1) and now[1] == was[1]
        assert torch.equal(one.rows[0, 6:12], before[0, 6:12])
        one.rows.copy_(before)


def test_a_map_of_few_groups_is_none(codec):
    few = np.full(GROUPS - 1, 4), np.linspace(0.1, 0.9, GROUPS - 1)
    reach, one = Reach.fit(few, few), stays(codec, 0.5)
    before = one.rows.clone()
    reach.put_right(codec, "stays", {"stays": one}, torch.zeros(30, codec.widths("stays")[1], dtype=torch.bool))
    assert torch.equal(one.rows, before)


@pytest.mark.parametrize("table, time", [("drugs", "start_time"), ("results", "charttime")])
def test_what_rows_of_a_stay_reach_is_a_share_of_the_stay(codec, grown, table, time):
    share = reached(codec, table, codec.encode(grown))
    rows = grown.frames[table].with_columns(pl.Series("of", grown.parents[table])).group_by("of").agg(pl.col(time), pl.len())
    stays = grown.frames["stays"].with_row_index("of").with_columns(pl.col("of").cast(pl.Int64))
    rows = rows.join(stays, on="of").sort("of").with_columns(pl.col("discharged") - pl.col("admitted"))
    mine = (rows[time].list.max() - rows[time].list.min()).dt.total_minutes() / rows["discharged"].dt.total_minutes()
    several = (rows["len"] > 1).to_numpy()
    assert np.isnan(share[~several]).all() and several.any()
    assert np.allclose(share[several], mine.to_numpy()[several], atol=0.02)
