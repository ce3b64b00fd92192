"""How far pictures are from others as a frozen network sees them, on its way to what it predicts.

    d(x, y) = mean over the stages l of mean (h_l(x_t) - h_l(y_t))^2 / s_l^2,      x_t = a x + sigma eps

with one noise for both, and s_l^2 of each channel its mean square over y. A network that has learned to take noise off knows
edges, outlines and texture: what is blurred is far from what is sharp in it, though not in pixels. (As distances in the
features of classifiers: Zhang et al. 2018; in those of a diffusion model: Lin and Yang 2024.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from reverie.denoisers.conditions import Condition
from reverie.denoisers.network import Network

__all__ = ["distance"]

LEAST = 1e-6
"""Of the mean square of a channel: one that never answers says nothing."""


def distance(
    network: Network, stages: Sequence[nn.Module], x: Tensor, y: Tensor, t: Tensor, noise: Tensor, given: Condition | None
) -> Tensor:
    """d(x, y) of pictures [B, ...], the mean over the batch; its gradient is that of x alone."""
    with _answers(stages) as mine:
        network(network.process.corrupt(x, t, noise), t, given)
    with torch.no_grad(), _answers(stages) as theirs:
        network(network.process.corrupt(y, t, noise), t, given)
    far = [_far(h.float(), to.float()) for h, to in zip(mine, theirs, strict=True)]
    return torch.stack(far).mean()


def _far(h: Tensor, to: Tensor) -> Tensor:
    over = (0, *range(2, to.ndim))
    return ((h - to).square() / to.square().mean(over, keepdim=True).clamp(min=LEAST)).mean()


@contextmanager
def _answers(stages: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """What each stage answers while this is open."""
    answers: list[Tensor] = []

    def keep(_: nn.Module, __: Any, output: Any) -> None:
        answers.append(output if isinstance(output, Tensor) else output[0])

    hooks = [stage.register_forward_hook(keep) for stage in stages]
    try:
        yield answers
    finally:
        for hook in hooks:
            hook.remove()
