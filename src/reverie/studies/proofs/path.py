"""Paths in continuous time: the same identities from alpha and sigma alone, where alpha^2 + sigma^2 need not be 1.

beta_ts = sigma_t^2 - (alpha_t/alpha_s)^2 sigma_s^2;    flow = d x_t / dt;    x_0 = c_skip x_t + c_out F
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from reverie.process import EDM, GaussianProcess, LinearRate, NoisePath, RectifiedFlow
from reverie.process.prediction import VIEWS
from reverie.process.registry import CONTINUOUS, named
from reverie.studies.proofs.check import Chapter, apart, relative

__all__ = ["chapter"]

chapter = Chapter("path")


@dataclass(frozen=True, eq=False)
class Walk:
    """40 times s < t along a path, even in log-SNR, and data at each of them, [39, 4]."""

    process: GaussianProcess[NoisePath]
    s: Tensor
    t: Tensor
    x_0: Tensor
    eps: Tensor

    @property
    def x_t(self) -> Tensor:
        alpha, sigma = self.levels(self.t)
        return alpha * self.x_0 + sigma * self.eps

    def levels(self, t: Tensor) -> tuple[Tensor, Tensor]:
        alpha, sigma = self.process.schedule.at(t)
        return alpha[:, None], sigma[:, None]


@cache
def walks() -> tuple[Walk, ...]:
    """One along each path."""
    found = []
    for number, path in enumerate(map(named, CONTINUOUS)):
        first, last = (path.level(t).half_log_snr for t in path.ends)
        t = torch.tensor([path.time(h) for h in torch.linspace(first, last, 40, dtype=torch.float64).tolist()]).double()
        x_0, eps = torch.randn(2, 39, 4, generator=torch.Generator().manual_seed(number), dtype=torch.float64)
        found.append(Walk(GaussianProcess[NoisePath](path), t[:-1], t[1:], x_0, eps))
    return tuple(found)


def law(compared: str, tolerance: float) -> Callable[[Callable[[Walk], float]], None]:
    """Adds a law that is checked along every path."""

    def add(error: Callable[[Walk], float]) -> None:
        def largest() -> float:
            return float(torch.tensor([error(walk) for walk in walks()], dtype=torch.float64).max())

        chapter.add(error.__name__.replace("_", "-"), compared, tolerance, largest)  # pyright: ignore[reportAttributeAccessIssue]

    return add


@law("schedule.time of the level at t | t", 1e-9)
def inverse(walk: Walk) -> float:
    path = walk.process.schedule
    found = torch.tensor([path.time(path.level(t).half_log_snr) for t in walk.t.tolist()], dtype=torch.float64)
    return relative(found, walk.t)


@law("q(x_t|x_s) from alpha and sigma, after q(x_s|x_0) | q(x_t|x_0)", 1e-11)
def composition(walk: Walk) -> float:
    (alpha_s, sigma_s), (alpha_t, sigma_t) = walk.levels(walk.s), walk.levels(walk.t)
    step = walk.process.transition(alpha_s * walk.x_0, walk.s, walk.t)
    spread = (alpha_t / alpha_s) ** 2 * sigma_s**2 + step.variance
    return max(apart(step.mean, alpha_t * walk.x_0), relative(spread, sigma_t**2))


@law("log q(x_t|x_s) + log q(x_s|x_0) | log q(x_s|x_t,x_0) + log q(x_t|x_0)", 1e-10)
def bayes(walk: Walk) -> float:
    process, x_t = walk.process, walk.x_t
    before = process.marginal(walk.x_0, walk.s)
    x_s = before.mean + 0.7 * before.std * walk.eps.flip(0)
    joint = process.transition(x_s, walk.s, walk.t).log_density(x_t) + before.log_density(x_s)
    turned = process.posterior(walk.x_0, x_t, walk.s, walk.t).log_density(x_s)
    return apart(turned + process.marginal(walk.x_0, walk.t).log_density(x_t), joint)


@law("six views from each of six | their definitions", 1e-8)
def views(walk: Walk) -> float:
    truth = {kind: walk.process.truth(kind, walk.x_0, walk.t, walk.eps) for kind in VIEWS}  # pyright: ignore[reportArgumentType]
    alpha, sigma = walk.levels(walk.t)
    worst = 0.0
    for one, other in itertools.product(VIEWS, VIEWS):
        seen = walk.process.predict(walk.x_t, walk.t, **{one: truth[one]}).view(other)
        # rounding of x_t grows by 1/alpha on the way to x_0, and by 1/sigma and 1/sigma^2 on the way to noise and score
        unit = (1 + sigma) / alpha * (1 + 1 / sigma**2)
        worst = max(worst, float(((seen - truth[other]).abs() / (truth[other].abs() + 1e-6 * unit)).max()))
    return worst


@law("flow from its definition | the slope of x_t between t - h and t + h", 1e-6)
def flow(walk: Walk) -> float:
    t, h = walk.t * (1 - 2e-6), walk.t * 1e-6  # so that t + h is still on the path
    after, before = (walk.process.corrupt(walk.x_0, at, walk.eps) for at in (t + h, t - h))
    return apart(walk.process.truth("flow", walk.x_0, t, walk.eps), (after - before) / (2 * h)[:, None])


@chapter.law("flow | eps - x_0 on the straight path", 1e-14)
def straight_line() -> float:
    x_0, eps = torch.randn(2, 9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    process = GaussianProcess(RectifiedFlow())
    return max(apart(process.truth("flow", x_0, t, eps), eps - x_0) for t in (0.1, 0.5, 0.9))


@chapter.law(
    "c_skip, c_out and c_in of Karras et al., table 1, and F where variance is preserved | the library's, and -v", 1e-13
)
def preconditioning() -> float:
    x, F = torch.randn(2, 9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    path, worst = EDM(), 0.0
    for sigma in (0.002, 0.5, 80.0):
        both = sigma**2 + path.sigma_data**2
        clean = path.sigma_data**2 / both * x + sigma * path.sigma_data / both**0.5 * F
        worst = max(worst, apart(GaussianProcess(path).predict(x, sigma, edm=F).clean, clean))
    preserving = GaussianProcess(LinearRate())
    return max(worst, *(apart(preserving.predict(x, t, velocity=-F).edm, F) for t in (0.01, 0.5, 1.0)))
