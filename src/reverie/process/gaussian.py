"""The Gaussian diffusion process, exact for any two times s < t of any path of noise levels.

    q(x_t | x_0)      = N(alpha_t x_0, sigma_t^2 I)                                                   marginal
    q(x_t | x_s)      = N(alpha_ts x_s, beta_ts I),  alpha_ts = alpha_t/alpha_s                       transition
                        beta_ts = sigma_t^2 - alpha_ts^2 sigma_s^2
    q(x_s | x_t, x_0) = N(c_0 x_0 + c_t x_t, beta_ts sigma_s^2/sigma_t^2 I)                           posterior
                        c_0 = alpha_s beta_ts/sigma_t^2,  c_t = alpha_ts sigma_s^2/sigma_t^2

On a table alpha_t^2 = alpha_bar_t and sigma_t^2 = 1 - alpha_bar_t, so beta_ts = 1 - alpha_bar_t/alpha_bar_s.
Sohl-Dickstein et al. 2015; Ho et al. 2020, equations 4, 6 and 7; for s < t - 1, Kingma et al. 2021, appendix A.
At s = 0 the posterior is x_0 itself with variance 0, to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic

import torch
from torch import Tensor
from typing_extensions import TypeVar

from reverie.errors import UsageError
from reverie.process import variance as variances
from reverie.process.path import Coefficient, NoisePath, Time, as_tensor, shown
from reverie.process.prediction import VIEWS, Kind, Preconditioning, Prediction, Rates, combine, pair, scale
from reverie.process.randomness import Generators, draw
from reverie.process.variance import Variance

__all__ = ["Gaussian", "GaussianProcess", "Step"]

Step = Time
"""One step for the whole batch (an int), or an integer tensor [B] with one for each sample; in continuous time a float, or a
floating point tensor [B]."""

Path = TypeVar("Path", bound=NoisePath, default=NoisePath, covariant=True)


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
class GaussianProcess(Generic[Path]):
    """The forward process of a schedule, its exact posteriors, and the reverse step of a prediction.

    Data has any shape [B, ...] and float32 or float64. On a table, t and s are ints or integer tensors [B] (kept on the CPU
    they cost no synchronisation); on a path in continuous time numbers, or floating point tensors [B]. Coefficients are
    computed in float64 before they meet the data. Raises UsageError for a time that is not on the schedule, or s >= t.
    """

    schedule: Path

    def marginal(self, x_0: Tensor, t: Step) -> Gaussian:
        """q(x_t | x_0)."""
        self.check(t, 0, x_0)
        signal, noise = self.schedule.powers(t)
        return Gaussian(scale(x_0, self._shaped(_sqrt(signal), x_0)), self._variance(noise, x_0))

    def transition(self, x_s: Tensor, s: Step, t: Step) -> Gaussian:
        """q(x_t | x_s) for s < t."""
        self._check_pair(s, t, x_s)
        ratio, added = self.schedule.between(s, t)
        return Gaussian(scale(x_s, self._shaped(_sqrt(ratio), x_s)), self._variance(added, x_s))

    def posterior(self, x_0: Tensor, x_t: Tensor, s: Step, t: Step) -> Gaussian:
        """q(x_s | x_t, x_0) for s < t."""
        if x_0.shape != x_t.shape:
            raise UsageError(f"x_0 and x_t must have one shape, but are {tuple(x_0.shape)} and {tuple(x_t.shape)}.")
        self._check_pair(s, t, x_t)
        c_0, c_t = (self._shaped(c, x_t) for c in self._posterior_weights(s, t))
        lower = variances.lower(self.schedule, s, t)
        return Gaussian(combine(x_0, c_0, x_t, c_t), self._variance(lower, x_t))

    def corrupt(self, x_0: Tensor, t: Step, noise: Tensor | None = None, generator: Generators | None = None) -> Tensor:
        """x_t = alpha_t x_0 + sigma_t noise, with the noise given, or drawn from `generator`."""
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
        """v = alpha_t noise - sigma_t x_0 (Salimans and Ho 2022)."""
        self.check(t, 0, x_0)
        a, sigma = self._levels(t, x_0)
        return combine(noise, a, x_0, -sigma)

    def truth(self, kind: Kind, x_0: Tensor, t: Step, noise: Tensor) -> Tensor:
        """The view `kind` of the state at t that x_0 and the noise make up: what a prediction of it says that is right."""
        self.check(t, 1, x_0)
        clean, eps = pair(kind, *self._levels(t, x_0), self._rates(t, x_0), self.schedule.data_std)
        return combine(noise, eps, x_0, clean)

    def preconditioning(self, t: Step, x: Tensor) -> Preconditioning:
        """EDM's coefficients at t, ready to multiply x."""
        self.check(t, 1, x)
        return Preconditioning.of(*self._levels(t, x), self.schedule.data_std)

    def predict(
        self,
        x_t: Tensor,
        t: Step,
        *,
        noise: Tensor | None = None,
        clean: Tensor | None = None,
        velocity: Tensor | None = None,
        score: Tensor | None = None,
        flow: Tensor | None = None,
        edm: Tensor | None = None,
        variance_mix: Tensor | None = None,
    ) -> Prediction:
        """The prediction that gives exactly one of noise, clean, velocity, score, flow or edm of x_t, t above 0."""
        values = (noise, clean, velocity, score, flow, edm)
        given: list[tuple[Kind, Tensor]] = [
            (kind, value) for kind, value in zip(VIEWS, values, strict=True) if value is not None
        ]
        if len(given) != 1:
            raise UsageError(f"give exactly one of noise, clean, velocity, score, flow and edm, not {len(given)}.")
        return self.said(x_t, t, *given[0], variance_mix)

    def said(self, x_t: Tensor, t: Step, kind: Kind, value: Tensor, variance_mix: Tensor | None = None) -> Prediction:
        """The prediction that gives `value` of the view `kind` of x_t, t above 0."""
        self.check(t, 1, x_t)
        a, sigma = self._levels(t, x_t)
        return Prediction(x_t, value, kind, a, sigma, self._rates(t, x_t), self.schedule.data_std, variance_mix)

    def reverse_mean(self, x_t: Tensor, t: Step, prediction: Prediction, s: Step | None = None) -> Tensor:
        """Mean of p(x_s | x_t), s = t - 1 by default on a table: the posterior's mean with x_0-hat for x_0.

        There it reads, from the noise, (x_t - beta_t / sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_t) (Ho et al. 2020, equation
        11), and from the velocity sqrt(alpha_t) x_t - beta_t sqrt(alpha_bar_{t-1}) / sqrt(1 - alpha_bar_t) v.
        """
        s = self._before(t) if s is None else s
        self._check_pair(s, t, x_t)
        if prediction.x_t is not x_t and prediction.x_t.shape != x_t.shape:
            raise UsageError("the prediction was made of another state than x_t.")
        c_0, c_t = (self._shaped(c, x_t) for c in self._posterior_weights(s, t))
        return prediction.mix(x_t=c_t, clean=c_0)

    def reverse_weights(self, t: float, s: float) -> tuple[float, float]:
        """(c_0, c_t) of x_0 and x_t in the mean of q(x_s | x_t, x_0), for one t and one s below it."""
        c_0, c_t = self._posterior_weights(s, t)
        return float(c_0), float(c_t)

    def reverse(
        self, x_t: Tensor, t: Step, prediction: Prediction, s: Step | None = None, variance: Variance = "beta_tilde"
    ) -> Gaussian:
        """p(x_s | x_t), s = t - 1 by default on a table, with one of the three variances of variance.py."""
        s = self._before(t) if s is None else s
        mean = self.reverse_mean(x_t, t, prediction, s)
        return Gaussian(mean, self.reverse_variance(x_t, t, s, variance, prediction.variance_mix))

    def reverse_variance(
        self, x_t: Tensor, t: Step, s: Step, variance: Variance, variance_mix: Tensor | None = None
    ) -> Tensor:
        """The variance of p(x_s | x_t): a scalar, [B, 1, ...], or for the learned one the shape of x_t."""
        variances.check(variance, variance_mix)
        if variance == "learned" and variance_mix is not None:
            return variances.log_interpolated(self.schedule, s, t, variance_mix).exp()
        bound = variances.upper if variance == "beta" else variances.lower
        return self._variance(bound(self.schedule, s, t), x_t)

    # --- coefficients -----------------------------------------------------------------------------------------------

    def _posterior_weights(self, s: Step, t: Step) -> tuple[Coefficient, Coefficient]:
        """(c_0, c_t), floats for one time, else float64 of the shape of s and t."""
        (signal_s, noise_s), (_, noise_t) = self.schedule.powers(s), self.schedule.powers(t)
        ratio, added = self.schedule.between(s, t)
        return signal_s**0.5 * added / noise_t, ratio**0.5 * noise_s / noise_t

    def _levels(self, t: Step, x: Tensor) -> tuple[Coefficient, Coefficient]:
        """(alpha_t, sigma_t) ready to multiply x."""
        if not isinstance(t, Tensor):
            return self.schedule.level(t)[:2]
        a, sigma = self.schedule.at(t.cpu() if self.schedule.whole else as_tensor(t))
        return self._shaped(a, x), self._shaped(sigma, x)

    def _rates(self, t: Step, x: Tensor) -> Rates:
        """Their slopes, when they are asked for."""

        def rates() -> tuple[Coefficient, Coefficient]:
            a, sigma = self.schedule.rates(t)
            return self._shaped(a, x), self._shaped(sigma, x)

        return rates

    def _before(self, t: Step) -> Step:
        if not self.schedule.whole:
            raise UsageError("a path in continuous time has no step before t: say the time s that the reverse step goes to.")
        return t - 1

    @staticmethod
    def _shaped(c: Coefficient, x: Tensor) -> Coefficient:
        """A coefficient as a float, or as [B, 1, ...] beside x."""
        if not isinstance(c, Tensor):
            return c
        return c.item() if c.ndim == 0 else c.reshape(-1, *[1] * (x.ndim - 1))

    @staticmethod
    def _variance(c: Coefficient, x: Tensor) -> Tensor:
        """A variance as a tensor of x's dtype and device that broadcasts against x."""
        c = torch.as_tensor(c, dtype=torch.float64)
        return c.reshape(() if c.ndim == 0 else (-1, *[1] * (x.ndim - 1))).to(x)

    def _check_pair(self, s: Step, t: Step, x: Tensor) -> None:
        self.check(s, 0, x)
        self.check(t, 1, x)
        rising = _cpu(s) < _cpu(t)
        if not (rising.all() if isinstance(rising, Tensor) else rising):
            raise UsageError(f"a step goes between s < t, but s = {_show(s)} and t = {_show(t)}.")

    def check(self, t: Step, lowest: int, x: Tensor) -> None:
        """Raises UsageError unless x is floating point and t lies on the schedule.

        On a table that is an int or an integer tensor [B] in lowest..T; in continuous time a number or a floating point
        tensor [B] in 0..end, above 0 if lowest is 1.
        """
        schedule = self.schedule
        if not (isinstance(x, Tensor) and x.is_floating_point()):
            how = "x.float()" if isinstance(x, Tensor) else "torch.tensor(x).float()"
            raise UsageError(f"diffusion needs a floating point tensor, not {shown(x)}: convert it, e.g. {how}.")
        what = "an int or an integer tensor [B]" if schedule.whole else "a number or a floating point tensor [B]"
        if isinstance(t, Tensor):
            alike = t.dtype != torch.bool and t.dtype.is_floating_point != schedule.whole
            if not alike or t.ndim != 1 or x.ndim == 0 or len(t) != len(x):
                raise UsageError(
                    f"t must be {what} with B = {len(x) if x.ndim else 0}, but is {t.dtype} of shape {tuple(t.shape)}."
                )
            low, high = (float(t.min()), float(t.max())) if len(t) else (lowest, lowest)
        elif isinstance(t, int if schedule.whole else int | float) and not isinstance(t, bool):
            low, high = t, t
        else:
            raise UsageError(f"t must be {what}, not {type(t).__name__}.")
        above = low >= lowest if schedule.whole else low >= 0 and (lowest == 0 or low > 0)
        if not (above and high <= schedule.end):
            bounds = f"{lowest if schedule.whole else 0}..{schedule.end:.10g}"
            bounds += ", above 0" if lowest and not schedule.whole else ""
            raise UsageError(f"t must lie in {bounds}, but is {_show(t)}.")


def _sqrt(c: Coefficient) -> Tensor:
    return torch.as_tensor(c, dtype=torch.float64).sqrt()


def _cpu(t: Step) -> Step:
    return t.cpu() if isinstance(t, Tensor) else t


def _show(t: Step) -> str:
    if isinstance(t, Tensor):
        return f"{t.tolist()[:8]}{'...' if len(t) > 8 else ''}"
    return str(t)
