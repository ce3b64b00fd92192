"""The network over visits answers for a patient, and cannot see padding, other patients, or what it is not told."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.network import Network
from reverie.denoisers.visits import VisitNetwork, VisitNetworkConfig, distances
from reverie.process.gaussian import GaussianProcess
from reverie.process.schedule import NoiseSchedule

C = 5
MIXINGS = ("attention", "recurrent", "convolution")
T = torch.tensor([3, 40, 77, 99])


def network(mixing: str = "attention", seed: int = 0) -> VisitNetwork:
    """In float64, with every weight drawn, so that nothing is hidden behind a zero."""
    torch.manual_seed(seed)
    config = VisitNetworkConfig(width=16, layers=2, heads=2, mixing=mixing, around=True)  # pyright: ignore[reportArgumentType]
    module = VisitNetwork(C, config).double().eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return module


def question(visits: list[int], padding: int = 0, seed: int = 1) -> tuple[torch.Tensor, ConditionMask]:
    """x_t and what is given: cells at random, NaN in every cell that is neither asked nor observed."""
    draw = torch.Generator().manual_seed(seed)
    B, N = len(visits), 1 + max(visits) + padding
    kind = torch.randint(0, 3, (B, N, C), generator=draw)
    present = torch.arange(N) <= torch.tensor(visits)[:, None]
    asked, observed = (kind == 2) & present[..., None], (kind == 1) & present[..., None]
    asked[:, 0, 0], observed[:, 0, 0] = True, False
    x_t, values = torch.randn(2, B, N, C, generator=draw, dtype=torch.float64)
    return torch.where(asked, x_t, torch.nan), ConditionMask(
        torch.where(observed, values, torch.nan), observed, asked, present
    )


def shorter(x_t: torch.Tensor, given: ConditionMask, row: int, visits: int) -> tuple[torch.Tensor, ConditionMask]:
    """One patient alone, without padding."""
    cut = slice(row, row + 1), slice(0, visits + 1)
    return x_t[cut], ConditionMask(
        given.values[cut], given.observed_mask[cut], given.target_mask[cut], given.attention_mask[cut]
    )


@pytest.mark.parametrize("mixing", MIXINGS)
@settings(max_examples=12)
@given(visits=st.lists(st.integers(1, 14), min_size=1, max_size=4), padding=st.integers(0, 5))
def test_an_answer_depends_on_neither_padding_nor_other_patients_nor_untold_cells(
    mixing: str, visits: list[int], padding: int
) -> None:
    net, (x_t, told) = network(mixing), question(visits, padding)
    together = net(x_t, T[: len(visits)], told)
    assert together.isfinite().all(), "a NaN that was neither asked nor observed has been looked at"
    for i, count in enumerate(visits):
        alone = net(*((one := shorter(x_t, told, i, count))[0], T[i : i + 1], one[1]))
        torch.testing.assert_close(together[i : i + 1, : count + 1], alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("mixing", MIXINGS)
def test_every_cell_that_is_told_is_seen_by_every_visit(mixing: str) -> None:
    net, (x_t, told) = network(mixing), question([4])
    values = torch.where(told.observed_mask, told.values, 0.0).requires_grad_()
    state = torch.where(told.target_mask, x_t, 0.0).requires_grad_()
    answer = net(state, T[:1], replace(told, values=values))
    reach = torch.stack([torch.autograd.grad(answer[0, i].sum(), values, retain_graph=True)[0][0] for i in range(5)])
    asked_somewhere = told.target_mask[0].any(-1)
    assert (reach[asked_somewhere][:, told.observed_mask[0]] != 0).all(), "an observed cell says nothing to some visit"
    assert not reach[:, ~told.observed_mask[0]].any()


@pytest.mark.parametrize("mixing", MIXINGS)
def test_what_is_not_asked_is_answered_with_zero(mixing: str) -> None:
    x_t, told = question([3, 6])
    answer = network(mixing)(x_t, T[:2], told)
    assert not answer[~told.target_mask].any() and (answer[told.target_mask] != 0).all()


@pytest.mark.parametrize("mixing", MIXINGS)
def test_the_noise_level_and_the_place_of_a_visit_are_seen(mixing: str) -> None:
    net, (x_t, told) = network(mixing), question([5])
    one, other = (net(x_t, torch.tensor([t]), told)[told.target_mask] for t in (5, 90))
    assert (one - other).abs().min() > 1e-6
    order = [0, 1, 3, 2, 4, 5]
    moved = ConditionMask(
        told.values[:, order], told.observed_mask[:, order], told.target_mask[:, order], told.attention_mask
    )
    swapped = net(x_t[:, order], T[:1], moved)[:, order]
    assert (swapped - net(x_t, T[:1], told))[told.target_mask].abs().max() > 1e-6


def test_gradients_do_not_depend_on_padding() -> None:
    found = []
    for padding in (0, 7):
        net, (x_t, told) = network(), question([3, 8])
        if padding:
            x_t = torch.cat([x_t, torch.full((2, padding, C), torch.nan)], 1)
            off = torch.zeros(2, padding, C, dtype=torch.bool)
            told = ConditionMask(
                torch.cat([told.values, torch.full((2, padding, C), torch.nan)], 1),
                torch.cat([told.observed_mask, off], 1),
                torch.cat([told.target_mask, off], 1),
                torch.cat([told.attention_mask, off[..., 0]], 1),
            )
        net(x_t, T[:2], told).square().sum().backward()
        found.append([weight.grad for weight in net.parameters() if weight.grad is not None])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


def test_a_new_network_says_nothing() -> None:
    """Its first answer is 0, so training starts from the velocity's mean."""
    x_t, told = question([3])
    assert not VisitNetwork(C, VisitNetworkConfig(width=16, heads=2)).double().eval()(x_t, T[:1], told).any()


