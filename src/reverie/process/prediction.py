"""One prediction seen four ways.

    x_t   = a x_0 + sigma eps,          a = sqrt(alpha_bar_t), sigma = sqrt(1 - alpha_bar_t)
    v     = a eps - sigma x_0           (velocity; Salimans and Ho 2022, a rotation of (x_0, eps))
    score = -eps / sigma                (Vincent 2011)

Given x_t, each of clean (x_0), noise (eps), velocity (v) and score fixes the other three, and each is a linear
combination of x_t and the value given. So is any mix of them, such as the mean of a reverse step: it costs two passes
over the data however many views it is made of.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

from torch import Tensor

from reverie.errors import UsageError, unknown

__all__ = ["KINDS", "Coefficient", "Kind", "Prediction"]

Kind = Literal["noise", "clean", "velocity", "score"]
KINDS: tuple[str, ...] = get_args(Kind)

Coefficient = float | Tensor
"""A Python float (one t for the whole batch) or a float64 tensor [B, 1, ...] (one t per sample)."""


def _views(kind: str, a: Coefficient, sigma: Coefficient) -> tuple[tuple[Coefficient, Coefficient], ...]:
    """(of x_t, of the given value) for clean, then for noise."""
    match kind:
        case "noise":
            return (1 / a, -sigma / a), (0.0, 1.0)
        case "clean":
            return (0.0, 1.0), (1 / sigma, -a / sigma)
        case "velocity":
            return (a, -sigma), (sigma, a)
        case "score":
            return (1 / a, sigma * sigma / a), (0.0, -sigma)
    raise unknown("kind of prediction", kind, KINDS)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a denoiser says of x_t. Made by `GaussianProcess.predict`; views are computed when first asked for.

    Attributes:
        x_t: the noisy state, any shape [B, ...].
        value: the denoiser's answer, of the same shape.
        kind: what `value` is: "noise", "clean", "velocity" or "score".
        a, sigma: sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t), floats or float64 [B, 1, ...].
        variance_mix: the u in [0, 1] of the learned variance exp(u log beta + (1 - u) log beta-tilde), if predicted.
    """

    x_t: Tensor
    value: Tensor
    kind: Kind
    a: Coefficient
    sigma: Coefficient
    variance_mix: Tensor | None = field(default=None)

    def __post_init__(self) -> None:
        if self.value.shape != self.x_t.shape:
            raise UsageError(
                f"a prediction has the shape of its state: x_t is {tuple(self.x_t.shape)}, "
                f"the {self.kind} given is {tuple(self.value.shape)}."
            )
        if self.kind in ("noise", "score") and _has_zero(self.a):
            raise UsageError(
                f"a {self.kind} prediction says nothing of x_0 where alpha_bar = 0 (zero terminal SNR): "
                "predict velocity or clean on such a schedule."
            )

    def mix(
        self, x_t: Coefficient = 0.0, clean: Coefficient = 0.0, noise: Coefficient = 0.0, onto: Tensor | None = None
    ) -> Tensor:
        """x_t * state + clean * x_0-hat + noise * eps-hat, as one linear combination of the state and the value.

        With `onto`, that is added to it in place.
        """
        (cx, cv), (nx, nv) = _views(self.kind, self.a, self.sigma)
        return combine(self.x_t, x_t + clean * cx + noise * nx, self.value, clean * cv + noise * nv, onto)

    @cached_property
    def clean(self) -> Tensor:
        """x_0-hat."""
        return self.value if self.kind == "clean" else self.mix(clean=1.0)

    @cached_property
    def noise(self) -> Tensor:
        """eps-hat."""
        return self.value if self.kind == "noise" else self.mix(noise=1.0)

    @cached_property
    def velocity(self) -> Tensor:
        """v-hat = a eps-hat - sigma x_0-hat."""
        return self.value if self.kind == "velocity" else self.mix(noise=self.a, clean=-self.sigma)

    @cached_property
    def score(self) -> Tensor:
        """Gradient of log q(x_t), -eps-hat / sigma."""
        return self.value if self.kind == "score" else self.mix(noise=-1 / self.sigma)

    def view(self, kind: str) -> Tensor:
        """The view named `kind`."""
        if kind not in KINDS:
            raise unknown("kind of prediction", kind, KINDS)
        return getattr(self, kind)

    def with_value(self, kind: Kind, value: Tensor) -> Prediction:
        """The prediction that says `value` of the same state: the other views follow it (clipping re-derives noise)."""
        return Prediction(self.x_t, value, kind, self.a, self.sigma, self.variance_mix)


def combine(x: Tensor, p: Coefficient, y: Tensor, q: Coefficient, onto: Tensor | None = None) -> Tensor:
    """p x + q y (+ onto, in place), coefficients in float64, the result in the dtype of x.

    What is multiplied by an exact 0 is not read.
    """
    if isinstance(p, Tensor) or isinstance(q, Tensor):
        total = scale(x, p).add_(scale(y, q))
        return total if onto is None else onto.add_(total)
    if onto is None:
        if p == 0:
            return y * q
        onto, p = x * p, 0.0
    if p != 0:
        onto.add_(x, alpha=p)
    return onto if q == 0 else onto.add_(y, alpha=q)


def scale(x: Tensor, p: Coefficient) -> Tensor:
    """p x with the coefficient taken to the dtype and device of x."""
    return x * (p.to(device=x.device, dtype=x.dtype) if isinstance(p, Tensor) else p)


def _has_zero(c: Coefficient) -> bool:
    return bool((c == 0).any()) if isinstance(c, Tensor) else c == 0
