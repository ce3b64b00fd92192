"""Dropout: its share, and masks that do not know how a batch was cut."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from reverie.denoisers.dropout import Dropout, Piece, drawn_by

ONES = torch.ones(10, 200)


def passed(module: nn.Module, x: torch.Tensor, *pieces: Piece, rows=None) -> torch.Tensor:
    with drawn_by(module, pieces):
        return module(x) if rows is None else module(x, rows)


def test_it_drops_its_share_and_keeps_the_mean() -> None:
    y = passed(Dropout(0.25), torch.ones(400, 500), Piece(3, 400))
    assert float((y == 0).float().mean()) == pytest.approx(0.25, abs=0.005)
    assert y.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(Dropout(0.25).eval()(ONES), ONES)


def test_a_part_of_a_block_has_the_mask_that_it_has_in_the_whole() -> None:
    layer = Dropout(0.5)
    whole = passed(layer, ONES, Piece(7, 6), Piece(8, 4))
    parts = [
        passed(layer, ONES[:4], Piece(7, 4, 0, 2)),
        passed(layer, ONES[4:8], Piece(7, 2, 4, 0), Piece(8, 2, 0, 2)),
        passed(layer, ONES[8:], Piece(8, 2, 2, 0)),
    ]
    assert torch.equal(torch.cat(parts), whole) and not torch.equal(whole[:4], whole[6:])


def test_rows_of_examples_may_be_many() -> None:
    """Examples of 1, 2, 3 and 4 rows: the first two are one block, the others another."""
    layer, ends = Dropout(0.5), SimpleNamespace(ends=[1, 3, 6, 10])
    whole = passed(layer, ONES, Piece(7, 2), Piece(8, 2), rows=ends)
    last = passed(layer, ONES[6:], Piece(8, 1, 3, 0), rows=SimpleNamespace(ends=[4]))
    assert torch.equal(whole[6:], last) and torch.equal(whole[:3], passed(layer, ONES[:3], Piece(7, 3)))


def test_some_rows_have_the_mask_that_they_have_among_all() -> None:
    layer, ends, only = Dropout(0.5), SimpleNamespace(ends=[1, 3, 6, 10]), torch.tensor([7, 0, 5])
    whole = passed(layer, ONES, Piece(7, 2), Piece(8, 2), rows=ends)
    with drawn_by(layer, [Piece(7, 2), Piece(8, 2)]):
        some = layer(ONES[only], ends, only)
    assert torch.equal(some, whole[only])


def test_layers_differ_blocks_differ_and_a_pass_can_be_computed_again() -> None:
    both = nn.Sequential(Dropout(0.5), Dropout(0.5))
    once = passed(Dropout(0.5), ONES, Piece(7, 10))
    assert not torch.equal(passed(both, ONES, Piece(7, 10)), once)  # a mask twice would be the mask
    assert not torch.equal(passed(Dropout(0.5), ONES, Piece(9, 10)), once)
    x = ONES.clone().requires_grad_()
    with drawn_by(both, [Piece(7, 10)]):
        y = checkpoint(both, x, use_reentrant=False)
        (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, y.detach())  # the same mask on the way back


def test_without_blocks_the_generator_of_torch_is_asked() -> None:
    with torch.random.fork_rng([]):
        found = []
        for _ in range(2):
            torch.manual_seed(1)
            found.append(Dropout(0.5)(ONES))
    assert torch.equal(*found)
