"""A measurement: what was seen of x_0, through which operator, with which noise.

y = A(x_0) + n,  n ~ N(0, std^2)                      Gaussian; std = 0: the measurement is exact
y = low + k / peak,  k ~ Poisson(peak (A(x_0) - low))     counts, `peak` of them for each unit above `low`
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.path import shown
from reverie.process.randomness import Generators, draw
from reverie.samplers.posterior.operators import Mask, Operator, fits_into

__all__ = ["GaussianNoise", "Measurement", "Noise", "PoissonNoise"]


@dataclass(frozen=True, eq=False)
class GaussianNoise:
    """Noise of one standard deviation, or of one for each entry of the measurement (it broadcasts against that)."""

    std: float | Tensor = 0.0

    def __post_init__(self) -> None:
        std = torch.as_tensor(self.std)
        if not bool((torch.isfinite(std) & (std >= 0)).all()):
            raise UsageError("the noise of a measurement has a finite standard deviation, 0 or above.")

    @property
    def exact(self) -> Tensor:
        """Where there is none: bool, broadcasts against the measurement."""
        return torch.as_tensor(self.std) == 0

    def variance(self, mean: Tensor) -> Tensor:
        """Of y, where A(x_0) is `mean`."""
        return (torch.as_tensor(self.std).to(mean) ** 2).expand_as(mean)

    def log_likelihood(self, y: Tensor, mean: Tensor) -> Tensor:
        """log p(y | A(x_0) = mean) of each entry, up to a constant. Raises UsageError where the noise is 0."""
        if bool(self.exact.any()):
            raise UsageError("an exact measurement has no density: give its noise a standard deviation above 0.")
        return -0.5 * (y - mean) ** 2 / self.variance(mean)

    def observed(self, mean: Tensor, generator: Generators) -> Tensor:
        """A draw of y."""
        return mean + self.variance(mean).sqrt() * draw(mean, generator)


@dataclass(frozen=True)
class PoissonNoise:
    """The noise of counts: `peak` of them are expected for each unit of A(x_0) above `low`."""

    peak: float
    low: float = -1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.peak) and self.peak > 0 and math.isfinite(self.low)):
            raise UsageError(f"counts have a peak above 0 and a finite low, not {self.peak} and {self.low}.")

    @property
    def exact(self) -> Tensor:
        return torch.tensor(False)

    def variance(self, mean: Tensor) -> Tensor:
        return (mean - self.low).clamp_min(1 / self.peak) / self.peak

    def log_likelihood(self, y: Tensor, mean: Tensor) -> Tensor:
        rate = ((mean - self.low) * self.peak).clamp_min(1e-3)  # a state on its way may lie below `low`
        return (y - self.low) * self.peak * rate.log() - rate

    def observed(self, mean: Tensor, generator: torch.Generator) -> Tensor:
        return self.low + torch.poisson(((mean - self.low) * self.peak).clamp_min(0), generator=generator) / self.peak


Noise = GaussianNoise | PoissonNoise

ROUNDING = 1e-4
"""Of a measurement that was kept in few bits."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was seen.

    Args:
        operator: see operators.
        y: [1 or B, ...]: one for all samples, or one for each.
        noise: none if left out.
    """

    operator: Operator
    y: Tensor
    noise: Noise = GaussianNoise()

    def of(self, rows: Tensor) -> Measurement:
        """That of the samples at these places, int [n]; what holds for all stays one."""

        def taken(whole: Tensor) -> Tensor:
            return whole[rows.to(whole.device)] if whole.ndim == self.y.ndim and len(whole) > 1 else whole

        operator = Mask(taken(self.operator.known)) if isinstance(self.operator, Mask) else self.operator
        return Measurement(operator, taken(self.y), self.noise)

    def check(self, x_0: Tensor) -> None:
        """Raises UsageError for what cannot have been measured of such samples."""
        gap = self.residual(x_0)
        std = self.noise.std if isinstance(self.noise, GaussianNoise) else 0.0
        if not fits_into(torch.as_tensor(std), gap):
            raise UsageError(
                f"the deviation of the noise is {list(torch.as_tensor(std).shape)}, and the measurement {list(gap.shape)}: "
                "give one number, or one for each entry of the measurement."
            )
        y = self._y(gap)
        if not bool(torch.isfinite(y).all()):
            raise UsageError(
                "the measurement holds numbers that are not finite: leave those entries out of what was seen, as by a Mask."
            )
        if isinstance(self.noise, PoissonNoise):
            low = self.noise.low
            told = y[self.operator(torch.ones_like(y)) > 0] if isinstance(self.operator, Mask) else y
            if bool((told < low - ROUNDING).any()):
                raise UsageError(
                    f"counts are 0 or above, but the measurement falls to {float(told.min()):g}, below the {low:g} at which "
                    "none is counted: give another `low`."
                )

    def residual(self, x_0: Tensor) -> Tensor:
        """y - A(x_0). Raises UsageError where the two have not one shape."""
        seen = self.operator(x_0)
        if not isinstance(self.y, Tensor) or self.y.is_complex():
            raise UsageError(f"what was measured is a real tensor, not {shown(self.y)}: give one.")
        if self.y.shape[1:] != seen.shape[1:] or len(self.y) not in (1, len(x_0)):
            raise UsageError(
                f"the measurement is {list(self.y.shape)}, but the operator makes {list(seen.shape)} of the samples."
            )
        return self._y(seen) - seen

    def variance(self, x_0: Tensor) -> Tensor:
        """That of y where x_0 is what it was measured of."""
        return self.noise.variance(self.operator(x_0))

    def log_likelihood(self, x_0: Tensor) -> Tensor:
        """log p(y | x_0) up to a constant: [B]."""
        seen = self.operator(x_0)
        return self.noise.log_likelihood(self._y(seen), seen)[:, None].flatten(1).sum(1)

    def _y(self, seen: Tensor) -> Tensor:
        """y beside what was seen; under a mask whatever y has elsewhere says nothing."""
        y = self.y.to(seen)
        return self.operator(y.expand_as(seen)) if isinstance(self.operator, Mask) else y

    def imposed(self, x_0: Tensor) -> Tensor:
        """x_0 with all that is known of it without noise in its place, bit for bit."""
        if not isinstance(self.operator, Mask):
            return x_0
        exact = self.operator.known & self.noise.exact.to(self.operator.known.device)
        return torch.where(exact.to(x_0.device), self.y.to(x_0), x_0)
