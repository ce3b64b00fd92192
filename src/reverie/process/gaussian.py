"""The Gaussian diffusion process, exact for any two steps s < t.

    q(x_t | x_0)      = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I)                               marginal
    q(x_t | x_s)      = N(sqrt(alpha_ts) x_s, (1 - alpha_ts) I),  alpha_ts = alpha_bar_t/alpha_bar_s  transition
    q(x_s | x_t, x_0) = N(c_0 x_0 + c_t x_t, (1 - alpha_ts)(1 - alpha_bar_s)/(1 - alpha_bar_t) I)   posterior
        c_0 = sqrt(alpha_bar_s)(1 - alpha_ts)/(1 - alpha_bar_t),  c_t = sqrt(alpha_ts)(1 - alpha_bar_s)/(1 - alpha_bar_t)

Sohl-Dickstein et al. 2015; Ho et al. 2020, equations 4, 6 and 7; for s < t - 1, Kingma et al. 2021, appendix A.
At s = 0 the posterior is x_0 itself with variance 0, to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.errors import UsageError
from reverie.process import variance as variances
from reverie.process.prediction import Coefficient, Kind, Prediction, combine, scale
from reverie.process.randomness import Generators, draw
from reverie.process.schedule import NoiseSchedule
from reverie.process.variance import Variance

__all__ = ["Gaussian", "GaussianProcess", "Step"]

Step = int | Tensor
"""One step for the whole batch (an int), or an integer tensor [B] with one for each sample."""


@dataclass(frozen=True, eq=False)
class Gaussian:
    """N(mean, variance I). The variance broadcasts against the mean: a scalar, [B, 1, ...], or the mean's shape."""

    mean: Tensor
    variance: Tensor

    @property
    def std(self) -> Tensor:
        return self.variance.sqrt()

    def sample(self, generator: Generators) -> Tensor:
        """One draw, of the shape of the mean."""
        return self.mean + self.std.to(self.mean.dtype) * draw(self.mean, generator)

    def log_density(self, x: Tensor) -> Tensor:
        """log N(x) per element, in nats."""
        return -0.5 * ((x - self.mean) ** 2 / self.variance + self.variance.log() + math.log(2 * math.pi))

    def kl(self, other: Gaussian) -> Tensor:
        """KL(self || other) per element, in nats."""
        ratio = self.variance / other.variance
        return 0.5 * (ratio - 1 - ratio.log() + (self.mean - other.mean) ** 2 / other.variance)


