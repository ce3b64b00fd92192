"""A network in continuous time: what its module receives, and that EDM's preconditioning makes a denoiser of it."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from reverie.denoisers import GaussianMixture
from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.process import EDM, ContinuousCosine, GaussianProcess, NoiseSchedule, RectifiedFlow, VarianceExploding
from reverie.process.registry import CONTINUOUS, named


class Heard(nn.Module):
    """Answers 0 and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, x, t):
        self.x, self.t = x, t
        return self.weight * x


X = torch.randn(4, 1, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("t", [0.01, 2.0, 80.0, torch.tensor([0.01, 0.5, 2.0, 80.0])], ids=str)
def test_a_network_that_answers_zero_is_exact_for_gaussian_data_of_edms_deviation(t):
    """D = c_skip x is E[x_0|x] for N(0, sigma_data^2): what preconditioning leaves to be learned is the rest."""
    process = GaussianProcess(EDM(sigma_data=0.5))
    exact = GaussianMixture(process, torch.zeros(1, 1, 3, dtype=torch.float64), torch.tensor([0.5]))
    network = Network(process, Heard(), "edm")
    assert_close(network(X, t).clean, exact(X, t).clean, rtol=1e-12, atol=1e-14)


def test_its_module_receives_a_state_of_power_one_and_a_quarter_of_ln_sigma():
    module = Heard()
    Network(GaussianProcess(EDM(sigma_data=0.5)), module, "edm")(X, 3.0)
    assert_close(module.x, X / math.sqrt(9.25), rtol=1e-14, atol=0)
    assert_close(module.t, torch.full((4,), math.log(3.0) / 4, dtype=torch.float64), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("schedule", "t"), [(NoiseSchedule.linear(), 7), (RectifiedFlow(), 0.3), (VarianceExploding(), 1.0)], ids=str
)
def test_another_module_receives_the_state_and_its_time_as_they_are(schedule, t):
    module = Heard()
    Network(GaussianProcess(schedule), module, "velocity")(X, t)
    assert torch.equal(module.x, X)
    assert_close(module.t.double(), torch.full((4,), float(t), dtype=torch.float64), rtol=1e-7, atol=0)
    assert module.t.is_floating_point() == isinstance(t, float)


@pytest.mark.parametrize("kind", ["velocity", "edm"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_scaled_module_receives_a_state_of_power_one_and_the_step_of_a_cosine_table_of_a_thousand(name, kind):
    path, module = named(name), Heard()
    network = Network(GaussianProcess(path), module, kind, scaled=True)
    for t in (*path.ends, torch.tensor(path.ends * 2, dtype=torch.float64)):
        network(X, t)
        alpha, sigma = (c.reshape(-1, 1, 1) for c in path.at(torch.as_tensor(t, dtype=torch.float64).reshape(-1)))
        assert_close(module.x, X / ((alpha * path.data_std) ** 2 + sigma**2).sqrt(), rtol=1e-12, atol=0)
        told = 2000 / math.pi * torch.atan2(sigma, alpha * path.data_std)
        assert module.t.shape == (4,)
        assert_close(module.t, told.flatten().expand(4), rtol=1e-6, atol=0)


def test_on_a_table_a_scaled_module_receives_what_any_does():
    module = Heard()
    Network(GaussianProcess(NoiseSchedule.linear()), module, "velocity", scaled=True)(X, 7)
    assert torch.equal(module.x, X) and torch.equal(module.t, torch.full((4,), 7))


@pytest.mark.parametrize(
    ("schedule", "kind", "culprit"),
    [
        (RectifiedFlow(), "noise", "noise prediction .*zero terminal SNR"),
        (ContinuousCosine(), "score", "score prediction .*zero terminal SNR"),
        (RectifiedFlow(), "edm", "edm prediction .*zero terminal SNR.*velocity or flow"),
        (EDM(), "F", "'F'.*Known: clean, edm, flow, noise, score, velocity"),
    ],
)
def test_a_path_and_a_prediction_that_do_not_go_together_are_refused(schedule, kind, culprit):
    with pytest.raises(UsageError, match=culprit):
        Network(GaussianProcess(schedule), Heard(), kind)
