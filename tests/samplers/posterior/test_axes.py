"""What the axes of an operator say of a noisy copy is what Gaussians say."""

import pytest
import torch
from torch.testing import assert_close

from reverie.samplers.posterior import Function, GaussianNoise, Linear, Mask, Measurement, blur, downsampling
from reverie.samplers.posterior.axes import axes_of


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("eta", [0.05, 0.4, 2.0])
@pytest.mark.parametrize(
    "operator", [Linear(normal(2, 4, seed=1)), Mask(torch.arange(4) < 2), downsampling([4], 2), blur([4], 0.8)]
)
def test_a_copy_is_drawn_as_gaussians_say_and_its_measurement_has_the_noise_of_its_axes(operator, eta):
    """e ~ N(0, eta^2), gap = A e + m; m has along each axis max(R, eta^2 s^2) - eta^2 s^2."""
    std, count = 0.3, 40_000
    A = operator(torch.eye(4, dtype=torch.float64)).T
    gap = operator(normal(1, 4, seed=2))
    axes = axes_of(Measurement(operator, gap, GaussianNoise(std)), torch.zeros(1, 4, dtype=torch.float64))
    drawn = axes.agreeing(eta * normal(count, 4, seed=3), gap.expand(count, -1), eta)
    U, s, _ = torch.linalg.svd(A, full_matrices=False)
    total = U @ torch.diag((eta**2 * s**2).clamp_min(std**2)) @ U.T
    gain = eta**2 * A.T @ torch.linalg.pinv(total, rtol=1e-9)
    assert_close(drawn.mean(0), (gain @ gap.T)[:, 0], atol=0.02 * eta, rtol=0)
    assert_close(torch.cov(drawn.T), eta**2 * (torch.eye(4) - gain @ A), atol=0.04 * eta**2, rtol=0)


def test_axes_in_two_dimensions_are_those_of_the_matrix():
    operator, x, away = downsampling([4, 6], 2), normal(3, 1, 4, 6), normal(3, 1, 4, 6, seed=1)
    matrix = operator(torch.eye(24, dtype=torch.float64).reshape(24, 1, 4, 6)).flatten(1).T
    one = axes_of(Measurement(operator, operator(x), GaussianNoise(0.2)), x)
    other = axes_of(Measurement(Linear(matrix), operator(x).flatten(1), GaussianNoise(0.2)), x.flatten(1))
    gap = normal(3, 1, 2, 3, seed=2)
    moved = one.agreeing(away, gap, 0.7)
    assert_close(moved.flatten(1), other.agreeing(away.flatten(1), gap.flatten(1), 0.7))
    assert one.fine == pytest.approx(0.4) and other.fine == pytest.approx(0.4)


def test_what_has_no_axes_of_one_noise_has_none():
    x = normal(1, 4)
    assert axes_of(Measurement(Function(torch.tanh), x), x) is None
    assert axes_of(Measurement(Linear(torch.eye(4)), x, GaussianNoise(torch.tensor([0.1, 0.2, 0.1, 0.1]))), x) is None
