"""The update that trains a network to say in one call where the path of a frozen teacher ends, from a few levels of noise.

    loss = w_p mean (v-hat - v)^2 + w_s d(x_0-hat, x_0),        v the velocity of the pair (x_t, x_0) of a trajectory

The first is the plain loss but for the noise, which is that of the picture (trajectories.py). The second is a distance in
what the teacher sees (denoisers/seen.py): where a small network cannot know the whole path, it keeps it from answering with
a blur of all that would do. Both are least where each x_0-hat is the x_0 that the teacher comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from reverie.denoisers.network import Network
from reverie.denoisers.seen import distance
from reverie.process.loss import element_loss, masked_mean, target
from reverie.process.randomness import draw, generator, sub_seed
from reverie.training.blocks import BLOCK, Drawn, blocks_of
from reverie.training.dataset import Batch
from reverie.training.trajectories import Trajectories
from reverie.training.update import TrainingState
from reverie.training.updates.plain import PlainUpdate

__all__ = ["DistilledUpdate"]

PIXELS, SEEN = 1.0, 3.0
"""Weights of the two parts."""
NOISIEST = 0.5
"""Of T: up to there pictures are compared under noise; above, a network sees little of them."""


@dataclass(frozen=True, eq=False)
class DistilledUpdate(PlainUpdate):
    """Trains the module of a network, in place, which begins as the teacher's; the dataset is the teacher's trajectories."""

    dataset: Trajectories  # pyright: ignore[reportIncompatibleVariableOverride]

    def prepare(self, state: TrainingState) -> Iterable[str]:
        return ()

    @cached_property
    def stages(self) -> list[nn.Module]:
        """Of the teacher, those in which pictures are compared."""
        return self.dataset.teacher.module.stages  # pyright: ignore[reportReturnType]

    @cached_property
    def seeing(self) -> Network:
        """The teacher in the precision of training."""
        return replace(self.dataset.teacher, autocast=self.trained.autocast)

    def levels(self, step: int) -> Tensor:
        return self.dataset.times()

    def drawn(self, step: int, rows: range) -> Drawn:
        batch, noise = self.dataset.drawn(step, rows)
        starts = [block * BLOCK for block in blocks_of(rows)]
        sizes = [min(BLOCK, self.settings.batch - start) for start in starts]
        seeds = [sub_seed(self.dataset.seed, "dropout", step, start // BLOCK) for start in starts]
        ones = [torch.ones(size, dtype=torch.int64) for size in sizes]
        return Drawn(rows, batch, noise, None, tuple(zip(seeds, starts, ones, strict=True)))

    def terms(
        self, step: int, rows: range, part: Batch, t: Tensor, noise: Tensor, blend: Tensor | None
    ) -> tuple[dict[str, Tensor], Callable[[], dict[str, float]]]:
        process, kind = self.network.process, self.settings.predict
        prediction = self.trained(process.corrupt(part.x_0, t, noise), t, part.given)
        error = element_loss(prediction, target(process, part.x_0, noise, t, kind), kind)
        under, fresh = self._under(step, rows, part.x_0)
        seen = distance(self.seeing, self.stages, prediction.clean, part.x_0, under, fresh, part.given)
        return {"pixels": PIXELS * masked_mean(error), "seen": SEEN * seen}, dict

    def _under(self, step: int, rows: range, like: Tensor) -> tuple[Tensor, Tensor]:
        """The noise under which some examples of a batch are compared, and its levels."""
        g, settings = generator(self.dataset.seed, "seen", step), self.settings
        most = max(1, round(NOISIEST * self.network.process.schedule.most_steps))
        t = torch.randint(1, most + 1, (settings.batch,), generator=g)[rows.start : rows.stop]
        whole = draw(like.new_empty(settings.batch, *like.shape[1:]), g)
        return t, whole[rows.start : rows.stop]
