"""Records made as series: the number of visits from the table, then all that is said of every visit at once.

p(record) = p(number of visits) p(visits | their number)

For networks that are given nothing of a record, as the published clinical recipe (Health Gym v3). Its numbers are encoded
to [-1, 1] and end there: what a network draws beyond is clipped and counted by the codec, or, as published, such a patient
is drawn again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from reverie.denoisers.denoiser import Denoiser
from reverie.errors import UsageError
from reverie.process.randomness import generator
from reverie.records.boxcox import BoxCox
from reverie.records.codec import RecordCodec
from reverie.records.encoded import Records
from reverie.records.generate import like_lengths
from reverie.records.masks import cells, whole
from reverie.samplers import Sampler, sample

__all__ = ["SHARD", "TRIES", "SeriesSampler"]

SHARD = 50
"""Patients made together, with randomness of their own; few, for each takes long and every thread should have some."""
TRIES = 20
"""How many patients are drawn for each that is wanted before rejection gives up: the published 20 batches."""


@dataclass(frozen=True, eq=False)
class SeriesSampler:
    """Makes records.

    Attributes:
        denoiser: answers for the visits of records, see ConditionMask.
        codec: of the table, made without stages.
        sampler, grid: how visits are drawn.
        reject: draw patients again that have a number outside [-1, 1], instead of leaving it to be clipped.
    """

    denoiser: Denoiser
    codec: RecordCodec
    sampler: Sampler
    grid: Sequence[float]
    reject: bool = False

    def shard(self, number: int, rows: int, seed: int) -> tuple[Records, int]:
        """The first `rows` of shard `number`, and how many patients were drawn to have a whole shard.

        A patient that is drawn again keeps its number of visits, so that long records are not lost more often than short.

        Raises UsageError if hardly any patient stays inside [-1, 1].
        """
        channels = self.codec.channels
        scores = torch.randn(SHARD, 1, channels, generator=generator(seed, "statics", number))
        scores = scores * (self.codec.stage[:1] >= 0)  # all that stands in token 0 is the number of visits, a normal score
        visits = self.codec.visits(scores)
        values = torch.zeros(SHARD, 1 + int(visits.max()), channels)
        values[:, :1] = scores
        left, count, attempt = torch.arange(SHARD), 0, 0
        while len(left):
            if count + len(left) > TRIES * SHARD:
                raise UsageError(
                    f"of {count} patients drawn only {SHARD - len(left)} have all numbers inside [-1, 1], too few to go on: "
                    "train longer, or sample without reject, which clips them."
                )
            noise = torch.randn(SHARD, values.shape[1], channels, generator=generator(seed, "series", number, attempt))
            for batch, chosen in enumerate(like_lengths(visits[left])):
                these, randomness = left[chosen], generator(seed, "steps", number, attempt, batch)
                N = 1 + int(visits[these].max())
                values[these, :N] = self._visits(values[these, :N], visits[these], noise[these, :N], randomness)
            count, attempt = count + len(left), attempt + 1
            left = left[self.outside(values[left], visits[left])] if self.reject else left[:0]
        values, visits = values[:rows], visits[:rows]
        known = self.codec.known(values, visits)
        return Records(values * known, known, visits), count

    def outside(self, values: Tensor, visits: Tensor) -> Tensor:
        """bool [B]: the records [B, N, C] with a number outside [-1, 1], float32's rounding forgiven."""
        there = cells(self._bounded, values.shape[1]) & self.codec.known(values, visits)
        return ((values.abs() > 1 + 1e-6) & there).flatten(1).any(1)

    @cached_property
    def _bounded(self) -> Tensor:
        """bool [2, C]: the channels whose codes end at [-1, 1]."""
        return self.codec.channels_where(lambda field: isinstance(self.codec.codes[field.name], BoxCox))

    def _visits(self, values: Tensor, visits: Tensor, noise: Tensor, steps: torch.Generator) -> Tensor:
        """The records [B, N, C] with their visits drawn, asked for as in training."""
        given = whole(Records(values, self.codec.known(values, visits), visits))
        start = noise * self.denoiser.process.schedule.prior_std
        sampled = sample(self.denoiser, self.sampler, self.grid, start, steps, given)
        return torch.where(given.target_mask, sampled, values)
