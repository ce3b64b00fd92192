"""The schedules: their formulas in plain arithmetic, and the numbers that stand in the text.

alpha_bar_t = exp(sum_{i <= t} log(1 - beta_i))
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from reverie.process import NoiseSchedule
from reverie.studies.proofs.check import Case, Chapter, digits, quiet, relative

__all__ = ["chapter"]

chapter = Chapter("schedule")


def _far(schedule: NoiseSchedule, beta: Callable[[int], float]) -> float:
    """Largest relative distance of the schedule's beta from a formula in t = 1..T."""
    expected = torch.tensor([beta(t) for t in range(1, schedule.steps + 1)], dtype=torch.float64)
    return relative(schedule.beta[1:], expected)


@chapter.at_every_t("schedule.alpha_bar | exp of the exactly rounded sum of log(1 - beta)")
def product(case: Case) -> float:
    logs = torch.log1p(-case.beta[:, 0]).tolist()
    expected = [math.exp(math.fsum(logs[:t])) for t in range(len(logs) + 1)]
    return relative(case.process.schedule.alpha_bar, torch.tensor(expected, dtype=torch.float64))


@chapter.law("linear: beta | beta_min + (beta_max - beta_min)(t - 1)/(T - 1)", 1e-13)
def linear() -> float:
    return _far(NoiseSchedule.linear(), lambda t: 1e-4 + (0.02 - 1e-4) * (t - 1) / 999)


@chapter.law("scaled_linear: beta | the square of an even ramp of sqrt(beta)", 1e-13)
def scaled_linear() -> float:
    low, high = math.sqrt(8.5e-4), math.sqrt(0.012)
    return _far(NoiseSchedule.scaled_linear(1000, 8.5e-4, 0.012), lambda t: (low + (high - low) * (t - 1) / 999) ** 2)


@chapter.law("cosine and squaredcos_cap_v2: beta | min(1 - f(t/T)/f((t-1)/T), 0.999)", 1e-10)
def cosine() -> float:
    def f(u: float) -> float:
        return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    def beta(t: int) -> float:
        return min(1 - f(t / 1000) / f((t - 1) / 1000), 0.999)

    return max(_far(NoiseSchedule.cosine(1000), beta), _far(NoiseSchedule.squaredcos_cap_v2(1000), beta))


@chapter.law("rescaled signal sqrt(abar) | 0 at T, unchanged at 1, one affine map of the old between", 1e-12)
def zero_terminal_snr() -> float:
    with quiet():
        old = NoiseSchedule.linear(200)
    new = old.with_zero_terminal_snr()
    share = (old.signal[1:] - old.signal[-1]) / (old.signal[1] - old.signal[-1])
    return float((new.signal[1:] - old.signal[1] * share).abs().max()) + float(new.alpha_bar[-1])


def _numbers() -> list[tuple[float, str]]:
    with quiet():
        linear = {T: NoiseSchedule.linear(T) for T in (50, 100, 200, 1000)}
        clinical = NoiseSchedule.linear(500, beta_max=0.01)
        latent = NoiseSchedule.scaled_linear(1000, 8.5e-4, 0.012)
        scaled, cosine = NoiseSchedule.scaled_linear(1000), NoiseSchedule.cosine(1000)
    return [
        (float(linear[1000].alpha_bar[-1]), "4.04e-5"),
        (float(linear[200].alpha_bar[-1]), "0.1322"),
        (float(linear[100].alpha_bar[-1]), "0.364"),
        (float(linear[50].alpha_bar[-1]), "0.603"),
        (float(clinical.alpha_bar[-1]), "0.0794"),
        (float(clinical.snr_db[-1]), "-10.6"),
        (float(scaled.alpha_bar[-1]), "7.3e-4"),
        (float(latent.alpha_bar[-1]), "4.66e-3"),
        (float(cosine.beta[1]), "4.1e-5"),
        (float(cosine.beta[-1]), "0.999"),
        (float((cosine.beta == 0.999).sum()), "1"),
        (float(cosine.alpha_bar[500]), "0.494"),
    ]


@chapter.law("the 12 numbers of the text | measured, in units of the last digit given", 0.5)
def numbers() -> float:
    return max(digits(measured, given) for measured, given in _numbers())
