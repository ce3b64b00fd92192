"""The exact denoiser of a mixture of Gaussians with correlations, and the mixture that a measurement leaves of it.

    x_t | k ~ N(a mean_k, a^2 C_k + sigma^2 I)
    y = M x_0 + N(0, R):  x_0 | y, k ~ N(mean_k + G_k (y - M mean_k), C_k - G_k M C_k),  G_k = C_k M^T (M C_k M^T + R)^-1
                          w_k' ~ w_k N(y; M mean_k, M C_k M^T + R)

With it a sampler of p(x_0 | y) can be held to the truth: the conditional is of the same kind, and can be drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition
from reverie.denoisers.denoiser import Evidence, check_states
from reverie.errors import UsageError
from reverie.process.gaussian import GaussianProcess, Step
from reverie.process.prediction import Prediction

__all__ = ["CorrelatedMixture"]


@dataclass(frozen=True, eq=False)
class CorrelatedMixture:
    """The exact denoiser of sum_k w_k N(mean_k, C_k) over samples [B, D].

    Args:
        process: the diffusion process.
        means: [K, D].
        covariances: [K, D, D], symmetric, none with a negative direction.
        weights: [K], positive; normalised here. Equal if left out.
    """

    process: GaussianProcess
    means: Tensor
    covariances: Tensor
    weights: Tensor | None = None
    evidence: Evidence = field(default="exact", init=False, repr=False)

    def __post_init__(self) -> None:
        if self.means.ndim != 2 or self.covariances.shape != (*self.means.shape, self.means.shape[1]):
            raise UsageError(
                f"a mixture has means [K, D] and covariances [K, D, D], not {list(self.means.shape)} and "
                f"{list(self.covariances.shape)}."
            )
        if (self.axes[0] < 0).any():
            raise UsageError("a covariance has no negative direction, but one that was given has.")

    @cached_property
    def axes(self) -> tuple[Tensor, Tensor]:
        """The variances [K, D] along the axes of each component, and these [K, D, D], as columns."""
        variances, axes = torch.linalg.eigh(self.covariances.double())
        rounding = 1e-12 * variances.abs().amax()
        return torch.where(variances.abs() < rounding, 0.0, variances), axes

    @property
    def log_weights(self) -> Tensor:
        weights = torch.ones(len(self.means)) if self.weights is None else self.weights
        return (weights.double() / weights.double().sum()).log()

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        if condition is not None:
            raise UsageError("this mixture takes no condition.")
        check_states(x_t, self.means.shape[1:])
        x = x_t.double()
        level = self.process.marginal(torch.ones_like(x[:, :1]).detach(), t)
        a, noise = level.mean[:, None], level.variance.expand(len(x), 1)[:, None]  # [B, 1, 1]
        variances, axes = self.axes
        means = self.means.double()
        along = torch.einsum("bkd,kde->bke", x[:, None] - a * means, axes)
        spread = a**2 * variances + noise
        log_r = self.log_weights - 0.5 * (along**2 / spread + spread.log()).sum(-1)
        given_k = means + torch.einsum("bke,kde->bkd", a * variances / spread * along, axes)
        clean = (torch.softmax(log_r, 1)[..., None] * given_k).sum(1)
        return self.process.predict(x_t, t, clean=clean.to(x_t.dtype))

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws of x_0: [count, D], float64."""
        k = torch.multinomial(self.log_weights.exp(), count, replacement=True, generator=generator)
        variances, axes = self.axes
        z = torch.randn(count, self.means.shape[1], generator=generator, dtype=torch.float64)
        return self.means.double()[k] + torch.einsum("bde,be->bd", axes[k], variances.sqrt()[k] * z)

    def given(self, matrix: Tensor, y: Tensor, variance: Tensor | float = 0.0) -> CorrelatedMixture:
        """The exact posterior of y [m] = matrix [m, D] x_0 + N(0, variance), one variance or one for each entry."""
        matrix, y, C, means = matrix.double(), y.double(), self.covariances.double(), self.means.double()
        noise = torch.as_tensor(variance, dtype=torch.float64).expand(len(y)).diag()
        seen = C @ matrix.T  # [K, D, m]
        inside = matrix @ seen + noise
        gain = torch.linalg.solve(inside, seen.mT).mT
        gap = y - means @ matrix.T
        log_w = self.log_weights + torch.distributions.MultivariateNormal(torch.zeros_like(gap), inside).log_prob(gap)
        left = C - gain @ seen.mT
        w = torch.softmax(log_w, 0)
        kept = w > 0
        moved = means + torch.einsum("kdm,km->kd", gain, gap)
        return CorrelatedMixture(self.process, moved[kept], ((left + left.mT) / 2)[kept], w[kept])
