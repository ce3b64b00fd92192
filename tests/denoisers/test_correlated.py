"""The mixture with correlations answers as others do where they know it, and its posterior is Bayes' rule."""

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import CorrelatedMixture, GaussianMixture
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule

PROCESS = GaussianProcess(NoiseSchedule.linear())


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


MEANS, WEIGHTS = normal(3, 4), torch.tensor([1.0, 2.0, 0.5])
ROOTS = normal(3, 4, 4, seed=1)
MIXTURE = CorrelatedMixture(PROCESS, MEANS, ROOTS @ ROOTS.mT, WEIGHTS)


@pytest.mark.parametrize("t", [1, 200, 1000])
def test_without_correlations_it_is_the_plain_mixture(t):
    stds, x = torch.tensor([0.3, 1.0, 0.0]), normal(5, 4, seed=2)
    plain = GaussianMixture(PROCESS, MEANS, stds, WEIGHTS)
    same = CorrelatedMixture(PROCESS, MEANS, stds.double()[:, None, None] ** 2 * torch.eye(4).double(), WEIGHTS)
    assert_close(same(x, t).clean, plain(x, t).clean, rtol=1e-9, atol=1e-9)
    assert_close(same(x, torch.full((5,), t)).clean, same(x, t).clean)


@pytest.mark.parametrize("t", [20, 500])
def test_its_score_is_the_gradient_of_its_log_density(t):
    x, a2 = normal(6, 4, seed=3).requires_grad_(), float(PROCESS.schedule.alpha_bar[t])
    spread = a2 * MIXTURE.covariances + (1 - a2) * torch.eye(4)
    of = torch.distributions.MultivariateNormal(a2**0.5 * MEANS, spread)
    torch.logsumexp((WEIGHTS / WEIGHTS.sum()).log() + of.log_prob(x[:, None]), 1).sum().backward()
    assert_close(MIXTURE(x.detach(), t).score, x.grad, rtol=1e-6, atol=1e-6)


def test_the_posterior_is_bayes_rule():
    """log p(x) + log p(y | x) less log p(x | y) is one number, whatever x."""
    matrix, y, x = normal(2, 4, seed=4), normal(2, seed=5), normal(7, 4, seed=6)

    def log_density(mixture):
        of = torch.distributions.MultivariateNormal(mixture.means, mixture.covariances)
        return torch.logsumexp(mixture.log_weights + of.log_prob(x[:, None]), 1)

    noise = torch.tensor([0.2, 0.7]).double()
    evidence = (
        log_density(MIXTURE) - 0.5 * ((y - x @ matrix.T) ** 2 / noise).sum(1) - log_density(MIXTURE.given(matrix, y, noise))
    )
    assert_close(evidence, evidence[:1].expand(7))


def test_draws_have_its_moments():
    draws = MIXTURE.sample(40_000, torch.Generator().manual_seed(7))
    w = (WEIGHTS / WEIGHTS.sum()).double()
    assert_close(draws.mean(0), w @ MEANS, atol=0.06, rtol=0)
    second = torch.einsum("k,kde->de", w, MIXTURE.covariances + MEANS[:, :, None] * MEANS[:, None])
    assert_close(draws.T @ draws / 40_000, second, atol=0.4, rtol=0.05)


def test_shapes_and_negative_directions_are_refused():
    with pytest.raises(UsageError, match=r"not \[3, 4\] and \[4, 4\]"):
        CorrelatedMixture(PROCESS, MEANS, torch.eye(4))
    with pytest.raises(UsageError, match="no negative direction"):
        CorrelatedMixture(PROCESS, MEANS, -torch.eye(4).expand(3, 4, 4))
