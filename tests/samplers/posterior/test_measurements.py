"""Operators and their transposes, noises and their densities, and what does not fit."""

import math

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import GaussianMixture
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers.posterior import (
    Function,
    GaussianNoise,
    Linear,
    Mask,
    Measurement,
    Operator,
    PoissonNoise,
    Separable,
    blur,
    downsampling,
    named,
)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X = normal(3, 2, 6, 4)
OPERATORS = [
    Mask(normal(6, 4, seed=1) > 0),
    blur((6, 4), 0.9),
    blur((6, 4), 7.0),
    downsampling((6, 4), 2),
    Linear(normal(5, 48, seed=2)),
    Function(lambda x: x[..., 1:] - 2 * x[..., :-1]),
]


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_adjoint_is_the_transpose(operator):
    """<A x, w> = <x, A' w>, of matrices that are written down and of those that autograd finds."""
    y = operator(X)
    w = normal(*y.shape, seed=3)
    assert_close((y * w).sum(), (X * operator.adjoint(X, w)).sum())
    assert_close(operator.adjoint(X, w), Operator.adjoint(operator, X, w))
    assert_close(operator.tangent(X, X), y)


def test_blur_and_means_keep_what_is_even_and_smooth_the_rest():
    even = torch.full((1, 6, 4), 0.3, dtype=torch.float64)
    for operator in (blur((6, 4), 1.3), downsampling((6, 4), 2)):
        assert_close(operator(even), torch.full_like(operator(even), 0.3))
    assert_close(downsampling((6, 4), 2)(X)[0, 0, 0, 0], X[0, 0, :2, :2].mean())
    spike = torch.zeros(1, 41).double()
    spike[0, 20] = 1
    spread = blur((41,), 2.0)(spike)[0]
    assert_close((spread * (torch.arange(41) - 20) ** 2).sum().sqrt(), torch.tensor(2.0).double(), rtol=0.01, atol=0)


def test_noises_have_the_variance_that_they_draw_and_the_density_that_it_says():
    mean, stream = torch.full((20_000, 1), 0.5, dtype=torch.float64), torch.Generator().manual_seed(0)
    for noise in (GaussianNoise(0.3), PoissonNoise(4.0)):
        drawn = noise.observed(mean, stream)
        assert_close(drawn.mean(), mean.mean(), atol=0.02, rtol=0)
        assert_close(drawn.var(), noise.variance(mean)[0, 0], rtol=0.04, atol=0)
    counts = torch.arange(60).double() / 4.0 - 1  # of rate 4 (0.5 + 1) = 6
    density = PoissonNoise(4.0).log_likelihood(counts, torch.full((60,), 0.5).double())
    assert_close((density - torch.lgamma(torch.arange(60).double() + 1)).exp().sum(), torch.tensor(1.0).double())
    gap = GaussianNoise(0.3).log_likelihood(torch.tensor([0.3]), torch.tensor([0.0]))
    assert math.isclose(float(gap), -0.5, rel_tol=1e-6)


def test_beyond_the_mask_a_measurement_says_nothing():
    y = X[:1].clone()
    y[~OPERATORS[0].known.expand_as(y)] = math.nan
    measurement = Measurement(OPERATORS[0], y)
    assert torch.equal(measurement.residual(X)[0], torch.zeros(2, 6, 4).double())
    assert measurement.imposed(X).isfinite().all()
    half = Measurement(OPERATORS[0], X[:1], GaussianNoise((torch.arange(4) > 1).double()))
    kept = (half.imposed(X + 1) == X[:1])[1:].all(0)
    assert torch.equal(kept, (OPERATORS[0].known & (torch.arange(4) < 2)).expand(2, -1, -1))


def drawn(grid, x, operator=OPERATORS[0], **told):
    """By DiffPIR, which draws noise at each step, from a denoiser of one Gaussian."""
    denoiser = GaussianMixture(GaussianProcess(NoiseSchedule.cosine(50)), torch.zeros(1, 2, 6, 4), torch.ones(1))
    told = {"generator": torch.Generator().manual_seed(0)} | told
    return named("diffpir").sample(denoiser, Measurement(operator, X, GaussianNoise(0.1)), grid, x, **told)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: Mask(torch.ones(3)), "a mask is bool"),
        (lambda: Mask(torch.ones(4, 4).bool())(X), r"the mask is \[4, 4\] and a sample \[2, 6, 4\]"),
        (lambda: Mask(torch.ones(2, 3, 2, 6, 4).bool())(X), "give one that fits"),
        (lambda: blur((4, 6), 1.0)(X), r"samples that end in \[4, 6\], but a sample is \[2, 6, 4\]"),
        (lambda: blur((4,), 0.0), "standard deviation above 0 and at most 10000 entries, not 0"),
        (lambda: downsampling((6, 4), 3), "4 entries cannot be taken 3 at a time"),
        (lambda: Linear(torch.ones(3)), "a linear operator is a real matrix"),
        (lambda: Linear(torch.ones(3, 4) + 1j), "a real matrix .* not torch.complex64"),
        (lambda: Linear(torch.full((3, 4), math.nan)), "a matrix of an operator holds numbers that are not finite"),
        (lambda: Separable(()), "a matrix for the last axis at least"),
        (lambda: Function(torch.fft.fft)(X), "gives real tensor|view_as_real"),
        (lambda: Function(lambda x: x.sum())(X), "with a row for each of the 3 samples"),
        (lambda: Function(lambda x: x.detach() * 2).adjoint(X, X), "cannot be differentiated"),
        (lambda: Measurement(Function(torch.tanh), X + 1j).check(X), "a real tensor, .*complex128"),
        (lambda: Measurement(Function(torch.tanh), X * math.nan).check(X), "numbers that are not finite: leave those"),
        (
            lambda: Measurement(OPERATORS[0], X, GaussianNoise(torch.ones(5))).check(X),
            r"the noise is \[5\], and .* \[3, 2, 6, 4\]",
        ),
        (lambda: Measurement(OPERATORS[0], X - 9, PoissonNoise(3.0)).check(X), "counts are 0 or above, but .* below the -1"),
        (lambda: drawn((50, 20), X), "the grid ends at 20"),
        (lambda: drawn((50, 0), X.long()), "floating point tensor, not torch.int64"),
        (lambda: drawn((50, 0), X, Function(lambda x: (x - 99).log())), "what was drawn is not finite everywhere"),
        (lambda: drawn((50, 20, 0), X, generator=None), "a draw is of a generator"),
        (lambda: Linear(torch.ones(3, 7))(X), "the matrix takes 7 numbers, but a sample has 48"),
        (lambda: GaussianNoise(-1.0), "finite standard deviation"),
        (lambda: PoissonNoise(0.0), "a peak above 0"),
        (lambda: Measurement(Linear(torch.ones(3, 48)), torch.zeros(1, 4)).residual(X), r"the measurement is \[1, 4\]"),
        (
            lambda: Measurement(Linear(torch.ones(3, 48)), torch.zeros(2, 3)).residual(X),
            r"is \[2, 3\], but the operator makes",
        ),
        (lambda: GaussianNoise().log_likelihood(X, X), "an exact measurement has no density"),
    ],
)
def test_what_does_not_fit_is_one_sentence(ask, words):
    with pytest.raises(UsageError, match=words):
        ask()
