"""The update that trains an autoencoder of pictures, the first stage of latent diffusion; each process has its rows of a
batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from reverie.denoisers.autoencoder import Autoencoder, LatentSettings, reconstruction, rows_at_a_time
from reverie.process.randomness import generator
from reverie.training import processes
from reverie.training.blocks import BLOCK, blocks_of
from reverie.training.budget import Budget
from reverie.training.dataset import Dataset, batch_indices
from reverie.training.eager import AdamW
from reverie.training.ema import EMA
from reverie.training.update import StepReport, TrainingState, Update

__all__ = ["AutoencoderUpdate"]

DECAY, WARMUP = 0.99, 50
"""Of the EMA; steps over which the learning rate rises."""
MEASURED = 4096
"""Pictures at most that scale, shift and error are measured on."""


@dataclass(frozen=True, eq=False)
class AutoencoderUpdate(Update):
    """Trains the module in place, on all pictures but a share that the error is measured on."""

    module: Autoencoder
    dataset: Dataset
    settings: LatentSettings
    seed: int
    device: torch.device

    subject = " of the autoencoder"
    fast = False  # in the precision of the weights

    def begin(self, budget: Budget) -> TrainingState:
        module = self.module.to(self.device).train()
        rate = self.settings.learning_rate
        optimizer = AdamW(module.parameters(), lr=rate, weight_decay=0.0, fused=True)
        return TrainingState(module, EMA(module, DECAY), optimizer, budget)

    def prepare(self, state: TrainingState) -> Iterable[str]:
        self.module.begin(self._pictures(self.split[0]))
        return ()

    def step(self, state: TrainingState) -> StepReport:
        step, settings, rows = state.step, self.settings, self.split[0]
        batch = min(settings.batch, len(rows))
        mine = processes.share(batch)
        indices = rows[batch_indices(self.seed, step, batch, len(rows))]
        x, noise = self._drawn(step, indices, mine)
        parts = self.module.loss(x.to(self.device).contiguous(memory_format=torch.channels_last), noise, settings)
        rate = min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * state.budget.progress(step)))
        state.begin_step(settings.learning_rate * rate)
        torch.stack(list(parts.values())).sum().backward()
        totals = {name: float(value.detach()) for name, value in parts.items()}
        totals = processes.average(self.module.parameters(), len(mine), totals)
        norm = float(torch.nn.utils.clip_grad_norm_(self.module.parameters(), 1.0, foreach=True))
        if math.isfinite(norm):
            state.take_step()
        loss = sum(totals.values())
        return StepReport(loss, norm, lambda: {"loss": loss, **{f"loss/{name}": x for name, x in totals.items()}})

    def _drawn(self, step: int, indices: Tensor, mine: range) -> tuple[Tensor, Tensor]:
        """Pictures, and the noise on their latents."""
        found: list[tuple[Tensor, Tensor]] = []
        for block in blocks_of(mine):
            start = block * BLOCK
            own = slice(max(mine.start - start, 0), mine.stop - start)
            chosen = indices[start : start + BLOCK]
            x = self.dataset.batch(chosen, generator(self.seed, "autoencoder examples", step, block)).x_0
            size = (len(x), self.module.channels, *(-(-side // self.module.factor) for side in x.shape[2:]))
            noise = torch.randn(size, generator=generator(self.seed, "autoencoder noise", step, block), dtype=x.dtype)
            found.append((x[own], noise[own]))
        x, noise = (torch.cat(some) for some in zip(*found, strict=True))
        return x, noise.to(self.device)

    def finish(self, weights: dict[str, Tensor]) -> dict[str, float]:
        """Gives the module the trained weights and its latents unit scale; its error on pictures it did not learn from."""
        learned, unseen = self.split
        self.module.load_state_dict(weights)
        self.module.eval()
        means = rows_at_a_time(lambda x: self.module.posterior(x.to(self.device))[0], self._pictures(learned))
        self.module.to_unit_scale(means)
        processes.same(self.module)
        return reconstruction(self.module, self._pictures(unseen).to(self.device))

    @cached_property
    def split(self) -> tuple[Tensor, Tensor]:
        """Which examples are learned from, and which the error is measured on; a single one is both."""
        count = len(self.dataset)
        order = torch.randperm(count, generator=generator(self.seed, "autoencoder aside"))
        aside = min(max(1, round(self.settings.aside * count)), count - 1)
        return (order[aside:], order[:aside]) if aside else (order, order)

    def _pictures(self, rows: Tensor) -> Tensor:
        return self.dataset.batch(rows[:MEASURED].sort().values, generator(0, "as they are")).x_0
