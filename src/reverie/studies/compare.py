"""The same starting noise through a grid of samplers and numbers of steps: what each costs, and how far each ends off.

    error = rms of (end of the sampler - end of the reference), x in [-1, 1]

The reference is a second-order solver of the probability-flow ODE in many steps from the same noise; its own error is told,
as the rms between it and itself in half as many steps. A sampler that draws noise does not follow that ODE: how far it ends
from the reference is no error of discretisation, so it is marked, and has no rank.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.images import data_url
from reverie.process import draw, generator
from reverie.process.schedule import table_of
from reverie.samplers import named, sample, time_grid
from reverie.samplers.registry import compared
from reverie.studies.denoising import Denoising, counting, grainy

__all__ = ["REFERENCE", "STEPS", "Cell", "Comparison", "compare"]

REFERENCE = "dpmpp"
STEPS = (5, 10, 20, 50)


@dataclass(frozen=True, eq=False)
class Cell:
    """One sampler in one number of steps.

    Attributes:
        steps: as asked; calls are those of the denoiser, and seconds what they took.
        error: rms distance to the reference.
        stochastic: whether it draws noise, so that the error is not one of discretisation.
        rank: by error among those that draw none, from 1; None for those that do.
        image: where it ended, uint8 [H, W, C].
    """

    sampler: str
    steps: int
    calls: int
    seconds: float
    error: float
    stochastic: bool
    rank: int | None
    image: np.ndarray

    def reply(self, images: bool = False) -> dict[str, Any]:
        """As JSON, with the picture as a PNG data URL if asked for."""
        return {
            "sampler": self.sampler,
            "steps": self.steps,
            "calls": self.calls,
            "seconds": self.seconds,
            "error": self.error,
            "stochastic": self.stochastic,
            "rank": self.rank,
            "image": data_url(self.image) if images else None,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """All cells, what they are compared with, and the noise that all began from."""

    by: Denoising
    seed: int
    cells: tuple[Cell, ...]
    reference: Cell
    own_error: float
    start: np.ndarray

    def reply(self, images: bool = False) -> dict[str, Any]:
        """{"cells": [...], "reference": {...}, "start", "metadata"}; pictures as PNG data URLs, if asked for."""
        reference = self.reference
        return {
            "cells": [cell.reply(images) for cell in self.cells],
            "reference": {
                "sampler": reference.sampler,
                "steps": reference.steps,
                "calls": reference.calls,
                "seconds": reference.seconds,
                "own_error": self.own_error,
                "image": data_url(reference.image) if images else None,
            },
            "start": data_url(self.start, noisy=True) if images else None,
            "metadata": {
                "evidence": self.by.denoiser.evidence,
                "denoiser": self.by.source,
                "image_shape": list(self.start.shape),
                "schedule": dict(self.by.denoiser.process.schedule.config),
                "seed": self.seed,
                "units": {"error": "rms over pixels, black -1 and white 1", "seconds": "of the sampler alone"},
            },
        }


def compare(
    samplers: Sequence[str] | None = None,
    steps: Sequence[int] = STEPS,
    by: Denoising | None = None,
    *,
    reference_steps: int = 200,
    seed: int = 0,
    on_step: Callable[[int, int], None] | None = None,
    on_cell: Callable[[Cell], None] | None = None,
) -> Comparison:
    """Runs every sampler in every number of steps from one noise.

    Args:
        samplers: names, see samplers.SAMPLERS; those marked there as compared if left out.
        steps: numbers of steps, 1..T.
        by: the denoiser, by default the exact one of photographs with grain at 32 x 32.
        reference_steps: of the reference, 2..T.
        on_step: called with (runs done, runs in all).
        on_cell: called with each cell as it is made, not ranked yet.

    Raises UsageError for names or steps that cannot be used, or given twice.
    """
    samplers, by = compared() if samplers is None else samplers, grainy(32, 32) if by is None else by
    for what, given in (("sampler", samplers), ("number of steps", steps)):
        if not given:
            raise UsageError(f"give at least one {what} to compare.")
        if len(set(given)) < len(given):
            raise UsageError(f"a {what} is given twice: give each once.")
    schedule = table_of(by.denoiser.process.schedule, "a comparison of samplers")
    if (
        isinstance(reference_steps, bool)
        or not isinstance(reference_steps, int)
        or not 2 <= reference_steps <= schedule.steps
    ):
        raise UsageError(f"`reference_steps` must be a whole number from 2 to {schedule.steps}, not {reference_steps!r}.")
    grids = {count: time_grid(schedule, count) for count in steps}
    if reference_steps < max(steps):
        raise UsageError(
            f"the reference takes {reference_steps} steps, fewer than the {max(steps)} that are held to it: say more "
            "`reference_steps`."
        )
    rules = {name: named(name) for name in samplers}
    total, done = len(rules) * len(grids) + 2, 0

    def begin() -> tuple[torch.Generator, Tensor]:
        """The noise that studies.reverse begins from too, so that each cell can be watched step by step."""
        stream = generator(seed, "study", "reverse")
        return stream, draw(torch.empty(1, *by.codec.shape), stream)

    def run(name: str, count: int) -> tuple[Tensor, int, float]:
        nonlocal done
        (denoiser, counted), (stream, start) = counting(by.denoiser), begin()
        clock = time.perf_counter()
        end = sample(denoiser, named(name), time_grid(schedule, count), start, stream)
        seconds, done = time.perf_counter() - clock, done + 1
        if on_step:
            on_step(done, total)
        return end, counted.calls, seconds

    half, _, _ = run(REFERENCE, reference_steps // 2)  # first, so that what is done once is in no cell's time
    end, calls, seconds = run(REFERENCE, reference_steps)
    reference = Cell(REFERENCE, reference_steps, calls, seconds, 0.0, False, None, by.codec.decode(end)[0])
    cells = []
    for name, rule in rules.items():
        for count in grids:
            x, calls, seconds = run(name, count)
            error = float(((x - end).double() ** 2).mean().sqrt())
            cells.append(Cell(name, count, calls, seconds, error, rule.stochastic, None, by.codec.decode(x)[0]))
            if on_cell:
                on_cell(cells[-1])
    own_error = float(((half - end).double() ** 2).mean().sqrt())
    return Comparison(by, seed, _ranked(cells), reference, own_error, by.codec.decode(begin()[1])[0])


def _ranked(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    errors = sorted(cell.error for cell in cells if not cell.stochastic)
    return tuple(cell if cell.stochastic else replace(cell, rank=1 + errors.index(cell.error)) for cell in cells)
