"""A law, and the check of it that runs when asked.

    error = largest distance between what two formulas give;  the law holds if error <= tolerance

Laws are kept in chapters, in the order in which docs/mathematics.md tells them. A law that speaks of every step is
evaluated at all t of all SCHEDULES at once, on a Case: tables and data made from the variances by the formulas of the
text alone, so that what the library computes is compared with something that the library did not compute.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reverie.process import GaussianProcess, NoiseSchedule, TerminalSNRWarning

__all__ = ["Case", "Chapter", "Check", "apart", "cases", "digits", "quiet", "relative"]


@dataclass(frozen=True)
class Check:
    """One law, checked.

    Attributes:
        name: "chapter/step", the name under which docs/mathematics.md tells it.
        compared: the two sides, and where they were compared.
        largest_error: the largest distance found; not a number counts as failed.
        tolerance: the largest distance allowed.
        passed: largest_error <= tolerance.
    """

    name: str
    compared: str
    largest_error: float
    tolerance: float
    passed: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "passed", bool(self.largest_error <= self.tolerance))


@dataclass(frozen=True, eq=False)
class Case:
    """A schedule's steps first..T, and data at each of them: every tensor is [steps, 4] or [steps, 1], float64.

    The tables come from beta alone: alpha = 1 - beta, abar by multiplication, prev = abar one step before.
    """

    process: GaussianProcess[NoiseSchedule]
    t: Tensor
    beta: Tensor
    alpha: Tensor
    abar: Tensor
    prev: Tensor
    x_0: Tensor
    eps: Tensor

    @property
    def s(self) -> Tensor:
        return self.t - 1

    @functools.cached_property
    def x_t(self) -> Tensor:
        return self.abar.sqrt() * self.x_0 + (1 - self.abar).sqrt() * self.eps

    @functools.cached_property
    def v(self) -> Tensor:
        return self.abar.sqrt() * self.eps - (1 - self.abar).sqrt() * self.x_0

    @property
    def mean_of_clean(self) -> Tensor:
        """The posterior mean written with x_0."""
        c_0 = self.prev.sqrt() * self.beta / (1 - self.abar)
        c_t = self.alpha.sqrt() * (1 - self.prev) / (1 - self.abar)
        return c_0 * self.x_0 + c_t * self.x_t

    @property
    def mean_of_noise(self) -> Tensor:
        """The posterior mean written with eps."""
        return (self.x_t - self.beta / (1 - self.abar).sqrt() * self.eps) / self.alpha.sqrt()

    @classmethod
    def of(cls, schedule: NoiseSchedule, first: int = 1) -> Case:
        beta = schedule.beta[1:, None]
        abar = torch.cumprod(1 - beta, 0)
        prev = torch.cat([torch.ones(1, 1, dtype=torch.float64), abar[:-1]])
        g = torch.Generator().manual_seed(schedule.steps)
        x_0, eps = torch.randn(2, schedule.steps, 4, generator=g, dtype=torch.float64)
        rows = (torch.arange(1, schedule.steps + 1), beta, 1 - beta, abar, prev, x_0, eps)
        return cls(GaussianProcess(schedule), *(row[first - 1 :] for row in rows))


@functools.cache
def cases(first: int = 1) -> tuple[Case, ...]:
    """Every kind of schedule of the library, short, long and irregular, from step `first` on."""
    with quiet():
        irregular = torch.rand(60, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.4 + 0.01
        schedules = (
            NoiseSchedule.linear(),
            NoiseSchedule.linear(200),
            NoiseSchedule.linear(500, beta_max=0.01),
            NoiseSchedule.scaled_linear(1000, 8.5e-4, 0.012),
            NoiseSchedule.cosine(1000),
            NoiseSchedule.sigmoid(300),
            NoiseSchedule.quadratic(300),
            NoiseSchedule.exponential(300),
            NoiseSchedule.from_betas(irregular),
        )
    return tuple(Case.of(schedule, first) for schedule in schedules)


@dataclass(frozen=True)
class Chapter:
    """A named set of laws, by "chapter/step" in the order of the text, filled by its two decorators."""

    name: str
    laws: dict[str, Callable[[], Check]] = field(default_factory=dict)

    def add(self, step: str, compared: str, tolerance: float, error: Callable[[], float]) -> None:
        """Adds a law, whose error is the largest distance between what is compared."""
        name = f"{self.name}/{step}"
        self.laws[name] = lambda: Check(name, compared, float(error()), tolerance)

    def law(self, compared: str, tolerance: float) -> Callable[[Callable[[], float]], None]:
        """Adds a law; the function, named after its step, returns its error."""
        return lambda error: self.add(_step(error), compared, tolerance, error)

    def at_every_t(
        self, compared: str, tolerance: float = 1e-11, first: int = 1
    ) -> Callable[[Callable[[Case], float]], None]:
        """Adds a law that is checked at t = first..T of every schedule; the function returns its error on one of them."""

        def add(error: Callable[[Case], float]) -> None:
            def largest() -> float:
                # torch's max keeps a nan, Python's would lose it
                return float(torch.tensor([error(case) for case in cases(first)], dtype=torch.float64).max())

            self.add(_step(error), compared, tolerance, largest)

        return add


def _step(error: Callable[..., float]) -> str:
    return error.__name__.replace("_", "-")  # pyright: ignore[reportAttributeAccessIssue]


def relative(a: Tensor, b: Tensor) -> float:
    """max |a - b| / max(|a|, |b|), for coefficients and other numbers that have no cancellation; 0 / 0 is 0."""
    size = torch.maximum(a.abs(), b.abs())
    error = (a - b).abs() / size
    return float(torch.where((a == 0) & (b == 0), 0.0, error).max())


def apart(a: Tensor, b: Tensor) -> float:
    """max |a - b| / (1 + |b|), for data of unit size."""
    return float(((a - b).abs() / (1 + b.abs())).max())


def digits(measured: float, given: str) -> float:
    """Distance from a number as printed, in units of its last printed digit: at most 0.5 if it was printed right."""
    mantissa, _, exponent = given.lower().partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(measured - float(given)) / unit


def quiet() -> warnings.catch_warnings:
    """For schedules that are here to be measured, not to be sampled from."""
    return warnings.catch_warnings(action="ignore", category=TerminalSNRWarning)
