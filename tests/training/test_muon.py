"""Muon's laws: steps along all directions alike, of a length that does not hang on the gradient's."""

import pytest
import torch
from torch import nn

from reverie.training import muon
from reverie.training.muon import Muon, orthogonal


def a_matrix(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(40, 90), (90, 40), (64, 64)])
def test_every_singular_value_comes_near_one_and_the_singular_vectors_stay(shape):
    matrices = torch.stack([a_matrix(*shape), a_matrix(*shape, seed=1)])
    for matrix, direction in zip(matrices, orthogonal(matrices), strict=True):
        u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
        inside = u.T @ direction @ vh.T
        assert bool(((inside.diag() > 0.6) & (inside.diag() < 1.3))[s > s[0] / 20].all())
        assert (inside - torch.diag(inside.diag())).abs().max() < 1e-8


def test_in_bf16_singular_values_come_near_one_too():
    u, s, vh = torch.linalg.svd(matrix := a_matrix(64, 128).float(), full_matrices=False)
    inside = (u.T @ orthogonal(matrix[None], torch.bfloat16)[0] @ vh.T).diag()[s > s[0] / 20]
    assert inside.dtype == torch.float32 and bool(((inside > 0.6) & (inside < 1.3)).all())


def step(weight: torch.Tensor, gradient: torch.Tensor, kind, **settings) -> torch.Tensor:
    """How the weight changes."""
    parameter = nn.Parameter(weight.clone())
    parameter.grad = gradient.clone()
    kind([parameter], **settings).step()
    return parameter.detach() - weight


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e3])
def test_a_step_of_a_matrix_is_as_long_as_one_of_adamw_and_does_not_know_the_scale_of_the_gradient(scale):
    weight, gradient = a_matrix(64, 64), a_matrix(64, 64, seed=1)
    change = step(weight, scale * gradient, Muon, lr=0.01)
    assert float(change.square().mean().sqrt()) == pytest.approx(0.2 * 0.01, rel=0.15)  # AdamW's is 0.2 to 0.4 of the rate
    assert torch.allclose(change, step(weight, gradient, Muon, lr=0.01), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", [(64,), (8, 64), (64, 1, 3, 3)])
def test_what_is_no_matrix_or_a_narrow_one_takes_the_step_of_adamw(shape):
    weight, gradient = a_matrix(*shape), a_matrix(*shape, seed=1)
    ours, theirs = nn.Parameter(weight.clone()), nn.Parameter(weight.clone())
    mine, other = Muon([ours], 0.01, 0.1), torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1)
    for k in range(3):
        ours.grad, theirs.grad = gradient * (k + 1), gradient * (k + 1)
        mine.step()
        other.step()
    assert torch.allclose(ours, theirs, atol=1e-12)


def test_a_kernel_is_stepped_as_the_matrix_of_its_outputs_against_all_else():
    kernel, gradient = a_matrix(32, 16, 3, 3), a_matrix(32, 16, 3, 3, seed=1)
    flat = step(kernel.flatten(1), gradient.flatten(1), Muon, lr=0.1)
    assert torch.allclose(step(kernel, gradient, Muon, lr=0.1).flatten(1), flat, atol=1e-12)


def test_many_weights_of_one_shape_are_stepped_as_each_would_be_alone(monkeypatch):
    monkeypatch.setattr(muon, "TOGETHER", 2)
    start, gradients = [[a_matrix(32, 40, seed=seed + k) for k in range(5)] for seed in (0, 9)]
    together = [nn.Parameter(weight.clone()) for weight in start]
    for weight, gradient in zip(together, gradients, strict=True):
        weight.grad = gradient.clone()
    Muon(together, 0.01).step()
    for weight, before, gradient in zip(together, start, gradients, strict=True):
        assert torch.allclose(weight - before, step(before, gradient, Muon, lr=0.01), rtol=1e-9, atol=1e-12)


def test_a_weight_without_gradient_stays():
    parameter = nn.Parameter(torch.ones(40, 40))
    Muon([parameter], 0.1).step()
    assert bool((parameter == 1).all())
