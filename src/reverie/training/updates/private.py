"""The update with differential privacy: what one patient can change of the weights is bounded, and drowned in noise.

g = (sum_i min(1, C / |g_i|) g_i + sigma C xi) / (q n),   xi ~ N(0, I),  i drawn with probability q   (Abadi et al. 2016)

g_i is the gradient of patient i's own loss, all visits together, so the unit of privacy is the patient; sigma follows from
the budget, see training/privacy.py.

For the proof to hold, what one patient contributes must not depend on who else is in the batch. So the batch is cut from a
larger draw of questions, noise levels and noise of a fixed size and length, and every loss is a mean over the patient's own
cells.

Not covered: the codec (ranks and levels of the training table), the schema, the number of patients, and the choice of the
settings. The noise follows from the seed: whoever knows it can take the noise away again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Self

import torch
from torch import Tensor, nn

from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.network import Network
from reverie.denoisers.visits import Attention, Packing, VisitNetwork
from reverie.errors import UsageError
from reverie.process.randomness import draw, generator, sub_seed
from reverie.training import processes
from reverie.training.advice import broke_down
from reverie.training.blocks import BLOCK, Drawn
from reverie.training.dataset import Batch
from reverie.training.objective import element_errors, timesteps
from reverie.training.optimizer import learning_rate
from reverie.training.privacy import PrivacyBudget
from reverie.training.settings import TrainingSettings
from reverie.training.update import StepReport, TrainingState
from reverie.training.updates.plain import PlainUpdate

__all__ = ["PerPatient", "PrivateUpdate", "losses_by_patient"]

SLACK = 7.0
"""A batch is at most this many deviations larger than expected: more would be drawn once in 10^12 steps, and is cut."""


@dataclass(frozen=True, eq=False)
class PrivateUpdate(PlainUpdate):
    """The plain update with the gradient of every patient clipped and noise on their sum.

    Each process draws all patients, and computes some.

    Raises UsageError, at the first step, for what no epsilon can account for.
    """

    def watch(self) -> Callable[[int, StepReport], Iterable[str]]:
        return partial(broke_down, self.settings)  # advice would be taken from the patients without noise

    @cached_property
    def privacy(self) -> PrivacyBudget:
        return PrivacyBudget.of(self.settings, len(self.dataset))

    @cached_property
    def gradients(self) -> PerPatient:
        return PerPatient(self.network.module)

    @cached_property
    def longest(self) -> int:
        """The index of a longest record, which sets the length to which all are padded."""
        lengths = getattr(getattr(self.dataset, "encoded", None), "lengths", None)
        if lengths is None:
            raise UsageError(
                "training with epsilon is for tables of visits, with the patient as the unit: leave epsilon out."
            )
        return int(lengths.argmax())

    def step(self, state: TrainingState) -> StepReport:
        settings, seed, step, n = self.settings, self.seed, state.step, len(self.dataset)
        gradients, longest, privacy = self.gradients, self.longest, self.privacy
        expected = privacy.rate * n
        most = min(n, math.ceil(expected + SLACK * math.sqrt(expected)))
        size = math.ceil(most / settings.accumulate)
        chosen = (torch.rand(n, generator=generator(seed, "members", step)) < privacy.rate).nonzero()[:most, 0]
        B = len(chosen)
        # Draws are made for `most` patients and the longest, whoever is chosen: see the module.
        padded = torch.cat([chosen, torch.full((most + 1 - B,), longest)])
        whole = self.dataset.batch(padded, generator(seed, "examples", step))
        noise = draw(whole.x_0, generator(seed, "noise", step))
        t = timesteps(len(padded), self.network.process.schedule, settings.timesteps, generator(seed, "t", step))
        rate = learning_rate(settings, step, state.budget)
        state.begin_step(rate)
        gradients.sums = {}
        total = torch.zeros((), device=self.device)
        drawn = Drawn(range(len(padded)), whole, noise, None, self._blocks(step, whole))
        mine = processes.cut(range(B), processes.world())[processes.rank()]
        with gradients:
            for first in range(mine.start, mine.stop, size):
                rows = range(first, min(first + size, mine.stop))
                part, eps, _ = drawn[rows]
                part = part.to(self.device)
                with self.dropout(step, drawn.pieces(rows)):
                    levels = t[rows.start : rows.stop]
                    losses = losses_by_patient(self.trained, part, levels, eps.to(self.device), settings)
                    assert isinstance(part.given, ConditionMask)
                    gradients.take(losses, part.given.attention_mask, settings.clip_norm)
                total += losses.detach().sum()
        secret = generator(seed, "private noise", step)  # the same everywhere: the sum is drowned once
        weights = [p for p in state.module.parameters() if p.requires_grad]
        own = [gradients.sums.get(weight, torch.zeros_like(weight)) for weight in weights]
        total, *sums = processes.summed([total, *own], self.device)
        for weight, clipped in zip(weights, sums, strict=True):
            xi = torch.randn(weight.shape, generator=secret).to(weight)
            weight.grad = ((clipped + privacy.noise * settings.clip_norm * xi) / expected).to(weight)
        norm = float(torch.stack([w.grad.norm() for w in weights if w.grad is not None]).norm())
        if math.isfinite(norm):
            state.take_step()

        def numbers() -> dict[str, float]:  # of what was computed from the patients, only what has had its noise
            return {
                "gradient_norm": norm,
                "learning_rate": rate,
                "noise_multiplier": privacy.noise,
                "epsilon": privacy.spent(step + 1),
            }

        return StepReport(float(total) / max(B, 1), norm, numbers, settings.batch)

    def _blocks(self, step: int, whole: Batch) -> tuple[tuple[int, int, Tensor], ...]:
        """Of dropout: as blocks.py cuts a batch."""
        starts = range(0, len(whole), BLOCK)
        seeds = [sub_seed(self.seed, "dropout", step, number) for number in range(len(starts))]
        return tuple(zip(seeds, starts, whole.rows.split(BLOCK), strict=True))


class PerPatient:
    """Clips and sums the gradients of single patients, from one backward pass over all of them.

    A linear layer's gradient for patient i is sum_r g_r a_r^T over the patient's rows r, with a_r what came in and g_r the
    gradient of what went out; its norm follows from the products of rows with rows (Goodfellow 2015; of sequences: Li et al.
    2022, section 4), and the clipped sum is one product more. So no patient's gradient is ever written out.

    Used as a context: it listens to the module while it is open. Raises UsageError for a network with weights elsewhere.
    """

    def __init__(self, module: nn.Module) -> None:
        self.layers = [part for part in module.modules() if isinstance(part, nn.Linear)]
        # The bias of distances belongs to no linear layer, so it cannot be clipped so: it stays at 0.
        still = [part.bias for part in module.modules() if isinstance(part, Attention)]
        clipped = {id(p) for layer in self.layers for p in layer.parameters()} | {id(p) for p in still}
        if not isinstance(module, VisitNetwork) or any(id(p) not in clipped for p in module.parameters()):
            raise UsageError(
                "training with epsilon clips the gradient of every patient alone, which is made for tables of visits, the "
                "recipe records and network.mixing=attention: leave epsilon out, or train that."
            )
        for parameter in still:
            parameter.requires_grad_(False)
        self.passed: list[tuple[nn.Linear, Tensor, Tensor]] = []
        self.sums: dict[Tensor, Tensor] = {}

    def __enter__(self) -> Self:
        self.hooks = [layer.register_forward_hook(self._keep) for layer in self.layers]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _keep(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if output.requires_grad:
            self.passed.append((layer, inputs[0].detach(), output))  # pyright: ignore[reportArgumentType]

    def take(self, losses: Tensor, present: Tensor, limit: float) -> Tensor:
        """Adds the clipped gradients of some patients' losses to `sums`.

        Args:
            losses: [B], each of one patient alone, from one pass of the module.
            present: bool [B, N], the tokens of that pass.
            limit: C, the largest norm of a patient's gradient over all weights together.

        Returns:
            The norms before clipping, [B]; a gradient that is not finite counts as 0.
        """
        packing = Packing.of(present)
        outputs = [output for _, _, output in self.passed]
        gradients = torch.autograd.grad(losses.sum(), outputs, allow_unused=True)
        rows = [
            (layer, a.float(), g.float()) for (layer, a, _), g in zip(self.passed, gradients, strict=True) if g is not None
        ]
        self.passed = []
        squares = torch.stack([_squared_norms(layer, a, g, packing) for layer, a, g in rows]).sum(0)
        norms = squares.sqrt()
        factors = torch.where(norms.isfinite(), (limit / norms.clamp(min=1e-12)).clamp(max=1.0), 0.0)
        for layer, a, g in rows:
            factor = (factors if len(a) == len(losses) else factors[packing.owner])[:, None]
            a, g = (torch.where(factor > 0, x, 0.0) for x in (a, g))
            g = g * factor
            self._add(layer.weight, g.T @ a)
            if layer.bias is not None:
                self._add(layer.bias, g.sum(0))
        return norms

    def _add(self, weight: Tensor, gradient: Tensor) -> None:
        self.sums[weight] = self.sums[weight] + gradient if weight in self.sums else gradient


def _squared_norms(layer: nn.Linear, a: Tensor, g: Tensor, packing: Packing) -> Tensor:
    """Squared norm of each patient's gradient of a layer [B]: rows are of patients [B, F], or of their tokens."""
    if len(a) == packing.shape[0]:
        a, g = a[:, None], g[:, None]
    else:
        a, g = packing.pad(a), packing.pad(g)
    N = a.shape[1]
    if (
        N * (a.shape[2] + g.shape[2]) > a.shape[2] * g.shape[2]
    ):  # many rows: the gradient itself is smaller than their products
        squares = torch.bmm(g.transpose(1, 2), a).square().sum((1, 2))
    else:
        squares = (torch.bmm(a, a.transpose(1, 2)) * torch.bmm(g, g.transpose(1, 2))).sum((1, 2)).clamp(min=0)
    return squares + g.sum(1).square().sum(1) if layer.bias is not None else squares


def losses_by_patient(network: Network, batch: Batch, t: Tensor, noise: Tensor, settings: TrainingSettings) -> Tensor:
    """The loss of each patient alone, the mean over the cells that are asked: [B]; 0 where nothing is."""
    error, _ = element_errors(network, batch, t, noise, settings)
    asked = torch.ones_like(error) if batch.mask is None else batch.mask.expand_as(error)
    own = torch.where(asked.bool(), error, 0.0) * asked
    return own.flatten(1).sum(1) / asked.flatten(1).sum(1).clamp(min=1)
