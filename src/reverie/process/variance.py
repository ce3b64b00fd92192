"""The variance of a reverse step, between its two bounds.

    beta_{t|s}       = 1 - alpha_bar_t / alpha_bar_s                         upper: right for data that is pure noise
    beta-tilde_{t|s} = beta_{t|s} (1 - alpha_bar_s) / (1 - alpha_bar_t)      lower: right for data that is one point
    learned          = exp(u log beta + (1 - u) log beta-tilde)              Nichol and Dhariwal 2021, equation 15

For s = t - 1 the first is beta_t and the second beta-tilde_t (DDPM, Ho et al. 2020, section 3.2).
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from reverie.errors import UsageError, unknown
from reverie.process.schedule import NoiseSchedule

__all__ = ["VARIANCES", "Variance", "log_interpolated", "lower", "upper"]

Variance = Literal["beta", "beta_tilde", "learned"]
VARIANCES: tuple[str, ...] = get_args(Variance)


def upper(schedule: NoiseSchedule, s: int | Tensor, t: int | Tensor) -> Tensor:
    """beta_{t|s}, float64, of the shape of s and t."""
    return 1 - schedule.alpha_bar[t] / schedule.alpha_bar[s]


def lower(schedule: NoiseSchedule, s: int | Tensor, t: int | Tensor) -> Tensor:
    """beta-tilde_{t|s}, float64, of the shape of s and t; exactly 0 at s = 0."""
    return upper(schedule, s, t) * (1 - schedule.alpha_bar[s]) / (1 - schedule.alpha_bar[t])


def log_interpolated(schedule: NoiseSchedule, s: int | Tensor, t: int | Tensor, u: Tensor) -> Tensor:
    """Log of the learned variance; u in [0, 1] has the shape of the data.

    log beta-tilde at s = 0 is minus infinity, so there the value of the schedule's second step stands in.
    """
    least = lower(schedule, s, t)
    log_lower = torch.where(least > 0, least.log(), schedule.posterior_log_variance[1])
    log_upper = upper(schedule, s, t).log()
    shape = (-1, *[1] * (u.ndim - 1)) if log_upper.ndim else ()
    log_lower, log_upper = (c.reshape(shape).to(u) for c in (log_lower, log_upper))
    return u * log_upper + (1 - u) * log_lower


def check(kind: str, variance_mix: Tensor | None) -> None:
    """Raises UsageError for an unknown kind, or for a learned variance that nobody predicted."""
    if kind not in VARIANCES:
        raise unknown("variance", kind, VARIANCES)
    if kind == "learned" and variance_mix is None:
        raise UsageError("the denoiser predicts no variance: choose 'beta' or 'beta_tilde', or train with learned variance.")
