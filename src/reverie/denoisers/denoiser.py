"""Who answers "what was x_0?".

A denoiser is anything that, given x_t, t and perhaps a condition, returns a Prediction. Networks learn the answer,
oracles compute it, and wrappers (guidance, clipping) change it; they compose, e.g. Guided(Clipped(network)).
"""

from __future__ import annotations

from typing import Literal, Protocol

from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.process.gaussian import GaussianProcess, Step
from reverie.process.prediction import Prediction

__all__ = ["Condition", "Denoiser", "Evidence"]

Evidence = Literal["exact", "oracle", "learned"]
"""How a denoiser knows: "exact", the optimal answer for a known distribution; "oracle", told the true x_0; "learned"."""


class Denoiser(Protocol):
    """x_t [B, ...], t in 1..T (int or integer tensor [B]) and condition -> Prediction."""

    @property
    def process(self) -> GaussianProcess: ...

    @property
    def evidence(self) -> Evidence: ...

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction: ...
