"""The network for points is the formula that its module opens with, and its weights as numbers are all of it."""

import base64
import math

import numpy as np
import pytest
import torch

from reverie.denoisers import Labels
from reverie.denoisers.mlp import MLP
from reverie.errors import UsageError
from reverie.process import NoiseSchedule, generator


def network(schedule: NoiseSchedule) -> MLP:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = MLP(schedule, width=8, depth=2, waves=2).double()
    for layer in module.layers:
        layer.bias.data += 0.3
        layer.weight.data += 0.05 * torch.randn(layer.weight.shape, generator=generator(1), dtype=torch.float64)
    return module.requires_grad_(False)


@pytest.mark.parametrize("t", [1, 300, 1000])
def test_it_is_the_formula_from_its_numbers_alone(t):
    schedule = NoiseSchedule.linear()
    module, x = network(schedule), torch.tensor([[0.4, -1.7]], dtype=torch.float64)
    state = module.state()
    numbers = np.frombuffer(base64.b64decode(state["weights"]), "<f4").astype(float)
    u = min(1.0, max(-1.0, float(schedule.log_snr[t]) / state["reach"]))
    point = x[0].numpy()
    waves = [wave(point * 2**j) for j in range(state["waves"]) for wave in (np.sin, np.cos)]
    levels = [wave(math.pi * 2**k * u / 2) for wave in (math.sin, math.cos) for k in range(state["level_waves"])]
    h, at = np.concatenate([point, *waves, [u], levels]), 0
    for i, (width, to) in enumerate(zip(state["sizes"], state["sizes"][1:], strict=False)):
        weight = numbers[at : at + width * to].reshape(to, width)
        bias = numbers[at + width * to : at + width * to + to]
        at += width * to + to
        z = weight @ h + bias
        h = z if i == len(state["sizes"]) - 2 else z / (1 + np.exp(-z))
    assert at == len(numbers)
    assert module(x, torch.tensor([t]))[0].numpy() == pytest.approx(h, abs=1e-6)


def test_it_begins_at_nothing_and_sees_pure_noise_of_zero_terminal_snr():
    schedule = NoiseSchedule.linear().with_zero_terminal_snr()
    assert MLP(schedule)(torch.randn(3, 2, generator=generator(0)), torch.tensor([1, 2, 1000])).abs().max() == 0
    assert network(schedule)(torch.ones(1, 2).double(), torch.tensor([1000])).isfinite().all()


def test_a_condition_is_refused():
    with pytest.raises(UsageError, match="without conditions"):
        MLP(NoiseSchedule.linear()).check(Labels(torch.zeros(1, dtype=torch.int64)), 1)
