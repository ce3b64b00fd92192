"""Denoisers that need no training, because they know the data's distribution.

    E[x_0 | x_t] = sum_k r_k(x_t) E[x_0 | x_t, k],   r_k = softmax_k(log w_k + log q(x_t | k))

KnownSample is told x_0: with it a reverse step is the posterior q(x_{t-1}|x_t, x_0), not the model p(x_{t-1}|x_t).
GaussianMixture and Empirical are the exact minimisers of the denoising loss for their distribution (for a finite data set:
Karras et al. 2022, appendix B.3). They make demonstrations honest, samplers testable and memorisation measurable.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from reverie.denoisers.conditions import Condition, Labels
from reverie.denoisers.denoiser import Evidence, check_states
from reverie.errors import UsageError
from reverie.process.gaussian import GaussianProcess, Step
from reverie.process.prediction import Prediction

__all__ = ["Empirical", "GaussianMixture", "KnownSample"]


@dataclass(frozen=True, eq=False)
class KnownSample:
    """The denoiser that is told x_0, of the shape of the state or of one sample of it."""

    process: GaussianProcess
    x_0: Tensor
    evidence: Evidence = field(default="oracle", init=False, repr=False)

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        if not isinstance(x_t, Tensor) or self.x_0.shape not in (x_t.shape, x_t.shape[1:], (1, *x_t.shape[1:])):
            check_states(x_t, self.x_0.shape[self.x_0.ndim == getattr(x_t, "ndim", 0) :])
        return self.process.predict(x_t, t, clean=self.x_0.to(x_t).expand_as(x_t))


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """The exact denoiser of sum_k w_k N(mean_k, std_k^2 I).

    Args:
        process: the diffusion process.
        means: [K, ...], one mean of the data's shape for each component.
        stds: [K], each >= 0.
        weights: [K], positive; normalised here. Equal if left out.

    A condition is Labels, the indices of components: the answer is then that of the component alone.
    """

    process: GaussianProcess
    means: Tensor
    stds: Tensor
    weights: Tensor | None = None
    evidence: Evidence = field(default="exact", init=False, repr=False)

    def __post_init__(self) -> None:
        components = len(self.means)
        if self.stds.shape != (components,) or not (self.stds >= 0).all():
            raise UsageError(f"stds must be {components} numbers >= 0, one for each mean.")
        if self.weights is not None and (self.weights.shape != (components,) or not (self.weights > 0).all()):
            raise UsageError(f"weights must be {components} numbers > 0, one for each mean.")

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        check_states(x_t, self.means.shape[1:])
        x = x_t[:, None].flatten(1).double()
        means = self.means[:, None].flatten(1).to(x)
        signal, noise = _powers(self.process, t, x)
        a = signal.sqrt()
        data_variance = self.stds.to(x) ** 2
        variance = signal * data_variance + noise  # [B or 1, K]
        gap = x[:, None] - a[..., None] * means  # x_t - a mean_k: [B, K, D]
        log_r = self._log_weights(x) - 0.5 * ((gap**2).sum(-1) / variance + x.shape[1] * variance.log())
        r = torch.softmax(_only(log_r, condition), dim=1)
        given_k = means + (a * data_variance / variance)[..., None] * gap
        clean = (r[..., None] * given_k).sum(1)
        return self.process.predict(x_t, t, clean=clean.to(x_t.dtype).reshape(x_t.shape))

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draws of x_0: [count, ...], float64."""
        k = torch.multinomial(self._log_weights(self.means.double()).exp(), count, replacement=True, generator=generator)
        means = self.means.double()[k]
        z = torch.randn(means.shape, generator=generator, dtype=torch.float64)
        return means + self.stds.double()[k].reshape(-1, *[1] * (means.ndim - 1)) * z

    def _log_weights(self, like: Tensor) -> Tensor:
        weights = torch.ones(len(self.means)) if self.weights is None else self.weights
        return (weights / weights.sum()).to(like).log()


