"""The variance of a reverse step, between its two bounds.

    beta_{t|s}       = sigma_t^2 - (alpha_t/alpha_s)^2 sigma_s^2      upper: right for data that is pure noise
    beta-tilde_{t|s} = beta_{t|s} sigma_s^2 / sigma_t^2               lower: right for data that is one point
    learned          = exp(u log beta + (1 - u) log beta-tilde)       Nichol and Dhariwal 2021, equation 15

Where variance is preserved, beta_{t|s} = 1 - alpha_bar_t / alpha_bar_s; on a table and for s = t - 1 the first is beta_t and
the second beta-tilde_t (DDPM, Ho et al. 2020, section 3.2).
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from reverie.errors import UsageError, unknown
from reverie.process.path import NoisePath, Time

__all__ = ["VARIANCES", "Variance", "log_interpolated", "lower", "upper"]

Variance = Literal["beta", "beta_tilde", "learned"]
VARIANCES: tuple[str, ...] = get_args(Variance)


def upper(schedule: NoisePath, s: Time, t: Time) -> Tensor:
    """beta_{t|s}, float64, of the shape of s and t."""
    return torch.as_tensor(schedule.between(s, t)[1], dtype=torch.float64)


def lower(schedule: NoisePath, s: Time, t: Time) -> Tensor:
    """beta-tilde_{t|s}, float64, of the shape of s and t; exactly 0 at s = 0."""
    added = schedule.between(s, t)[1]
    return torch.as_tensor(added * schedule.powers(s)[1] / schedule.powers(t)[1], dtype=torch.float64)


def log_interpolated(schedule: NoisePath, s: Time, t: Time, u: Tensor) -> Tensor:
    """Log of the learned variance; u in [0, 1] has the shape of the data.

    log beta-tilde at s = 0 is minus infinity, so there the value of the first steps that have one stands in.
    """
    least = lower(schedule, s, t)
    log_lower = torch.where(least > 0, least.log(), schedule.least_log_variance)
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
