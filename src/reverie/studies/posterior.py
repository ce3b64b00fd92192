"""How far posterior samplers are from the exact posterior, against what they cost.

Each case is a distribution whose denoiser is exact, a measurement of one draw of it, and the conditional in closed form:

    gaussian   AR(1) with correlation .9, half of it known; the conditional is Gaussian
    clusters   a mixture of three Gaussians, three entries known; the conditional is a mixture
    mixture    the same, means of neighbours seen with noise
    finite     a set of points, blurred, with noise; the conditional weighs the points

So nothing is wrong but the method and its steps. A method is given as many passes through the denoiser, forward and back, as
the others: its steps are what it can do with them. Beside the errors stands what chance alone gives two sets of exact draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.correlated import CorrelatedMixture
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.oracles import GaussianMixture
from reverie.errors import UsageError, unknown
from reverie.evaluation.two_samples import c2st, sliced_wasserstein
from reverie.process import GaussianProcess, NoiseSchedule, draw, generator
from reverie.samplers import time_grid
from reverie.samplers.posterior import METHODS, GaussianNoise, Linear, Mask, Measurement, blur, downsampling, named
from reverie.samplers.posterior.repaint import RePaint

__all__ = ["CASES", "PASSES", "Case", "Cell", "PosteriorStudy", "case_of", "posterior"]

PASSES = (25, 50, 100)
SIZE = 8
CORRELATION = 0.9
GRAIN = 0.15
"""A set of points is compared with this much noise on either side: no classifier could be fooled about single points."""


@dataclass(frozen=True, eq=False)
class Case:
    """A distribution, a measurement, and what is left of the distribution.

    Attributes:
        denoiser: exact, of the distribution.
        exact: of the conditional, to draw from.
        grain: deviation of the noise that is added before two sets are compared.
    """

    name: str
    about: str
    denoiser: Denoiser
    measurement: Measurement
    exact: CorrelatedMixture | GaussianMixture
    grain: float = 0.0

    def draws(self, count: int, stream: torch.Generator) -> np.ndarray:
        """From the exact conditional, as they are compared."""
        return self.compared(self.exact.sample(count, stream), stream)

    def compared(self, x: Tensor, stream: torch.Generator) -> np.ndarray:
        """Samples [N, D] without what is known of all of them, with the grain."""
        operator = self.measurement.operator
        free = ~operator.known if isinstance(operator, Mask) and not self.grain else torch.ones(x.shape[1]).bool()
        return (x + self.grain * draw(x, stream))[:, free].numpy()


@dataclass(frozen=True)
class Cell:
    """One method with so many passes, on one case.

    Attributes:
        passes: that were allowed; `calls` and `backward` are those that were made, for one sample.
        c2st: how often a classifier tells its draws from exact ones; 1/2 is chance.
        distance: sliced Wasserstein, to exact draws.
    """

    case: str
    method: str
    passes: int
    steps: int
    calls: int
    backward: int
    c2st: float
    distance: float


@dataclass(frozen=True, eq=False)
class PosteriorStudy:
    """All cells; `chance` has by case what two sets of exact draws give: (C2ST, distance)."""

    cells: tuple[Cell, ...]
    chance: dict[str, tuple[float, float]]
    cases: dict[str, str]
    draws: int
    seed: int

    def reply(self) -> dict[str, Any]:
        """{"cells": [...], "chance": {...}, "metadata"}."""
        return {
            "cells": [cell.__dict__ for cell in self.cells],
            "chance": {case: {"c2st": told, "distance": away} for case, (told, away) in self.chance.items()},
            "metadata": {"evidence": "exact", "cases": self.cases, "draws": self.draws, "seed": self.seed},
        }


def posterior(
    methods: Sequence[str] | None = None,
    passes: Sequence[int] = PASSES,
    cases: Sequence[str] | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
    on_step: Callable[[int, int], None] | None = None,
    on_cell: Callable[[Cell], None] | None = None,
) -> PosteriorStudy:
    """Draws of every method on every case, at every cost, held to exact draws.

    Args:
        methods: names, see samplers.posterior.METHODS; all if left out. repaint is for a mask without noise alone.
        passes: through the denoiser for one sample, forward and back together.
        cases: of CASES; all if left out.
        draws: of each side.
        on_step: called with (runs done, in all); on_cell with each cell as it is made.

    Raises UsageError for a name that is not known, and where nothing is asked for.
    """
    methods, cases = list(METHODS) if methods is None else methods, list(CASES) if cases is None else cases
    if not methods or not passes or not cases:
        raise UsageError("a study of posteriors needs a method, a case and a number of passes at least.")
    made = {name: case_of(name) for name in cases}
    runs = [(case, name, cost) for case in made.values() for name in methods if _takes(name, case) for cost in passes]
    chance, cells = {}, []
    for name, case in made.items():
        one, other = (case.draws(draws, generator(seed, "study", "posterior", name, i)) for i in ("exact", "chance"))
        chance[name] = (c2st(one, other), sliced_wasserstein(one, other))
        for of, method, cost in runs:
            if of is not case:
                continue
            cells.append(_run(case, method, cost, one, seed))
            if on_cell:
                on_cell(cells[-1])
            if on_step:
                on_step(len(cells), len(runs))
    return PosteriorStudy(tuple(cells), chance, {name: case.about for name, case in made.items()}, draws, seed)


def _run(case: Case, name: str, passes: int, exact: np.ndarray, seed: int) -> Cell:
    method, process = named(name), case.denoiser.process
    steps = max(1, min(passes // method.passes, process.schedule.most_steps))
    grid = time_grid(process.schedule, steps, "angle")
    stream = generator(seed, "study", "posterior", case.name, name, passes)
    start = draw(torch.empty(len(exact), SIZE, dtype=torch.float64), stream)
    found = case.compared(method.sample(case.denoiser, case.measurement, grid, start, stream), stream)
    steps = len(grid) - 1
    distance = sliced_wasserstein(found, exact)
    return Cell(case.name, name, passes, steps, *method.spent(steps), c2st(found, exact), distance)


def _takes(name: str, case: Case) -> bool:
    exact = isinstance(case.measurement.operator, Mask) and bool(case.measurement.noise.exact.all())
    return exact or not issubclass(METHODS[name].kind, RePaint)


def case_of(name: str) -> Case:
    """A case by its name. Raises UsageError with the nearest for one that there is not."""
    if name not in CASES:
        raise unknown("case of posteriors", name, CASES)
    return CASES[name](GaussianProcess(NoiseSchedule.cosine()))


def _gaussian(process: GaussianProcess) -> Case:
    prior = CorrelatedMixture(process, torch.zeros(1, SIZE), _ar(CORRELATION)[None])
    known = torch.arange(SIZE) < SIZE // 2
    x_0 = torch.tensor([0.2, 0.9, 1.3, 1.0]).double()
    whole = torch.zeros(1, SIZE, dtype=torch.float64)
    whole[0, : SIZE // 2] = x_0
    exact = prior.given(torch.eye(SIZE)[: SIZE // 2], x_0)
    return Case("gaussian", "AR(.9), the first half known", prior, Measurement(Mask(known), whole), exact)


def _three(process: GaussianProcess) -> CorrelatedMixture:
    ramp = torch.linspace(-1, 1, SIZE, dtype=torch.float64)
    means = torch.stack([1.2 * ramp, 0.9 - 1.8 * ramp**2, -1.0 * ramp])
    return CorrelatedMixture(process, means, 0.16 * _ar(0.6).expand(3, -1, -1), torch.tensor([0.4, 0.3, 0.3]))


def _clusters(process: GaussianProcess) -> Case:
    prior, y = _three(process), torch.tensor([-0.2, 0.1, 0.2]).double()
    whole = torch.zeros(1, SIZE, dtype=torch.float64)
    whole[0, : len(y)] = y
    measurement = Measurement(Mask(torch.arange(SIZE) < len(y)), whole)
    return Case("clusters", "three of eight entries known", prior, measurement, prior.given(torch.eye(SIZE)[:3], y))


def _mixture(process: GaussianProcess) -> Case:
    prior = _three(process)
    operator, y = downsampling([SIZE], 4), torch.tensor([0.1, 0.2]).double()
    exact = prior.given(operator.matrices[0], y, 0.3**2)
    about = "means of four, noise .3"
    return Case("mixture", about, prior, Measurement(operator, y[None], GaussianNoise(0.3)), exact)


def _finite(process: GaussianProcess) -> Case:
    stream = generator(0, "study", "posterior", "points")
    points = torch.randn(60, SIZE, generator=stream, dtype=torch.float64) @ torch.linalg.cholesky(_ar(0.7)).T
    operator = Linear(blur([SIZE], 1.5).matrices[0][::2])
    measurement = Measurement(operator, operator(points[:1]), GaussianNoise(0.4))
    left = torch.softmax(measurement.log_likelihood(points), 0)
    kept = left > 1e-12
    exact = GaussianMixture(process, points[kept], torch.zeros(int(kept.sum())), left[kept])
    prior = GaussianMixture(process, points, torch.zeros(len(points)))
    return Case("finite", "60 points, blurred, noise .4", prior, measurement, exact, GRAIN)


CASES: dict[str, Callable[[GaussianProcess], Case]] = {
    "gaussian": _gaussian,
    "clusters": _clusters,
    "mixture": _mixture,
    "finite": _finite,
}


def _ar(correlation: float) -> Tensor:
    """The covariance of a stationary AR(1): correlation^|i - j|."""
    places = torch.arange(SIZE, dtype=torch.float64)
    return correlation ** (places[:, None] - places).abs()
