"""The twisted diffusion sampler: sequential Monte Carlo with guided proposals (Wu et al. 2023, algorithm 1).

    psi_t(x_t) = exp(-1/2 r^T (v A A^T + R)^-1 r),   r = y - A x_0-hat(x_t),   psi_0(x_0) = p(y | x_0)
    proposal   x_s ~ N(m(x_0-hat + V grad psi), w I);   without the measurement it were p(x_s | x_t) = N(m(x_0-hat), w I)
    weight     p(x_s | x_t) psi_s(x_s) / (q(x_s | x_t) psi_t(x_t))

`particles` of them serve one sample: they are weighed, chosen anew where few of them carry the weight, and one is drawn at
the end. Or all of a batch are one population, from which all of its samples are drawn: far fewer do, but samples are then
not independent, and none is a function of its own seed. Whatever psi is on the way, the weights correct for it: with more
particles the error vanishes, but for that of the steps themselves. An exact measurement is weighed at the last level before
0, and then imposed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process.randomness import draw, uniform
from reverie.samplers.posterior.gaussian import dot
from reverie.samplers.posterior.method import PosteriorSampler, Reverse
from reverie.samplers.posterior.pigdm import unlike
from reverie.samplers.posterior.population import check_shared, lying_at

__all__ = ["Twisted"]


@dataclass(frozen=True)
class Twisted(PosteriorSampler):
    """Sequential Monte Carlo of so many particles for each sample.

    Args:
        particles: 1 or more; calls of the denoiser are as many times those of sampling.
        shared: whether the particles of a batch are one population.
        std: of the data, as in PiGDM, whose guidance the proposals follow.
        chosen_below: particles are chosen anew where their effective number is less than this share.
    """

    particles: int = 16
    shared: bool = False
    std: float = 1.0
    chosen_below: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.particles, bool) or not isinstance(self.particles, int) or self.particles < 1:
            raise UsageError(f"particles is a whole number above 0, not {self.particles!r}.")
        if not (math.isfinite(self.std) and self.std > 0 and 0 <= self.chosen_below <= 1):
            raise UsageError(f"twisting needs std > 0 and chosen_below in 0..1, not {self.std} and {self.chosen_below}.")

    @property
    def calls(self) -> int:
        return self.particles

    @property
    def backward(self) -> int:
        return self.particles

    def drawn(self, given: Reverse) -> Tensor:
        measurement, grid, x, generator = given.measurement, given.grid, given.x, given.generator
        process, rows = given.denoiser.process, len(x)
        each = torch.arange(rows).repeat_interleave(self.particles)
        if self.shared:
            check_shared(measurement, generator, given.condition)
        groups = (1, len(each)) if self.shared else (rows, self.particles)
        condition = None if given.condition is None else given.condition[each]
        every = replace(given, measurement=measurement.of(each), condition=condition)

        def noise() -> Tensor:
            """Of all particles of each sample, from the sample's own stream: [rows, particles, ...]."""
            return draw(x[:, None].expand(rows, self.particles, *x.shape[1:]), generator)

        def look(state: Tensor, t: float) -> tuple[Tensor, Tensor, Tensor]:
            """x_0-hat without the measurement and with it, and log psi_t by group."""
            seen = every.seen(state, t)
            solved = unlike(seen, self.std)
            log_psi = -0.5 * dot(seen.residual, solved).reshape(groups)
            return seen.prediction.clean, seen.prediction.clean + seen.covariance(seen.back(solved)), log_psi

        first = process.schedule.prior_std * noise()
        first[:, 0] = x
        states = first.flatten(0, 1)
        free, led, log_psi = look(states, grid[0])
        log_w = log_psi
        for t, s in given.steps():
            if s == 0:
                if bool(measurement.noise.exact.any()):
                    states = led
                else:
                    states, log_w = free, log_w - log_psi + every.measurement.log_likelihood(free).reshape(groups)
            else:
                mean, to = (process.posterior(clean, states, s, t).mean for clean in (free, led))
                w = process.reverse_variance(states, t, s, "beta")
                states = to + w.sqrt() * noise().flatten(0, 1)
                gain = (dot(states - to, states - to) - dot(states - mean, states - mean)) / (2 * w)
                before = log_psi
                free, led, log_psi = look(states, s)
                log_w = log_w + gain.reshape(groups) + log_psi - before
                kept, log_w = self._chosen(log_w, uniform(log_w[:, :1], generator))
                states, free, led, log_psi = states[kept], free[kept], led[kept], log_psi.flatten()[kept].reshape(groups)
        wanted = rows // groups[0]  # draws of each group, evenly spread over its weights
        places = (torch.arange(wanted, device=x.device) + uniform(log_w[:, :1], generator)) / wanted
        kept = lying_at(log_w, places) + groups[1] * torch.arange(groups[0], device=x.device)[:, None]
        return states[kept.flatten()]

    def _chosen(self, log_w: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Which particles go on, by their place among all [rows * many], and the weights that they go on with; by systematic
        resampling where the effective number is small."""
        rows, many = log_w.shape
        w = torch.softmax(log_w, 1)
        few = (1 / (w**2).sum(1, keepdim=True)) < self.chosen_below * many
        every = torch.arange(many, device=log_w.device)
        kept = torch.where(few, lying_at(log_w, (every + u) / many), every)
        first = many * torch.arange(rows, device=log_w.device)[:, None]
        return (first + kept).flatten(), torch.where(few, 0.0, log_w)
