"""A draw is a function of its address."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import UsageError
from reverie.process import draw, generator, sub_seed
from reverie.process.randomness import Shard, uniform

words = st.one_of(st.integers(-5, 2**40), st.text(max_size=6))


@given(st.integers(0, 2**63), st.lists(words, max_size=3), st.lists(words, max_size=3))
def test_different_addresses_have_different_seeds_and_equal_ones_the_same(seed, one, other):
    assert sub_seed(seed, *one) == sub_seed(seed, *one)
    assert 0 <= sub_seed(seed, *one) < 2**63
    assert (sub_seed(seed, *one) == sub_seed(seed, *other)) == (one == other)


def test_seeds_are_the_same_on_every_machine_and_in_every_version():
    """Runs that were saved must be resumable: this number may not change."""
    assert sub_seed(0, "noise", 1) == 2376061928063757211


def test_a_number_and_its_text_are_different_addresses():
    assert sub_seed(0, 1) != sub_seed(0, "1")
    assert sub_seed(0, "a", "b") != sub_seed(0, "ab")


def test_one_generator_a_sample_draws_each_row_from_its_own():
    like = torch.zeros(3, 4, 2)
    rows = draw(like, [generator(seed) for seed in (5, 6, 7)])
    for i, seed in enumerate((5, 6, 7)):
        assert torch.equal(rows[i], draw(like[0], generator(seed)))


def test_a_shard_cut_short_draws_what_it_would_draw_whole():
    whole = draw(torch.zeros(5, 3), Shard(generator(1), 5))
    assert torch.equal(whole, draw(torch.zeros(5, 3), generator(1)))
    assert torch.equal(whole[:2], draw(torch.zeros(2, 3), Shard(generator(1), 5)))
    with pytest.raises(UsageError, match=r"shard of 5 rows .*batch of 6"):
        draw(torch.zeros(6, 3), Shard(generator(1), 5))


def test_uniform_numbers_fill_the_unit_interval():
    u = uniform(torch.zeros(10_000, dtype=torch.float64), generator(0))
    assert 0 <= u.min() < 0.01
    assert 0.99 < u.max() < 1
    assert abs(float(u.mean()) - 0.5) < 0.02
