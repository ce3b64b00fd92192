"""Gaps are drawn all at once, and what each has too much adds up: no row is later than any that was seen."""

import numpy as np
import torch

from reverie.records.linked.scores import TableScores
from reverie.records.linked.spans import no_later
from reverie.records.linked.stages import clocked


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
