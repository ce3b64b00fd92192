"""Who answers "what was x_0?".

A denoiser is anything that, given x_t, t and perhaps a condition, returns a Prediction. Networks learn the answer,
oracles compute it, and wrappers (guidance, clipping) change it; they compose, e.g. Guided(Clipped(network)).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.errors import UsageError
from reverie.process.gaussian import GaussianProcess, Step
from reverie.process.path import shown
from reverie.process.prediction import Prediction

__all__ = ["Condition", "Denoiser", "Evidence", "check_states"]

Evidence = Literal["exact", "oracle", "learned"]
"""How a denoiser knows: "exact", the optimal answer for a known distribution; "oracle", told the true x_0; "learned"."""


class Denoiser(Protocol):
    """x_t [B, ...], t in 1..T (int or integer tensor [B]) and condition -> Prediction."""

    @property
    def process(self) -> GaussianProcess: ...

    @property
    def evidence(self) -> Evidence: ...

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction: ...


def check_states(x_t: Any, wanted: Sequence[int | None]) -> None:
    """Raises UsageError unless x_t is a tensor of states of this shape, one at least; None is any number above 0."""
    fits = isinstance(x_t, Tensor) and x_t.ndim == len(wanted) + 1
    sizes = zip(x_t.shape, (None, *wanted), strict=True) if fits else ()
    if fits and all(have > 0 if want is None else have == want for have, want in sizes):
        return
    shape = ", ".join(["B", *("any" if want is None else str(want) for want in wanted)])
    raise UsageError(f"states of this denoiser are a tensor [{shape}], and this is {shown(x_t)}: give one of that shape.")
