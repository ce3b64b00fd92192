"""What a measurement adds to what a denoiser says, where p(x_0 | x_t) is taken as a Gaussian.

    p(x_0 | x_t) ~ N(x_0-hat, V),   V = (sigma^2 / a) d x_0-hat / d x_t        (Tweedie; Efron 2011)
    E[x_0 | x_t, y] = x_0-hat + V A^T S^-1 (y - A x_0-hat),   S = A V A^T + R

R is the variance of the measurement's noise. Of Gaussian data this is no approximation. The methods differ in what they put
for V and for S; with A not linear, its derivative at x_0-hat stands for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Denoiser
from reverie.process.gaussian import Step
from reverie.process.prediction import Prediction
from reverie.samplers.posterior.measurement import Measurement

__all__ = ["Seen", "conjugate_gradients", "dot", "spread"]

FLOOR = 1e-6
"""The least variance of a measurement, as a share of that of x_0 given x_t: what is exact can then still be solved for."""
NO_SIGNAL = 1e-6


@dataclass(frozen=True, eq=False)
class Seen:
    """What a denoiser says of x_0 at a state, and what a measurement has against it.

    Attributes:
        prediction: the denoiser's, of x_t itself.
        x_t: the state that `clean` can be differentiated by.
        clean: x_0-hat.
        residual: y - A x_0-hat.
        variance: R, of each entry of y, above 0.
    """

    measurement: Measurement
    prediction: Prediction
    x_t: Tensor
    clean: Tensor
    residual: Tensor
    variance: Tensor

    @classmethod
    def by(
        cls,
        denoiser: Denoiser,
        measurement: Measurement,
        x_t: Tensor,
        t: Step,
        condition: Condition | None = None,
        backward: bool = True,
    ) -> Seen:
        """One call of the denoiser; with backward=False what it was made of is not kept."""
        with torch.set_grad_enabled(backward):
            x = x_t.detach().requires_grad_(backward)
            asked = denoiser(x, t, condition)
            clean = asked.clean
        mean = clean.detach()
        prediction = denoiser.process.predict(x_t, t, clean=mean)
        residual = measurement.residual(mean)
        variance = measurement.variance(mean) + FLOOR * spread(prediction, residual)
        return cls(measurement, prediction, x, clean, residual, variance)

    def seen(self, v: Tensor) -> Tensor:
        """A v."""
        return self.measurement.operator.tangent(self.prediction.clean, v)

    def back(self, w: Tensor) -> Tensor:
        """A^T w."""
        return self.measurement.operator.adjoint(self.prediction.clean, w)

    def gradient(self, v: Tensor) -> Tensor:
        """That of v x_0-hat in x_t, by one pass back through the denoiser."""
        if not self.clean.requires_grad:  # it knows x_0 whatever it sees
            return torch.zeros_like(v)
        return torch.autograd.grad(self.clean, self.x_t, v, retain_graph=True)[0]

    def covariance(self, v: Tensor) -> Tensor:
        """V v, by one pass back."""
        pulled = self.gradient(v)
        a, sigma = _levels(self.prediction, pulled)
        return pulled * (sigma**2 / a.clamp_min(NO_SIGNAL)).to(pulled)  # without signal V says nothing: kept finite

    def with_shift(self, shift: Tensor) -> Prediction:
        """The prediction with x_0-hat moved."""
        return self.prediction.with_value("clean", self.prediction.clean + shift)


def spread(prediction: Prediction, like: Tensor, std: float = 1.0) -> Tensor:
    """The variance of x_0 given x_t where data is N(0, std^2), sigma^2 std^2 / (sigma^2 + a^2 std^2): PiGDM's r_t^2.

    A scalar, or [B, 1, ...] beside `like`, in its dtype.
    """
    a, sigma = _levels(prediction, like)
    return (sigma**2 * std**2 / (sigma**2 + a**2 * std**2)).to(like)


def conjugate_gradients(
    apply: Callable[[Tensor], tuple[Tensor, Tensor]], b: Tensor, iterations: int, diagonal: Tensor, tolerance: float = 1e-10
) -> tuple[Tensor, Tensor]:
    """(u, W u) with S u = b, each row by itself (Hestenes and Stiefel 1952).

    Args:
        apply: p -> (S p, W p), of which W p is a by-product of S p; so W u costs nothing more.
        iterations: at most; a row that is solved, or where S shows no positive curvature, stays as it is.
        diagonal: about that of S, above 0: what preconditions it, where entries are known to very different degrees.
    """
    r = b
    p = b / diagonal
    left = dot(r, p)
    enough = left * tolerance**2
    u, of_u, live = torch.zeros_like(b), None, left > 0
    for _ in range(iterations):
        forward, along = apply(p)
        curvature = dot(p, forward)
        live = live & (curvature > 0) & (left > enough)
        step = torch.where(live, left / torch.where(live, curvature, 1.0), 0.0)
        u = u + step * p
        there = _beside(step, along) * along
        of_u = there if of_u is None else of_u + there
        r = r - step * forward
        z = r / diagonal
        now = dot(r, z)
        p = z + torch.where(live, now / torch.where(live, left, 1.0), 0.0) * p
        left = now
        if not bool(live.any()):
            break
    return u, torch.zeros_like(b) if of_u is None else of_u


def dot(a: Tensor, b: Tensor) -> Tensor:
    """The product of each row with its own: [B, 1, ...]."""
    return _beside((a * b)[:, None].flatten(1).sum(1), a)


def _beside(numbers: Tensor, x: Tensor) -> Tensor:
    """One number for each row, as [B, 1, ...] beside x."""
    return numbers.reshape(-1, *[1] * (x.ndim - 1))


def _levels(prediction: Prediction, like: Tensor) -> tuple[Tensor, Tensor]:
    """a and sigma in float64, scalars or [B, 1, ...] beside `like`."""
    found = (torch.as_tensor(c, dtype=torch.float64) for c in (prediction.a, prediction.sigma))
    a, sigma = (c if c.ndim == 0 else _beside(c.flatten(), like) for c in found)
    return a, sigma
