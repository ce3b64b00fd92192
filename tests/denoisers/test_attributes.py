"""Attributes as a condition: any may be untold, none is the same as all untold, and they are left out as from an urn."""

import pytest
import torch

from reverie.denoisers.attributes import AttributeEmbedding, Attributes
from reverie.denoisers.unet import UNetConfig
from reverie.errors import UsageError

P = 0.2


def told(rows: int) -> Attributes:
    draw = torch.Generator().manual_seed(0)
    return Attributes(torch.arange(rows)[:, None] % 3, torch.randn(rows, 5, generator=draw), (1, 4))


def test_each_is_left_out_in_its_share_and_all_of_them_as_often_as_from_an_urn():
    out = told(10_000).left_out(P, torch.Generator().manual_seed(1))
    gone = torch.stack([out.levels[:, 0] < 0, out.numbers[:, 0].isnan(), out.numbers[:, 1].isnan()], 1)
    torch.testing.assert_close(gone.double().mean(0), torch.full((3,), P, dtype=torch.float64), atol=0.015, rtol=0)
    every = P * (1 + P) / 2 * (2 + P) / 3  # of independent draws P^3
    assert abs(float(gone.all(1).double().mean()) - every) < 0.015 and every > 10 * P**3
    patterns = {tuple(row) for row in gone.unique(dim=0).tolist()}
    assert len(patterns) == 8  # whichever are told is met
    assert (out.numbers[:, 1:].isnan().sum(1) % 4 == 0).all()  # a vector whole or not at all
    assert torch.equal(out.levels[~gone[:, 0]], told(10_000).levels[~gone[:, 0]])


def test_one_alone_is_left_out_as_a_class_is_and_none_without_a_share():
    one = Attributes(torch.zeros(20_000, 1, dtype=torch.int64), torch.zeros(20_000, 0), ())
    assert abs(float((one.left_out(P, torch.Generator().manual_seed(0)).levels < 0).double().mean()) - P) < 0.01
    kept = told(50).left_out(0.0, torch.Generator().manual_seed(0))
    assert torch.equal(kept.levels, told(50).levels) and torch.equal(kept.numbers, told(50).numbers)


def test_nothing_told_is_all_untold_and_each_tells_by_itself():
    torch.manual_seed(0)
    embed = AttributeEmbedding((3,), (1, 4), 8).double()
    rows = told(6)
    rows = Attributes(rows.levels, rows.numbers.double(), rows.lengths)
    nothing = Attributes(torch.full((6, 1), -1), torch.full((6, 5), torch.nan, dtype=torch.float64), (1, 4))
    torch.testing.assert_close(embed(nothing, 6), embed(None, 6))
    level = Attributes(rows.levels, nothing.numbers, (1, 4))
    number = Attributes(nothing.levels, torch.cat([rows.numbers[:, :1], nothing.numbers[:, 1:]], 1), (1, 4))
    vector = Attributes(nothing.levels, torch.cat([nothing.numbers[:, :1], rows.numbers[:, 1:]], 1), (1, 4))
    apart = sum(embed(part, 6) - embed(None, 6) for part in (level, number, vector))
    torch.testing.assert_close(embed(rows, 6) - embed(None, 6), apart)
    twice = Attributes(nothing.levels, 2 * number.numbers, (1, 4))
    none = Attributes(nothing.levels, 0 * number.numbers, (1, 4))
    torch.testing.assert_close(embed(twice, 6) - embed(none, 6), 2 * (embed(number, 6) - embed(none, 6)))  # linear


def test_a_network_refuses_what_it_was_not_made_for():
    network = UNetConfig(width=8, attribute_levels=(3,), attribute_numbers=(1, 4)).build(1, 1)
    network.check(told(2), 2)
    network.check(None, 2)
    with torch.device("meta"):  # where weights are counted, and nothing is allocated
        UNetConfig(width=8, attribute_levels=(3,), attribute_numbers=(1, 4)).build(1, 1)
    with pytest.raises(UsageError, match=r"levels lie in 0\.\.\[2\]"):
        network.check(Attributes(torch.full((2, 1), 3), torch.zeros(2, 5), (1, 4)), 2)
    with pytest.raises(UsageError, match="told 1 attributes of levels and numbers in parts of"):
        network.check(Attributes(torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2, 5), (4, 1)), 2)
    with pytest.raises(UsageError, match="trained without conditions"):
        UNetConfig(width=8).build(1, 1).check(told(2), 2)
    with pytest.raises(UsageError, match="attributes are levels, int64"):
        Attributes(torch.zeros(2, 1), torch.zeros(2, 5), (1, 4))
    with pytest.raises(ValueError, match="of classes, make one of the attributes"):
        UNetConfig(classes=2, attribute_levels=(3,))
