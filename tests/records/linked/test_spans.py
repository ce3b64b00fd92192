"""Gaps are drawn all at once, and what each has too much adds up: no row is later than any that was seen."""

import numpy as np
import torch

from reverie.records.linked.scores import TableScores
from reverie.records.linked.spans import begun_no_later, no_later
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