@dataclass(frozen=True)
class GaussianProcess:
    """The forward process of a schedule, its exact posteriors, and the reverse step of a prediction.

    Data has any shape [B, ...] and float32 or float64; t and s are ints or integer tensors [B] (kept on the CPU they
    cost no synchronisation). Coefficients are taken from the float64 tables before they meet the data. Raises UsageError
    for a step outside 0..T or s >= t.
    """

    schedule: NoiseSchedule

    def marginal(self, x_0: Tensor, t: Step) -> Gaussian:
        """q(x_t | x_0)."""
        self.check(t, 0, x_0)
        alpha_bar = self.schedule.alpha_bar[_cpu(t)]
        return Gaussian(scale(x_0, self._shaped(alpha_bar.sqrt(), x_0)), self._variance(1 - alpha_bar, x_0))

    def transition(self, x_s: Tensor, s: Step, t: Step) -> Gaussian:
        """q(x_t | x_s) for s < t."""
        self._check_pair(s, t, x_s)
        alpha_ts = self.schedule.alpha_bar[_cpu(t)] / self.schedule.alpha_bar[_cpu(s)]
        return Gaussian(scale(x_s, self._shaped(alpha_ts.sqrt(), x_s)), self._variance(1 - alpha_ts, x_s))

    def posterior(self, x_0: Tensor, x_t: Tensor, s: Step, t: Step) -> Gaussian:
        """q(x_s | x_t, x_0) for s < t."""
        if x_0.shape != x_t.shape:
            raise UsageError(f"x_0 and x_t must have one shape, but are {tuple(x_0.shape)} and {tuple(x_t.shape)}.")
        self._check_pair(s, t, x_t)
        c_0, c_t = (self._shaped(c, x_t) for c in self._posterior_weights(s, t))
        lower = variances.lower(self.schedule, _cpu(s), _cpu(t))
        return Gaussian(combine(x_0, c_0, x_t, c_t), self._variance(lower, x_t))

    def corrupt(self, x_0: Tensor, t: Step, noise: Tensor | None = None, generator: Generators | None = None) -> Tensor:
        """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise, with the noise given, or drawn from `generator`."""
        self.check(t, 0, x_0)
        if noise is None:
            if generator is None:
                raise UsageError("corrupt needs the noise, or a generator to draw it from.")
            noise = draw(x_0, generator)
        if noise.shape != x_0.shape:
            raise UsageError(f"noise must have the shape of x_0, {tuple(x_0.shape)}, but is {tuple(noise.shape)}.")
        a, sigma = self._levels(t, x_0)
        return combine(x_0, a, noise, sigma)

    def velocity(self, x_0: Tensor, t: Step, noise: Tensor) -> Tensor:
        """v = sqrt(alpha_bar_t) noise - sqrt(1 - alpha_bar_t) x_0 (Salimans and Ho 2022)."""
        self.check(t, 0, x_0)
        a, sigma = self._levels(t, x_0)
        return combine(noise, a, x_0, -sigma)

    def predict(
        self,
        x_t: Tensor,
        t: Step,
        *,
        noise: Tensor | None = None,
        clean: Tensor | None = None,
        velocity: Tensor | None = None,
        score: Tensor | None = None,
        variance_mix: Tensor | None = None,
    ) -> Prediction:
        """The prediction that gives exactly one of noise, clean, velocity or score of x_t at t = 1..T."""
        values: tuple[tuple[Kind, Tensor | None], ...] = (
            ("noise", noise),
            ("clean", clean),
            ("velocity", velocity),
            ("score", score),
        )
        given: list[tuple[Kind, Tensor]] = [(kind, value) for kind, value in values if value is not None]
        if len(given) != 1:
            raise UsageError(f"give exactly one of noise, clean, velocity and score, not {len(given)}.")
        self.check(t, 1, x_t)
        return Prediction(x_t, given[0][1], given[0][0], *self._levels(t, x_t), variance_mix=variance_mix)

    def reverse_mean(self, x_t: Tensor, t: Step, prediction: Prediction, s: Step | None = None) -> Tensor:
        """Mean of p(x_s | x_t), s = t - 1 by default: the posterior's mean with x_0-hat for x_0.

        From the noise it reads (x_t - beta_t / sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_t) (Ho et al. 2020, equation 11);
        from the velocity sqrt(alpha_t) x_t - beta_t sqrt(alpha_bar_{t-1}) / sqrt(1 - alpha_bar_t) v.
        """
        s = t - 1 if s is None else s
        self._check_pair(s, t, x_t)
        if prediction.x_t is not x_t and prediction.x_t.shape != x_t.shape:
            raise UsageError("the prediction was made of another state than x_t.")
        c_0, c_t = (self._shaped(c, x_t) for c in self._posterior_weights(s, t))
        return prediction.mix(x_t=c_t, clean=c_0)

    def reverse(
        self, x_t: Tensor, t: Step, prediction: Prediction, s: Step | None = None, variance: Variance = "beta_tilde"
    ) -> Gaussian:
        """p(x_s | x_t), s = t - 1 by default, with one of the three variances of variance.py."""
        s = t - 1 if s is None else s
        mean = self.reverse_mean(x_t, t, prediction, s)
        return Gaussian(mean, self.reverse_variance(x_t, t, s, variance, prediction.variance_mix))

    def reverse_variance(
        self, x_t: Tensor, t: Step, s: Step, variance: Variance, variance_mix: Tensor | None = None
    ) -> Tensor:
        """The variance of p(x_s | x_t): a scalar, [B, 1, ...], or for the learned one the shape of x_t."""
        variances.check(variance, variance_mix)
        s, t = _cpu(s), _cpu(t)
        if variance == "learned" and variance_mix is not None:
            return variances.log_interpolated(self.schedule, s, t, variance_mix).exp()
        bound = variances.upper if variance == "beta" else variances.lower
        return self._variance(bound(self.schedule, s, t), x_t)

    # --- coefficients -----------------------------------------------------------------------------------------------

    def _posterior_weights(self, s: Step, t: Step) -> tuple[Coefficient, Coefficient]:
        """(c_0, c_t), floats for ints, else float64 of the shape of s and t."""
        at_s, at_t = self._alpha_bar(s), self._alpha_bar(t)
        alpha_ts = at_t / at_s
        return at_s**0.5 * (1 - alpha_ts) / (1 - at_t), alpha_ts**0.5 * (1 - at_s) / (1 - at_t)

    def _alpha_bar(self, t: Step) -> Coefficient:
        alpha_bar = self.schedule.alpha_bar[_cpu(t)]
        return alpha_bar.item() if isinstance(t, int) else alpha_bar

    def _levels(self, t: Step, x: Tensor) -> tuple[Coefficient, Coefficient]:
        """(sqrt(alpha_bar_t), sqrt(1 - alpha_bar_t)) ready to multiply x."""
        if isinstance(t, int):
            return self.schedule.levels[t][:2]
        t = _cpu(t)
        return self._shaped(self.schedule.signal[t], x), self._shaped(self.schedule.sigma[t], x)

    @staticmethod
    def _shaped(c: Coefficient, x: Tensor) -> Coefficient:
        """A coefficient as a float, or as [B, 1, ...] beside x."""
        if not isinstance(c, Tensor):
            return c
        return c.item() if c.ndim == 0 else c.reshape(-1, *[1] * (x.ndim - 1))

    @staticmethod
    def _variance(c: Tensor, x: Tensor) -> Tensor:
        """A variance as a tensor of x's dtype and device that broadcasts against x."""
        return c.reshape(() if c.ndim == 0 else (-1, *[1] * (x.ndim - 1))).to(x)

    def _check_pair(self, s: Step, t: Step, x: Tensor) -> None:
        self.check(s, 0, x)
        self.check(t, 1, x)
        rising = s < t if isinstance(s, int) and isinstance(t, int) else torch.as_tensor(_cpu(s) < _cpu(t)).all()
        if not rising:
            raise UsageError(f"a step goes between s < t, but s = {_show(s)} and t = {_show(t)}.")

    def check(self, t: Step, lowest: int, x: Tensor) -> None:
        """Raises UsageError unless t is an int or an integer tensor [B] in lowest..T and x is floating point."""
        steps = self.schedule.steps
        if not x.is_floating_point():
            raise UsageError(f"diffusion needs floating point data, but got {x.dtype}: convert it, e.g. x.float().")
        if isinstance(t, Tensor):
            if t.dtype.is_floating_point or t.dtype == torch.bool or t.ndim != 1 or x.ndim == 0 or len(t) != len(x):
                raise UsageError(
                    f"t must be an int or an integer tensor [B] with B = {len(x) if x.ndim else 0}, "
                    f"but is {t.dtype} of shape {tuple(t.shape)}."
                )
            inside = len(t) == 0 or (int(t.min()) >= lowest and int(t.max()) <= steps)
        elif isinstance(t, int) and not isinstance(t, bool):
            inside = lowest <= t <= steps
        else:
            raise UsageError(f"t must be an int or an integer tensor [B], not {type(t).__name__}.")
        if not inside:
            raise UsageError(f"t must lie in {lowest}..{steps}, but is {_show(t)}.")


def _cpu(t: Step) -> Step:
    return t.cpu().long() if isinstance(t, Tensor) else t  # torch reads a uint8 index as a mask


def _show(t: Step) -> str:
    if isinstance(t, Tensor):
        return f"{t.tolist()[:8]}{'...' if len(t) > 8 else ''}"
    return str(t)