@dataclass(frozen=True, eq=False)
class Empirical:
    """The exact denoiser of a data set: x_0-hat = sum_i softmax_i(-|x_t - a x_i|^2 / (2 sigma^2)) x_i.

    Args:
        process: the diffusion process.
        data: [N, ...].
        labels: [N] class indices; then a condition, Labels, keeps the data of that class only.
        rows, columns: how many states and data points meet at once: memory is O(rows x columns + rows x D).

    Distances are taken in float64 after the data's mean is removed, and the sum over the data is kept as a running maximum
    with rescaled sums, so nothing overflows or cancels in high dimension.
    """

    process: GaussianProcess
    data: Tensor
    labels: Tensor | None = None
    rows: int = 256
    columns: int = 4096
    evidence: Evidence = field(default="exact", init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.data) == 0:
            raise UsageError("the empirical denoiser needs at least one data point.")
        if not torch.isfinite(self.data).all():
            bad = int((~torch.isfinite(self.data[:, None].flatten(1))).any(1).nonzero()[0])
            raise UsageError(f"the data of the empirical denoiser must be finite; sample {bad} is not.")
        if self.labels is not None and len(self.labels) != len(self.data):
            raise UsageError(f"{len(self.labels)} labels were given for {len(self.data)} data points.")

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        check_states(x_t, self.data.shape[1:])
        labels = _classes(condition, x_t)
        x = x_t[:, None].flatten(1)
        powers = [power.expand(len(x), 1) for power in _powers(self.process, t, x.double())]
        parts = [
            self._mean(
                x[i : i + self.rows].double(),
                [power[i : i + self.rows] for power in powers],
                None if labels is None else labels[i : i + self.rows],
            )
            for i in range(0, len(x), self.rows)
        ]
        clean = torch.cat(parts).to(x_t.dtype).reshape(x_t.shape)
        return self.process.predict(x_t, t, clean=clean)

    def weights(self, x_t: Tensor, t: Step) -> Tensor:
        """The posterior probability of each data point behind each state: [B, N], float64."""
        x = x_t[:, None].flatten(1).double()
        powers = _powers(self.process, t, x)
        log_r = [self._log_weight(x, powers, chunk) for _, chunk in self._chunks(x.device)]
        return torch.softmax(torch.cat(log_r, dim=1), dim=1)

    def _mean(self, x: Tensor, powers: Sequence[Tensor], condition: Tensor | None) -> Tensor:
        top = x.new_full((len(x), 1), -math.inf)
        total, moment = torch.zeros_like(top), torch.zeros_like(x)
        for rows, chunk in self._chunks(x.device):
            log_r = self._log_weight(x, powers, chunk)
            if condition is not None:
                if self.labels is None:
                    raise UsageError("this empirical denoiser has no labels, so it cannot be conditioned.")
                other = self.labels[rows].to(x.device) != condition[:, None].to(x.device)
                log_r = log_r.masked_fill(other, -math.inf)
            new_top = torch.maximum(top, log_r.amax(1, keepdim=True))
            safe_top = torch.where(new_top.isinf(), 0.0, new_top)
            r, shrink = torch.exp(log_r - safe_top), torch.exp(top - safe_top)
            total = total * shrink + r.sum(1, keepdim=True)
            moment = moment * shrink + r @ chunk
            top = new_top
        if (total == 0).any():
            raise UsageError("a condition names a class that the data does not have.")
        return moment / total + self._center.to(x.device)

    @cached_property
    def _center(self) -> Tensor:
        return self.data[:, None].flatten(1).mean(0, dtype=torch.float64)

    @cached_property
    def _centred(self) -> Tensor:
        """All the data less its mean, in float64; kept only where it is one chunk."""
        return self.data[:, None].flatten(1).double() - self._center

    def _chunks(self, device: torch.device) -> Iterator[tuple[slice, Tensor]]:
        """The centred data, `columns` points at a time, with their place."""
        if len(self.data) <= self.columns:
            yield slice(None), self._centred.to(device)
            return
        for j in range(0, len(self.data), self.columns):
            rows = slice(j, j + self.columns)
            yield rows, (self.data[rows, None].flatten(1).double() - self._center).to(device)

    def _log_weight(self, x: Tensor, powers: Sequence[Tensor], chunk: Tensor) -> Tensor:
        """-|x - a x_i|^2 / (2 sigma^2) up to a term that is the same for all i: [B, columns]."""
        signal, noise = powers
        a = signal.sqrt()
        residual = x - a * self._center.to(x.device)
        return (a * (residual @ chunk.T) - 0.5 * signal * (chunk**2).sum(1)) / noise


def _powers(process: GaussianProcess, t: Step, x: Tensor) -> list[Tensor]:
    """alpha_t^2 and sigma_t^2, each [B, 1], or [1, 1] for one t."""
    process.check(t, 1, x)
    powers = process.schedule.powers(t)
    return [torch.as_tensor(power, dtype=torch.float64).reshape(-1, 1).to(x) for power in powers]


def _only(log_r: Tensor, condition: Condition | None) -> Tensor:
    classes = _classes(condition, log_r)
    if classes is None:
        return log_r
    if classes.min() < 0 or classes.max() >= log_r.shape[1]:
        raise UsageError(f"a condition must name a component in 0..{log_r.shape[1] - 1}.")
    chosen = torch.nn.functional.one_hot(classes.to(log_r.device).long(), log_r.shape[1]).bool()
    return log_r.masked_fill(~chosen, -math.inf)


def _classes(condition: Condition | None, x: Tensor) -> Tensor | None:
    """The condition, if it is one class index for each state. Raises UsageError otherwise."""
    if condition is None:
        return None
    labels = condition.values if isinstance(condition, Labels) else None
    if labels is None or labels.shape != (len(x),) or labels.is_floating_point():
        what = type(condition).__name__ if labels is None else f"{labels.dtype} of shape {list(labels.shape)}"
        raise UsageError(f"a condition is Labels, one class index for each of the {len(x)} states, not {what}.")
    return labels
