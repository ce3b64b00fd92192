"""One prediction seen six ways.

    x_t   = a x_0 + sigma eps,          a = alpha_t, sigma = sigma_t of any path
    v     = a eps - sigma x_0           (velocity; Salimans and Ho 2022, a rotation of (x_0, eps) where a^2 + sigma^2 = 1)
    score = -eps / sigma                (Vincent 2011)
    flow  = a' x_0 + sigma' eps         dx_t/dt along the path, eps - x_0 on the straight one (Lipman et al. 2023)
    F     = (x_0 - c_skip x_t) / c_out  the network behind EDM's preconditioning (Karras et al. 2022, table 1; see below)

Given x_t, each of clean (x_0), noise (eps), velocity (v), score, flow and edm (F) fixes the others, and each is a linear
combination of x_t and the value given. So is any mix of them, such as the mean of a reverse step: it costs two passes
over the data however many views it is made of. With y = p x_0 + q eps and D = a q - sigma p,

    x_0 = (q x_t - sigma y) / D,   eps = (a y - p x_t) / D

EDM's coefficients are those of `Preconditioning`. With n = a^2 d^2 + sigma^2, the power of x_t for data of deviation d,
F = (sigma/d x_0 - a d eps) / sqrt(n): it has power 1 like c_in x_t, and for d = 1 where variance is preserved it is -v.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from reverie.errors import UsageError, unknown
from reverie.process.path import Coefficient, total_power

__all__ = ["KINDS", "VIEWS", "Coefficient", "Kind", "Preconditioning", "Prediction", "pair"]

Kind = Literal["noise", "clean", "velocity", "score", "flow", "edm"]
VIEWS: tuple[Kind, ...] = get_args(Kind)
KINDS: tuple[Kind, ...] = VIEWS[:4]
"""The views that do not hang on how time is counted, nor on the deviation of the data."""

Rates = Callable[[], tuple[Coefficient, Coefficient]]
"""(d alpha / dt, d sigma / dt), computed when the flow is asked for."""


class Preconditioning(NamedTuple):
    """What makes a network F of power 1 at both its ends the denoiser x_0-hat = c_skip x_t + c_out F(c_in x_t, c_noise).

    Karras et al. 2022, table 1, for any a: n = a^2 d^2 + sigma^2, c_skip = a d^2 / n, c_out = sigma d / sqrt(n),
    c_in = 1 / sqrt(n), c_noise = ln(sigma / a) / 4.
    """

    c_skip: Coefficient
    c_out: Coefficient
    c_in: Coefficient
    c_noise: Coefficient

    @classmethod
    def of(cls, a: Coefficient, sigma: Coefficient, data_std: float) -> Preconditioning:
        power = _state_power(a, sigma, data_std)
        root, ratio = power**0.5, (sigma / a if isinstance(a, Tensor) or a else math.inf)
        log = ratio.log() if isinstance(ratio, Tensor) else math.log(ratio)
        return cls(a * data_std**2 / power, sigma * data_std / root, 1 / root, log / 4)


def pair(kind: str, a: Coefficient, sigma: Coefficient, rates: Rates, data_std: float) -> tuple[Coefficient, Coefficient]:
    """(p, q) of the view p x_0 + q eps."""
    match kind:
        case "noise":
            return 0.0, 1.0
        case "clean":
            return 1.0, 0.0
        case "velocity":
            return -sigma, a
        case "score":
            return 0.0, -1 / sigma
        case "flow":
            return rates()
        case "edm":
            root = _state_power(a, sigma, data_std) ** 0.5
            return sigma / (data_std * root), -a * data_std / root
    raise unknown("kind of prediction", kind, VIEWS)


def _solved(
    kind: str, a: Coefficient, sigma: Coefficient, rates: Rates, data_std: float
) -> tuple[tuple[Coefficient, Coefficient], ...]:
    """(of x_t, of the given value) for clean, then for noise."""
    match kind:
        case "noise":
            return (1 / a, -sigma / a), (0.0, 1.0)
        case "clean":
            return (0.0, 1.0), (1 / sigma, -a / sigma)
        case "velocity":
            power = total_power(a * a, sigma * sigma)
            return (a / power, -sigma / power), (sigma / power, a / power)
        case "score":
            return (1 / a, sigma * sigma / a), (0.0, -sigma)
        case "edm":
            power = _state_power(a, sigma, data_std)
            c = Preconditioning.of(a, sigma, data_std)
            return (c.c_skip, c.c_out), (sigma / power, -a * data_std / power**0.5)
    p, q = pair(kind, a, sigma, rates, data_std)
    scale = a * q - sigma * p
    return (q / scale, -sigma / scale), (-p / scale, a / scale)


def _state_power(a: Coefficient, sigma: Coefficient, data_std: float) -> Coefficient:
    return total_power(a * a * data_std**2, sigma * sigma)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a denoiser says of x_t. Made by `GaussianProcess.predict`; views are computed when first asked for.

    Attributes:
        x_t: the noisy state, any shape [B, ...].
        value: the denoiser's answer, of the same shape.
        kind: what `value` is: "noise", "clean", "velocity", "score", "flow" or "edm".
        a, sigma: alpha_t and sigma_t, floats or float64 [B, 1, ...].
        rates: gives their slopes in t, for the flow.
        data_std: the deviation of the data that EDM's coefficients are made for.
        variance_mix: the u in [0, 1] of the learned variance exp(u log beta + (1 - u) log beta-tilde), if predicted.
    """

    x_t: Tensor
    value: Tensor
    kind: Kind
    a: Coefficient
    sigma: Coefficient
    rates: Rates
    data_std: float = 1.0
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
        self,
        x_t: Coefficient = 0.0,
        clean: Coefficient = 0.0,
        noise: Coefficient = 0.0,
        onto: Tensor | None = None,
        out: Tensor | None = None,
    ) -> Tensor:
        """x_t * state + clean * x_0-hat + noise * eps-hat, as one linear combination of the state and the value.

        With `onto`, that is added to it in place. With `out`, memory like the state that shares none with it or the value,
        it may be written there.
        """
        (cx, cv), (nx, nv) = _solved(self.kind, self.a, self.sigma, self.rates, self.data_std)
        return combine(self.x_t, x_t + clean * cx + noise * nx, self.value, clean * cv + noise * nv, onto, out)

    @cached_property
    def clean(self) -> Tensor:
        """x_0-hat."""
        return self._seen("clean")

    @cached_property
    def noise(self) -> Tensor:
        """eps-hat."""
        return self._seen("noise")

    @cached_property
    def velocity(self) -> Tensor:
        """v-hat = a eps-hat - sigma x_0-hat."""
        return self._seen("velocity")

    @cached_property
    def score(self) -> Tensor:
        """Gradient of log q(x_t), -eps-hat / sigma."""
        return self._seen("score")

    @cached_property
    def flow(self) -> Tensor:
        """dx_t/dt along the path, a' x_0-hat + sigma' eps-hat."""
        return self._seen("flow")

    @cached_property
    def edm(self) -> Tensor:
        """F, the output of a network behind EDM's preconditioning."""
        return self._seen("edm")

    def _seen(self, kind: Kind) -> Tensor:
        if kind == self.kind:
            return self.value
        clean, noise = pair(kind, self.a, self.sigma, self.rates, self.data_std)
        return self.mix(clean=clean, noise=noise)

    def view(self, kind: str) -> Tensor:
        """The view named `kind`."""
        if kind not in VIEWS:
            raise unknown("kind of prediction", kind, VIEWS)
        return getattr(self, kind)

    def with_value(self, kind: Kind, value: Tensor) -> Prediction:
        """The prediction that says `value` of the same state: the other views follow it (clipping re-derives noise)."""
        return replace(self, kind=kind, value=value)


def combine(
    x: Tensor, p: Coefficient, y: Tensor, q: Coefficient, onto: Tensor | None = None, out: Tensor | None = None
) -> Tensor:
    """p x + q y (+ onto, in place), coefficients in float64, the result in the dtype of x.

    What is multiplied by an exact 0 is not read. For one p and q the result is written to `out`, if that is given.
    """
    if isinstance(p, Tensor) or isinstance(q, Tensor):
        total = scale(x, p).add_(scale(y, q))
        return total if onto is None else onto.add_(total)
    if onto is None:
        if p == 0:
            return torch.mul(y, q, out=out)
        onto, p = torch.mul(x, p, out=out), 0.0
    if p != 0:
        onto.add_(x, alpha=p)
    return onto if q == 0 else onto.add_(y, alpha=q)


def scale(x: Tensor, p: Coefficient) -> Tensor:
    """p x with the coefficient taken to the dtype and device of x."""
    return x * (p.to(device=x.device, dtype=x.dtype) if isinstance(p, Tensor) else p)


def _has_zero(c: Coefficient) -> bool:
    return bool((c == 0).any()) if isinstance(c, Tensor) else c == 0
