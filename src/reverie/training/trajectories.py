"""What a trained denoiser makes of noise, kept with where it was on its way: what a model of few calls is trained on.

x_T ~ N(0, 1), then down the grid by a deterministic sampler to x_0:   (x_t at each level t of the few, x_0)

The pair is a function of the noise, so a network can learn it, where a mean over all pictures is all that can be learned of
noise and picture drawn apart (Luhman and Luhman 2021; of straight paths: Liu et al. 2023). No picture of the source is read.

Pairs are drawn a pool at a time, each used in REUSE batches out of POOL, and forgotten: memory does not grow with the steps,
and a run that goes on draws one pool anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reverie.denoisers.conditions import Labels
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.network import Network
from reverie.process.randomness import generator, sub_seed
from reverie.samplers import Sampler, trajectory
from reverie.training.dataset import Batch, batch_indices

__all__ = ["Pool", "Trajectories"]

POOL, REUSE = 64, 4
"""Steps that a pool serves; how often each pair of it is seen."""
SHARD = 64
"""Pairs that are drawn together."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Pairs: states [levels, N, ...] at the levels, clean [N, ...], and the classes they were asked to be of, [N]."""

    states: Tensor
    clean: Tensor
    labels: Tensor | None


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Pairs of a teacher.

    Attributes:
        teacher: the frozen network.
        denoiser, sampler, grid: what samplers.trajectory takes; the denoiser is the teacher, maybe guided.
        levels: of the grid, those whose states are kept.
        shape: of one state.
        classes, dropout: how many classes there are, each asked for as often; the share that is asked for without any.
        seed, batch: pairs are a function of the seed; how many a step takes.
        device: where the teacher is.
    """

    teacher: Network
    denoiser: Denoiser
    sampler: Sampler
    grid: Sequence[float]
    levels: Sequence[float]
    shape: tuple[int, ...]
    seed: int
    batch: int
    classes: int = 0
    dropout: float = 0.0
    device: torch.device | str = "cpu"
    _kept: dict[int, Pool] = field(default_factory=dict, init=False, repr=False)

    def in_latents(self, coder: object, device: torch.device, most: int | None = None) -> Trajectories:
        """These: what the teacher makes are latents already, where it diffuses them."""
        return self

    def times(self) -> Tensor:
        """t of each example of a batch, each level in turn, int64 [batch]."""
        return torch.tensor(self.levels)[torch.arange(self.batch) % len(self.levels)]

    def drawn(self, step: int, rows: range) -> tuple[Batch, Tensor]:
        """Some examples of the batch of step 0, 1, ...: pictures, and the noise that takes each to its state."""
        number, within = divmod(step, POOL)
        pool = self.pool(number)
        chosen = batch_indices(sub_seed(self.seed, "pool", number), within, self.batch, len(pool.clean))[rows]
        at = torch.arange(rows.start, rows.stop) % len(self.levels)
        x_0, t = pool.clean[chosen], torch.tensor(self.levels)[at]
        noise = self.teacher.process.predict(pool.states[at, chosen], t, clean=x_0).noise
        return Batch(x_0, given=None if pool.labels is None else Labels(pool.labels[chosen])), noise

    def pool(self, number: int) -> Pool:
        """The pairs of steps POOL number, ...; the last that was asked for is kept."""
        if number not in self._kept:
            self._kept.clear()
            shards = range(-(-POOL * self.batch // (REUSE * SHARD)))
            states, clean, labels = zip(*(self._shard(number, shard) for shard in shards), strict=True)
            known = None if labels[0] is None else torch.cat(labels)
            self._kept[number] = Pool(torch.cat(states, 1), torch.cat(clean), known)
        return self._kept[number]

    def _shard(self, number: int, shard: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """States [levels, SHARD, ...], pictures and classes, on the CPU."""
        g = generator(self.seed, "trajectories", number, shard)
        x = torch.randn(SHARD, *self.shape, generator=g)
        labels = None
        if self.classes:
            labels = torch.randint(self.classes, (SHARD,), generator=g)
            labels = labels.masked_fill(torch.rand(SHARD, generator=g) < self.dropout, self.classes)
        states: list[Tensor] = []
        condition = None if labels is None else Labels(labels)
        for point in trajectory(self.denoiser, self.sampler, self.grid, x.to(self.device), condition=condition):
            x = point.x.cpu()
            if point.t in self.levels:
                states.append(x)
        return torch.stack(states), x, labels