def test_pairs_share_a_bias_by_distance_and_direction_and_statics_have_their_own() -> None:
    kind = distances(60, torch.device("cpu"))
    near = kind[1:, 1:]
    i = torch.arange(59)
    for apart in range(-8, 9):
        assert len(near.diagonal(apart).unique()) == 1
    assert len({int(near.diagonal(apart)[0]) for apart in range(-8, 9)}) == 17
    assert near[i[-1], 0] != near[0, i[-1]] and int(near.max()) < int(kind[0, 1])
    assert len({int(kind[0, 0]), int(kind[0, 1]), int(kind[1, 0])}) == 3


@pytest.mark.parametrize("size", [{"width": 24, "heads": 16}, {"width": 4}, {"mixing": "magic"}, {"dropout": 1.0}])
def test_a_size_that_cannot_be_is_refused(size: dict) -> None:
    with pytest.raises(ValidationError):
        VisitNetworkConfig.model_validate(size)


def test_a_visit_is_told_the_nearest_given_values_around_it_and_how_near_they_are() -> None:
    values = torch.tensor([9.0, 1.0, 2.0, 0.0, 0.0, 3.0, 7.0])[None, :, None]  # the statics are no visit
    observed = torch.tensor([True, True, True, False, False, True, False])[None, :, None]
    told = ConditionMask(values, observed, ~observed, torch.ones(1, 7, dtype=torch.bool))
    before, after, since, until = told.around[0].T
    assert before.tolist() == [0, 0, 1, 2, 2, 2, 3] and after.tolist() == [0, 2, 3, 3, 3, 0, 0]
    torch.testing.assert_close(since, torch.tensor([0, 0, 1, 1, 1 / 2, 1 / 3, 1]))
    torch.testing.assert_close(until, torch.tensor([0, 1, 1 / 3, 1 / 2, 1, 0, 0]))


def test_weights_rounded_once_answer_as_weights_rounded_at_each_call() -> None:
    process = GaussianProcess(NoiseSchedule.from_config({"name": "cosine", "steps": 100}))
    x_t, told = question([3, 8])
    told = replace(told, values=told.values.float())
    exact = Network(process, network().float())
    anew = replace(exact, autocast=torch.bfloat16)
    with torch.no_grad():
        answers = [each(x_t.float(), T[:2], told).value for each in (anew, anew.rounded(), exact)]
    assert torch.equal(answers[0], answers[1]) and not torch.equal(answers[1], answers[2])
    assert all(weight.dtype == torch.float32 for weight in exact.module.parameters())
