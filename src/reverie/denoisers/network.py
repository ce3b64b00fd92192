"""A network as a denoiser: it says once, at construction, what its output means."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from reverie.denoisers.conditions import Condition, unanswerable
from reverie.denoisers.denoiser import Evidence, check_states
from reverie.denoisers.naming import Named
from reverie.errors import UsageError, unknown
from reverie.process.gaussian import GaussianProcess, Step
from reverie.process.path import Coefficient, as_tensor
from reverie.process.prediction import VIEWS, Kind, Prediction, scale

__all__ = ["LEVELS", "Network"]

LEVELS = 1000.0
"""What a network is told of the end of a path in continuous time: networks are made for the numbers of the usual table."""


@dataclass(frozen=True, eq=False)
class Network:
    """A module (x_t [B, C, ...], t [B]) -> [B, C or 2C, ...] that predicts `kind`.

    Args:
        process: the diffusion process it was trained on.
        module: the network; with `learned_variance` the second half of its channels is 2u - 1, u the learned variance's mix.
        kind: "noise", "clean", "velocity", "score", "flow" or "edm".
        autocast: dtype of the products (torch.bfloat16, torch.float16), or None for the weights' own.
        scaled: on a path in continuous time, the module receives c_in x_t, of power 1 whatever the path, and LEVELS times
            NoisePath.progress, so that what it is told of t is that of the usual table whatever the path counts.

    A module that takes conditions receives them as its third argument, and has a method check(condition or None, B) that
    raises UsageError for one that it has no answer to. One that says `state_shape`, the shape of a state (None for any
    number), is asked of no others. States of another dtype or device are taken to the weights' and the answer back. On a
    table the module receives x_t and t as they are. So it does in continuous time where it is not scaled, but for one that
    predicts "edm", which receives c_in x_t and c_noise, as published.
    Raises UsageError for noise or score prediction on a schedule with zero terminal SNR, where they say nothing of x_0, and
    for edm on such a path in continuous time, where c_noise has no end.
    """

    process: GaussianProcess
    module: nn.Module
    kind: Kind = "velocity"
    learned_variance: bool = False
    autocast: torch.dtype | None = None
    scaled: bool = field(default=False, kw_only=True)
    evidence: Evidence = field(default="learned", init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in VIEWS:
            raise unknown("kind of prediction", self.kind, VIEWS)
        if self._preconditioned and self.process.schedule.zero_terminal_snr:
            raise UsageError(
                "edm prediction cannot be used on a path with zero terminal SNR: at its end c_noise = ln(sigma / alpha) / 4 "
                "is infinite. Predict velocity or flow."
            )
        if self.kind in ("noise", "score") and self.process.schedule.zero_terminal_snr:
            raise UsageError(
                f"{self.kind} prediction cannot be used on a schedule with zero terminal SNR: "
                "at t = T it says nothing of x_0: predict velocity or clean."
            )

    def __call__(self, x_t: Tensor, t: Step, condition: Condition | None = None) -> Prediction:
        return self.answer(x_t, t, condition)[0]

    def answer(
        self,
        x_t: Tensor,
        t: Step,
        condition: Condition | None = None,
        x_0: Tensor | None = None,
        chance: Tensor | None = None,
    ) -> tuple[Prediction, Named | None]:
        """The prediction; and of a module that names levels what it says of them: with x_0 how surprising that is to it,
        with chances in [0, 1) like x_t levels drawn by them."""
        weight = self._weight
        if self._shape is not None:
            check_states(x_t, self._shape)
        self._check(condition, x_t.shape[0])
        conditions = () if condition is None else (condition.to(weight.device),)
        told, scaled = self._asked(x_t, t)
        dtype = torch.promote_types(weight.dtype, torch.float32) if self.autocast else weight.dtype
        if isinstance(told, Tensor):
            levels = told.flatten()
            levels = levels.to(weight.device, dtype if levels.is_floating_point() else None, non_blocking=True)
        else:
            number = dtype if isinstance(told, float) else torch.int64
            levels = torch.full((1,), told, dtype=number, device=weight.device).expand(len(x_t))  # of stride 0: one for all
        x = scaled.to(device=weight.device, dtype=dtype)
        precision = torch.autocast(weight.device.type, self.autocast) if self.autocast else nullcontext()
        names = getattr(self.module, "names_levels", False)
        known = (*self._powers(t, x), *(None if of is None else of.to(x) for of in (x_0, chance))) if names else ()
        with precision:
            output = self.module(x, levels, *conditions, *known)
        if isinstance(output, Named):
            prediction = self.process.said(x_t, t, self.kind, output.output.to(x_t))
            clean = torch.where(output.where, 0.0, prediction.clean) + output.clean.to(x_t)
            return prediction.with_value("clean", clean), output
        output = output.to(x_t)
        variance_mix = None
        if self.learned_variance:
            output, raw = output.chunk(2, 1)
            variance_mix = (raw + 1) / 2
        return self.process.said(x_t, t, self.kind, output, variance_mix), None

    def _powers(self, t: Step, like: Tensor) -> tuple[Tensor, Tensor]:
        """How much of a state of power 1 is signal, and how much noise, [B] in the dtype of `like`."""
        signal, noise = (torch.as_tensor(x, dtype=torch.float64) for x in self.process.schedule.at(as_tensor(t)))
        whole = torch.hypot(signal, noise)
        return tuple((x / whole).to(like).expand(len(like)) for x in (signal, noise))  # pyright: ignore[reportReturnType]

    def _asked(self, x_t: Tensor, t: Step) -> tuple[Coefficient, Tensor]:
        """What the module is told of t, and the state that it is asked of."""
        schedule = self.process.schedule
        if schedule.whole or not (self.scaled or self._preconditioned):
            return t, x_t
        c = self.process.preconditioning(t, x_t)
        told = LEVELS * schedule.progress(as_tensor(t)) if self.scaled else c.c_noise
        return told.item() if isinstance(told, Tensor) and not isinstance(t, Tensor) else told, scale(x_t, c.c_in)

    @property
    def _preconditioned(self) -> bool:
        return self.kind == "edm" and not self.process.schedule.whole and not self.scaled

    def rounded(self) -> Network:
        """The network with the weights of its linear layers in the dtype of `autocast`, which would cast them at each call:
        the same answers, to the bit, in less time. It cannot be trained."""
        module = copy.deepcopy(self.module)
        for part in module.modules():
            if isinstance(part, nn.Linear):
                part.to(self.autocast)
        return replace(self, module=module)

    @property
    def answers_alone(self) -> bool:
        """Whether it answers without a condition."""
        try:
            self._check(None, 0)
        except UsageError:
            return False
        return True

    def _check(self, condition: Condition | None, count: int) -> None:
        if self._refuses:
            self._refuses(condition, count)
        elif condition is not None:
            raise unanswerable()

    @cached_property
    def _refuses(self) -> Callable[[Condition | None, int], None] | None:
        """The module's own check, looked up once: a module takes long to say that it has none."""
        return getattr(self.module, "check", None)

    @cached_property
    def _shape(self) -> Sequence[int | None] | None:
        """Of one state, as the module says it; None where it does not."""
        return getattr(self.module, "state_shape", None)

    @cached_property
    def _weight(self) -> Tensor:
        """A parameter, which stays the module's own when the module is moved or loaded."""
        return next(self.module.parameters())
