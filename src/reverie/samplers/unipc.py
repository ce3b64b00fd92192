"""UniPC: a predictor, and a corrector that costs no call of its own (Zhao et al. 2023, algorithms 5 and 6, B_2(h)).

    predict   x_s  = sigma_s/sigma_t x^c_t + alpha_s (M_0 D_t + sum_i w_i (D_i - D_t)),   D_i at steps before t
    correct   x^c_s = the same, where D_s = x_0-hat(x_s), which the next step needs in any case, is one of the D_i

with w_i as in multistep.py, and two of their own: from one step before, DPM-Solver++(2M) predicts, and D_s alone corrects
with half of M_0. The corrected state is what the next step sets out from; the denoiser is asked at the predicted one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from reverie.errors import UsageError
from reverie.process.path import Level
from reverie.process.prediction import Prediction
from reverie.samplers.multistep import earlier, moments, weights
from reverie.samplers.sampler import Sampler, Step

__all__ = ["UniPC"]


@dataclass(frozen=True)
class UniPC(Sampler):
    """UniPC of a predictor of order `solver_order`, which the corrector raises by one; one call a step.

    A step to t = 0, the first and those next to a level of zero SNR are of lower order. The last state is not corrected.
    """

    solver_order: int = 2

    def __post_init__(self) -> None:
        if self.solver_order not in (1, 2, 3):
            raise UsageError(f"the predictor of UniPC is of order 1, 2 or 3, not {self.solver_order}.")

    @property
    def order(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.solver_order + 1

    @property
    def remembers(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.solver_order

    def step(self, now: Step) -> Tensor:
        now.start = self._corrected(now)
        return _moved(now.start, now.at, now.to, now.prediction, earlier(now, self.solver_order))

    def _corrected(self, now: Step) -> Tensor:
        """x_t, from the state before and what is said at both ends of the step that led here."""
        if not now.past or math.isinf(now.past[0].at.half_log_snr):
            return now.start
        origin, *older = now.past
        there = origin.at.half_log_snr
        h = now.at.half_log_snr - there
        behind = [before.at.half_log_snr - there for before in older]
        if not behind or h > -2 * behind[0]:  # a step so much longer than the one before asks it nothing, see multistep.py
            behind = []
        nodes = [h, *itertools.takewhile(math.isfinite, behind)]
        whole = moments(h, len(nodes))
        found = [w / whole[0] for w in weights(nodes, whole)] if len(nodes) > 1 else [0.5]
        said = [now.prediction, *(before.prediction for before in older)][: len(found)]
        return _moved(origin.start, origin.at, now.at, origin.prediction, list(zip(said, found, strict=True)))


def _moved(x: Tensor, at: Level, to: Level, prediction: Prediction, others: Sequence[tuple[Prediction, float]]) -> Tensor:
    """sigma_s/sigma_t x + alpha_s M_0 (D_t + sum_i w_i (D_i - D_t))."""
    whole = to.alpha * -math.expm1(at.half_log_snr - to.half_log_snr)
    x_s = prediction.mix(clean=whole * (1 - sum(w for _, w in others)), onto=x * (to.sigma / at.sigma))
    for other, w in others:
        other.mix(clean=whole * w, onto=x_s)
    return x_s
