"""Muon: steps along every direction that a weight matrix can learn in, not only along the loudest (Jordan et al. 2024).

M_k = mu M_{k-1} + G_k,   U S V^T = G_k + mu M_k,   W_k = (1 - eta lambda) W_{k-1} - eta 0.2 sqrt(max(m, n)) U V^T

for weights of m x n, the axes of a kernel counted with its inputs; the factor makes a step as long as one of AdamW (Liu et
al. 2025), so rates and decay mean the same. U V^T is found by five rounds of a quintic iteration, which brings each singular
value near 1 and needs products only, in bf16 where the hardware multiplies it. Matrices of one shape go together, at most
TOGETHER, as a network over events has hundreds of small ones; of several processes each finds some, for all. What is not a
matrix, or has a side below 32 (such as the last layer of a network for pictures), takes the steps of AdamW.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from reverie.training import processes
from reverie.training.eager import Eager
from reverie.training.hardware import autocast_dtype

__all__ = ["Muon", "orthogonal"]

MOMENTUM, ADAM, EPSILON, NARROW = 0.95, (0.9, 0.999), 1e-8, 32
ROUNDS, QUINTIC = 5, (3.4445, -4.7750, 2.0315)
TOGETHER = 32


class Muon(Eager):
    """Muon for matrices, AdamW for the rest, with one learning rate `lr` and one decay `weight_decay` for both."""

    def __init__(self, weights: Iterable[Parameter], lr: float, weight_decay: float = 0.0) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            wide = {w: _momentum(self.state[w], w) for w in weights if w.ndim > 1 and min(w.flatten(1).shape) >= NARROW}
            along = dict(zip(wide, _orthogonal(list(wide.values())), strict=True))
            for weight in weights:
                change = along[weight].view(weight.shape) if weight in along else _as_adam(self.state[weight], weight)
                weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(change, alpha=group["lr"])


def orthogonal(matrices: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """U V^T of each U S V^T [k, m, n], but for singular values of about 0.7 to 1.2 in the place of 1; found in the precision
    of `dtype`, that of the matrices if left out."""
    a, b, c = QUINTIC
    high = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if high else matrices
    x = (x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-12)).to(dtype or x.dtype)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if high else x).to(matrices.dtype)


def _momentum(state: dict[str, Tensor], weight: Parameter) -> Tensor:
    """G_k + mu M_k as a matrix, and M_k kept."""
    assert weight.grad is not None
    if "momentum" not in state:
        state["momentum"] = torch.zeros_like(weight)
    momentum = state["momentum"]
    momentum.mul_(MOMENTUM).add_(weight.grad)
    return weight.grad.add(momentum, alpha=MOMENTUM).flatten(1)


def _orthogonal(matrices: list[Tensor]) -> list[Tensor]:
    """The directions of all: each stack is found by one process, and is 0 with the others until they are summed."""
    if not matrices:
        return []
    found: dict[int, Tensor] = {}
    single, device = matrices[0].dtype == torch.float32, matrices[0].device
    dtype = autocast_dtype("auto", device) if single else None
    work = [0.0] * processes.world()
    for stack in sorted(_stacks(matrices), key=lambda stack: -len(stack) * _work(matrices[stack[0]])):
        who = work.index(min(work))
        work[who] += len(stack) * _work(matrices[stack[0]])
        if who == processes.rank():
            scale = 0.2 * max(matrices[stack[0]].shape) ** 0.5
            directions = scale * orthogonal(torch.stack([matrices[i] for i in stack]), dtype)
            found |= dict(zip(stack, directions.unbind(), strict=True))
    every = [found[i] if i in found else torch.zeros_like(matrix) for i, matrix in enumerate(matrices)]
    return processes.summed(every, device)


def _stacks(matrices: list[Tensor]) -> list[list[int]]:
    """Which matrices are found together: those of one shape, TOGETHER at most, however many processes there are."""
    of: dict[torch.Size, list[int]] = {}
    for i, matrix in enumerate(matrices):
        of.setdefault(matrix.shape, []).append(i)
    return [same[first : first + TOGETHER] for same in of.values() for first in range(0, len(same), TOGETHER)]


def _work(matrix: Tensor) -> float:
    """Of `orthogonal`, in products."""
    return min(matrix.shape) * matrix.numel()


def _as_adam(state: dict[str, Tensor], weight: Parameter) -> Tensor:
    assert weight.grad is not None
    if not state:
        state["step"] = torch.zeros(())
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
    state["step"] += 1
    k, (mean, square) = float(state["step"]), ADAM
    first = state["exp_avg"].lerp_(weight.grad, 1 - mean)
    second = state["exp_avg_sq"].mul_(square).addcmul_(weight.grad, weight.grad, value=1 - square)
    return first / (1 - mean**k) / ((second / (1 - square**k)).sqrt() + EPSILON)
