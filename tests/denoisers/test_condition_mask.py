"""What a network of records is told: cells are asked, observed or neither, and what is neither is 0."""

from __future__ import annotations

import pytest
import torch

from reverie.denoisers import Guided
from reverie.denoisers.condition_mask import ConditionMask, check_condition_mask
from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule

PROCESS = GaussianProcess(NoiseSchedule.cosine(100))


def question(B: int = 3, N: int = 4, C: int = 5, seed: int = 0) -> ConditionMask:
    draw = torch.Generator().manual_seed(seed)
    kind = torch.randint(0, 3, (B, N, C), generator=draw)
    values = torch.randn(B, N, C, generator=draw, dtype=torch.float64)
    return ConditionMask(values, kind == 1, kind == 2, torch.ones(B, N, dtype=torch.bool))


class Sum(torch.nn.Module):
    """Answers every cell with the sum of what is given."""

    def __init__(self) -> None:
        super().__init__()
        self.one = torch.nn.Parameter(torch.ones((), dtype=torch.float64))

    check = staticmethod(check_condition_mask)

    def forward(self, x_t: torch.Tensor, t: torch.Tensor, given: ConditionMask) -> torch.Tensor:
        told = (given.values * given.observed_mask).sum((1, 2), keepdim=True)
        return self.one * told.expand_as(x_t)


def test_the_state_is_the_noise_where_asked_the_value_where_observed_and_zero_elsewhere() -> None:
    given = question()
    x_t = torch.full_like(given.values, torch.nan)
    x_t[given.target_mask] = 7.0
    values = torch.where(given.observed_mask, given.values, torch.nan)
    state = ConditionMask(values, given.observed_mask, given.target_mask, given.attention_mask).state(x_t)
    assert (state[given.target_mask] == 7).all() and torch.equal(
        state[given.observed_mask], given.values[given.observed_mask]
    )
    assert not state[~given.target_mask & ~given.observed_mask].any()


def test_rows_of_a_question_are_the_question_of_those_rows() -> None:
    given = question()
    rows = given[torch.tensor([2, 0])]
    for name in ("values", "observed_mask", "target_mask", "attention_mask"):
        assert torch.equal(getattr(rows, name), getattr(given, name)[[2, 0]])


def test_the_unconditional_question_only_forgets_the_statics() -> None:
    given = question()
    asks = given.unconditional()
    assert isinstance(asks, ConditionMask) and not asks.observed_mask[:, 0].any() and given.observed_mask[:, 0].any()
    assert torch.equal(asks.observed_mask[:, 1:], given.observed_mask[:, 1:])
    assert (
        asks.target_mask is given.target_mask and asks.attention_mask is given.attention_mask and asks.values is given.values
    )


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5])
def test_guidance_goes_from_the_answer_without_statics_to_the_one_with_them(scale: float) -> None:
    network, given = Network(PROCESS, Sum(), "velocity"), question()
    x_t = torch.randn(given.values.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with_statics, without = network(x_t, 40, given).velocity, network(x_t, 40, given.unconditional()).velocity
    assert (with_statics - without).abs().max() > 0.1
    guided = Guided(network, scale)(x_t, 40, given).velocity
    torch.testing.assert_close(guided, without + scale * (with_statics - without), rtol=1e-12, atol=1e-12)


def test_a_network_is_told_what_it_was_trained_to_be_told() -> None:
    given = question()
    with pytest.raises(UsageError, match="must be told what is given"):
        Network(PROCESS, Sum())(given.values, 3)
    with pytest.raises(UsageError, match="trained without conditions"):
        Network(PROCESS, torch.nn.Linear(1, 1))(given.values, 3, given)
