"""Draws of one measurement as one population of weighted particles, and how those that go on are chosen."""

from __future__ import annotations

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.errors import UsageError
from reverie.process.randomness import Generators
from reverie.samplers.posterior.measurement import Measurement

__all__ = ["check_shared", "lying_at"]


def check_shared(measurement: Measurement, generator: Generators, condition: Condition | None) -> None:
    """Raises UsageError where draws are not all of one measurement, one generator and no condition."""
    if not isinstance(generator, torch.Generator) or condition is not None or len(measurement.y) > 1:
        raise UsageError(
            "shared particles serve all draws of one measurement together, of one generator and without conditions, so "
            "no draw is a function of its own seed: take twisted, whose particles are each draw's own."
        )


def lying_at(log_w: Tensor, places: Tensor) -> Tensor:
    """Of weights [rows, many] side by side on 0..1, which lies at each of the places [rows, n]."""
    ends = torch.softmax(log_w.double(), 1).cumsum(1)
    return (ends[:, None] <= places[:, :, None]).sum(-1).clamp_max(log_w.shape[1] - 1)
