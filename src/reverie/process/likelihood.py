"""The variational bound, term by term, in nats.

    -log p(x_0) <= L_T + sum_{t=2}^{T} L_{t-1} + L_0
    L_T     = KL(q(x_T|x_0) || N(0, I))
    L_{t-1} = KL(q(x_{t-1}|x_t, x_0) || p(x_{t-1}|x_t))
    L_0     = -log p(x_0|x_1)

Sohl-Dickstein et al. 2015; Ho et al. 2020, equation 5. Bits per dimension divide the sum by D log 2.
On any path the steps may go between any times 0 < t_1 < ... < t_n = end, for t - 1 read the time before; and the prior is
N(0, prior_std^2 I).
Written in the noise, L_{t-1} = w_t |eps - eps-hat|^2 with w_t = beta_t^2 / (2 sigma_t^2 alpha_t (1 - alpha_bar_t)),
which is largest at small t.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.gaussian import Gaussian, GaussianProcess
from reverie.process.path import NoisePath
from reverie.process.prediction import Prediction
from reverie.process.randomness import Generators
from reverie.process.variance import Variance

__all__ = [
    "Bound",
    "bits_per_dimension",
    "bound",
    "bound_weight",
    "decoder_term",
    "fitted_variance",
    "prior_term",
    "step_term",
]

Kernel = Callable[[Tensor, Any], Gaussian]
"""p(x_{t-1} | x_t) as a function of (x_t, t)."""


def prior_term(process: GaussianProcess[NoisePath], x_0: Tensor) -> Tensor:
    """L_T for each sample: [B]."""
    schedule = process.schedule
    q = process.marginal(x_0, schedule.end)
    variance = torch.full((), schedule.prior_std**2, dtype=x_0.dtype, device=x_0.device)
    return _per_sample(q.kl(Gaussian(torch.zeros_like(x_0), variance)))


def step_term(
    process: GaussianProcess[NoisePath], x_0: Tensor, x_t: Tensor, t: float, reverse: Gaussian, s: float | None = None
) -> Tensor:
    """L_{t-1} for each sample, t >= 2: [B]. `reverse` is p(x_{t-1}|x_t), or p(x_s|x_t) for any s > 0."""
    s = t - 1 if s is None else s
    if s <= 0:
        raise UsageError("the bound's KL terms begin at t = 2; at t = 1 it is the decoder's term, L_0.")
    return _per_sample(process.posterior(x_0, x_t, s, t).kl(reverse))


def fitted_variance(
    process: GaussianProcess[NoisePath], x_0: Tensor, x_t: Tensor, s: float, t: float, mean: Tensor
) -> Tensor:
    """The one variance of p(x_s|x_t) with which these samples' terms are least, given its mean: a scalar.

    beta-tilde + E|posterior mean - mean|^2 / D, which is never less tight than any that is fixed (Bao et al. 2022,
    Analytic-DPM, theorem 1, measured on samples of the data). At s = 0 the mean squared error of x_0-hat.
    """
    posterior = process.posterior(x_0, x_t, s, t)
    return (posterior.variance + ((posterior.mean - mean) ** 2).mean()).clamp(min=SMALLEST)


SMALLEST = 1e-12
"""Of a variance that was fitted: a mean that never errs has none, and no density."""


def decoder_term(x_0: Tensor, reverse: Gaussian, bin_width: float | None = None) -> Tensor:
    """L_0 for each sample: [B]. `reverse` is p(x_0|x_1).

    Without `bin_width`, the density (continuous data). With it, the probability of the bin of that width around x_0,
    open at the ends of [-1, 1] (Ho et al. 2020, equation 13): 2/255 for 8-bit pictures in [-1, 1].
    """
    if bin_width is None:
        return -_per_sample(reverse.log_density(x_0))
    half, std = bin_width / 2, reverse.std
    above = torch.where(x_0 > 1 - half, math.inf, (x_0 + half - reverse.mean) / std)
    below = torch.where(x_0 < -1 + half, -math.inf, (x_0 - half - reverse.mean) / std)
    flip = below > 0  # the tail that is small keeps its digits
    above, below = torch.where(flip, -below, above), torch.where(flip, -above, below)
    log_above, log_below = torch.special.log_ndtr(above), torch.special.log_ndtr(below)
    gap = (log_below - log_above).clamp(max=-torch.finfo(x_0.dtype).tiny)
    return -_per_sample(log_above + torch.log(-torch.expm1(gap)))


def bound_weight(process: GaussianProcess, t: int | Tensor, variance: Variance = "beta_tilde") -> Tensor:
    """w_t of the noise form of L_{t-1}, float64. With beta-tilde it is defined from t = 2 on."""
    schedule = process.schedule
    if not schedule.whole:
        raise UsageError(
            f"the noise form of the bound weighs the steps of a table, and the path {schedule.config['name']!r} has none: "
            "loss_weight with weighting='bound' is its limit in continuous time."
        )
    sigma2 = {"beta": schedule.beta, "beta_tilde": schedule.posterior_variance}.get(variance)
    if sigma2 is None:
        raise UsageError("the weight of the bound is defined for the fixed variances 'beta' and 'beta_tilde'.")
    return schedule.beta[t] ** 2 / (2 * sigma2[t] * schedule.alpha[t] * (1 - schedule.alpha_bar[t]))


@dataclass(frozen=True, eq=False)
class Bound:
    """The terms of the bound in nats: prior [B], steps [B, T - 1] (L_1..L_{T-1}), decoder [B]."""

    prior: Tensor
    steps: Tensor
    decoder: Tensor
    dimensions: int

    @property
    def total(self) -> Tensor:
        """Upper bound of -log p(x_0) for each sample: [B]."""
        return self.prior + self.steps.sum(1) + self.decoder

    @property
    def bits_per_dimension(self) -> Tensor:
        return bits_per_dimension(self.total, self.dimensions)


def bits_per_dimension(nats: Tensor, dimensions: int) -> Tensor:
    """nats / (D log 2)."""
    return nats / (dimensions * math.log(2))


def bound(
    process: GaussianProcess[NoisePath],
    denoise: Callable[[Tensor, Any], Prediction] | None,
    x_0: Tensor,
    generator: Generators,
    variance: Variance = "beta_tilde",
    bin_width: float | None = None,
    kernel: Kernel | None = None,
    times: Sequence[float] | None = None,
) -> Bound:
    """Every term of the bound, one draw of x_t at each t: T calls of the denoiser on the whole batch.

    p(x_{t-1}|x_t) is the reverse step of `denoise` with `variance`, or `kernel` if given. beta-tilde_1 = 0 has no density,
    so with beta_tilde the decoder takes beta_1. The `times` rise from above 0 to the end of the schedule; 1..T if left out,
    which only a table can. Raises UsageError for times that do not.
    """
    first, *later = _times(process.schedule, times)

    def reverse(x_t: Tensor, s: float, t: float) -> Gaussian:
        if kernel is not None:
            return kernel(x_t, t)
        if denoise is None:
            raise UsageError("bound needs a denoiser or a kernel.")
        kind = "beta" if s == 0 and variance == "beta_tilde" else variance
        return process.reverse(x_t, t, denoise(x_t, t), s, kind)

    steps = []
    for s, t in itertools.pairwise([first, *later]):
        x_t = process.corrupt(x_0, t, generator=generator)
        steps.append(step_term(process, x_0, x_t, t, reverse(x_t, s, t), s))
    x_1 = process.corrupt(x_0, first, generator=generator)
    return Bound(
        prior=prior_term(process, x_0),
        steps=torch.stack(steps, 1) if steps else x_0.new_zeros(len(x_0), 0),
        decoder=decoder_term(x_0, reverse(x_1, 0, first), bin_width),
        dimensions=x_0[0].numel(),
    )


def _times(schedule: NoisePath, times: Sequence[float] | None) -> Sequence[float]:
    if times is None:
        if not schedule.whole:
            raise UsageError("in continuous time the bound needs the times that its steps go between.")
        return range(1, int(schedule.end) + 1)
    if len(times) == 0 or times[0] <= 0 or times[-1] != schedule.end or any(s >= t for s, t in itertools.pairwise(times)):
        raise UsageError(f"the bound's times rise from above 0 to the end of the schedule, {schedule.end:.10g}.")
    return times


def _per_sample(e: Tensor) -> Tensor:
    return e[:, None].flatten(1).sum(1)
