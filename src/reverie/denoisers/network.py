"""A network as a denoiser: it says once, at construction, what its output means."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from reverie.denoisers.denoiser import Condition, Evidence
from reverie.denoisers.given import Given
from reverie.errors import UsageError, unknown
from reverie.process.gaussian import GaussianProcess, Step
from reverie.process.prediction import KINDS, Kind, Prediction

__all__ = ["Network"]


@dataclass(frozen=True, eq=False)
class Network:
    """A module (x_t [B, C, ...], t [B]) -> [B, C or 2C, ...] that predicts `kind`.

    Args:
        process: the diffusion process it was trained on.
        module: the network; with `learned_variance` the second half of its channels is 2u - 1, u the learned variance's mix.
        kind: "noise", "clean", "velocity" or "score".
        conditioned: the module is also told what is given of a record, (x_t, t, Given); it cannot do without.
        classes: how many classes the module knows; above 0 it is also told the labels, int64 [B] in 0..classes, the last for
            "no class", or None where no state has a class.
        states: the module is also told encoder states, floating point [B, S, D].
        vector: the module is also told floating point [B, D] numbers, or None; a row that is not finite is "not told".
        autocast: dtype of the products (torch.bfloat16, torch.float16), or None for the weights' own.

    States of another dtype or device are taken to the weights' and the answer back. Raises UsageError for noise or score
    prediction on a schedule with zero terminal SNR, where they say nothing of x_0.
    """

    process: GaussianProcess
    module: nn.Module
    kind: Kind = "velocity"
    learned_variance: bool = False
    conditioned: bool = False
    autocast: torch.dtype | None = None
    classes: int = 0
    states: bool = False
    vector: bool = False
    evidence: Evidence = field(default="learned", init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind of prediction", self.kind, KINDS)
        if self.kind in ("noise", "score") and self.process.schedule.zero_terminal_snr:
            raise UsageError(
                f"{self.kind} prediction cannot be used on a schedule with zero terminal SNR: "
                "at t = T it says nothing of x_0. Predict velocity or clean."
            )

    def __call__(self, x_t: Tensor, t: Step, condition: Condition = None) -> Prediction:
        weight = self._weight
        told = self._told(condition, len(x_t), weight.device)
        levels = t if isinstance(t, Tensor) else torch.tensor([t]).expand(len(x_t))
        dtype = torch.promote_types(weight.dtype, torch.float32) if self.autocast else weight.dtype
        x = x_t.to(device=weight.device, dtype=dtype)
        precision = torch.autocast(weight.device.type, self.autocast) if self.autocast else nullcontext()
        with precision:
            output = self.module(x, levels.to(weight.device, non_blocking=True), *told).to(x_t)
        variance_mix = None
        if self.learned_variance:
            output, raw = output.chunk(2, 1)
            variance_mix = (raw + 1) / 2
        return self.process.predict(x_t, t, variance_mix=variance_mix, **{self.kind: output})

    def rounded(self) -> Network:
        """The network with the weights of its linear layers in the dtype of `autocast`, which would cast them at each call:
        the same answers, to the bit, in less time. It cannot be trained."""
        module = copy.deepcopy(self.module)
        for part in module.modules():
            if isinstance(part, nn.Linear):
                part.to(self.autocast)
        return replace(self, module=module)

    def _told(self, condition: Condition, count: int, device: torch.device) -> tuple[Given | Tensor | None, ...]:
        """What the module is told beside x_t and t. Raises UsageError for a condition that it cannot be given."""
        match condition:
            case Given() if self.conditioned:
                return (condition.to(device),)
            case None if not self.conditioned:
                return (None,) if self.classes else ()
            case Tensor() if self.states and condition.is_floating_point() and condition.ndim == 3:
                return (condition.to(self._weight),)
            case Tensor() if self.vector and condition.is_floating_point() and condition.ndim == 2:
                return None, condition.to(self._weight)
            case Tensor() if self.classes:
                self._check_labels(condition, count)
                return (condition.to(device, non_blocking=True),)
        raise UsageError(
            "this network answers for records, so it must be told what is given of them."
            if self.conditioned
            else "this network was trained with classes alone, so it can be given nothing else."
            if self.classes
            else "this network was trained without conditions, so it cannot be given one."
        )

    def _check_labels(self, labels: Tensor, count: int) -> None:
        if labels.dtype != torch.int64 or labels.shape != (count,):
            raise UsageError(
                f"labels are one int64 for each of {count} states, but were {labels.dtype} of shape {list(labels.shape)}."
            )
        if labels.device.type == "cpu" and count and not 0 <= int(labels.min()) <= int(labels.max()) <= self.classes:
            raise UsageError(
                f"labels lie in 0..{self.classes - 1}, or are {self.classes} for no class, but these lie in "
                f"{int(labels.min())}..{int(labels.max())}."
            )

    @cached_property
    def _weight(self) -> Tensor:
        """A parameter, which stays the module's own when the module is moved or loaded."""
        return next(self.module.parameters())
