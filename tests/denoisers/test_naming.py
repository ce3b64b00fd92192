"""What noisy scores say of levels, held to counting."""

import math

import numpy as np
import pytest
import torch

from reverie.denoisers.naming import Cells, Leveled, Naming
from reverie.process.randomness import generator
from reverie.records.digits import Digits
from reverie.records.leveled import leveled
from reverie.records.levels import OneHot, OrderedProbit, SequentialProbit
from reverie.records.transforms import NormalScore

COUNTS = np.array([7, 1, 4, 9, 3, 2])
CODES = {
    "thresholds": OrderedProbit.fit(COUNTS),
    "sticks": SequentialProbit.fit(COUNTS),
    "digits": Digits.fit(COUNTS, np.array([3, 0, 5, 1, 4, 2])),
    "numbers": NormalScore.fit(np.repeat([0.0, 1, 2, 3, 5], [7, 1, 4, 9, 3]), unit=1.0, lower=0),
}


def naming_of(code):
    ends = leveled(code)
    assert ends is not None
    return Naming(Cells(code.width + 1, (Leveled(tuple(range(1, 1 + code.width)), *ends),)))


def scores(code, count):
    """A number, then clean scores of the code, N(0, 1) each."""
    return torch.randn(count, code.width + 1, generator=generator(0, "scores"))


@pytest.mark.parametrize("name", CODES)
def test_scores_are_of_one_level_which_is_the_one_they_decode_to(name):
    code, naming = CODES[name], naming_of(CODES[name])
    z = scores(code, 2000)
    found = naming.levels(z)
    assert (found.sum(1) == 1).all()
    values = code.cells(z[:, 1:].double().numpy())
    assert np.array_equal(
        np.unique(values, return_inverse=True)[1], np.unique(found.int().argmax(1), return_inverse=True)[1]
    )


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("angle", [0.2, 0.8, 1.4])
def test_what_noisy_scores_say_of_levels_and_of_clean_scores_is_what_counting_says(name, angle):
    code, naming = CODES[name], naming_of(CODES[name])
    signal, noise = math.cos(angle), math.sin(angle)
    x = torch.full((1, code.width + 1), 0.3)
    z = signal * x + noise * scores(code, 400_000)  # z given x, exactly
    there = naming.levels(z).float()
    seen = naming.seen(x, torch.full_like(x, signal), torch.full_like(x, noise))
    assert float(seen.log.exp().sum()) == pytest.approx(1, abs=1e-5)
    assert torch.allclose(seen.log.exp()[:, 0], there.mean(0), atol=4e-3)
    # A network that holds the first level for e times as likely as it seems shifts the mean as weighing draws does.
    more = torch.zeros_like(seen.log)
    more[0] = 1
    shares = naming.softmax(seen.log + more)
    weight = 1 + (math.e - 1) * there[:, :1]
    mean = naming.mean(shares, seen, x, torch.full_like(x, signal), torch.full_like(x, noise))
    assert torch.allclose(mean[0, 1:], ((weight * z).sum(0) / weight.sum())[1:], atol=6e-3)


@pytest.mark.parametrize("name", CODES)
def test_the_mean_of_one_level_is_that_of_levels_of_which_this_one_is_sure(name):
    code, naming = CODES[name], naming_of(CODES[name])
    x, levels = scores(code, 60), torch.arange(60)[None] % len(naming.field)
    noisy = x, torch.full_like(x, 0.6), torch.full_like(x, 0.8)
    seen = naming.seen(*noisy)
    sure = torch.nn.functional.one_hot(levels[0], len(naming.field)).T.float()
    assert torch.allclose(naming.mean_at(levels, seen, *noisy), naming.mean(sure, seen, *noisy), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", CODES)
def test_no_rows_are_of_no_level_and_have_no_mean(name):
    naming, none = naming_of(CODES[name]), scores(CODES[name], 0)
    seen = naming.seen(none, none, none)
    assert naming.levels(none).shape == (0, len(naming.field)) == seen.log.T.shape
    assert naming.mean(naming.softmax(seen.log), seen, none, none, none).shape == none.shape
    assert naming.mean_at(naming.drawn(seen.log, none[:, :1]), seen, none, none, none).shape == none.shape


@pytest.mark.parametrize("name", CODES)
def test_surprise_is_least_where_the_shares_are_the_true_ones(name):
    code, naming = CODES[name], naming_of(CODES[name])
    z = scores(code, 4000)
    nothing = torch.zeros_like(z), torch.ones_like(z)
    shares = naming.shares(naming.seen(z, *nothing).log)
    assert torch.allclose(shares.exp(), naming.levels(z).float().mean(0)[:, None], atol=0.04)
    surprise = naming.surprise(shares, z).sum(1)
    entropy = -float((shares[:, 0].exp() * shares[:, 0]).sum())
    assert float(surprise.mean()) == pytest.approx(entropy, abs=0.05)
    wrong = naming.shares(shares + 0.3 * torch.randn(len(shares), 1, generator=generator(1, "wrong")))
    assert float(naming.surprise(wrong, z).sum(1).mean()) > float(surprise.mean())


def test_codes_of_many_values_and_points_are_not_named():
    many = np.random.default_rng(0).normal(size=500)
    assert leveled(NormalScore.fit(many)) is None and leveled(OneHot(4)) is None
    assert leveled(NormalScore.fit(np.ones(9))) is None
