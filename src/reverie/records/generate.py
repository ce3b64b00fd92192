"""Records made stage by stage: the statics, when visits are and what is measured at them, then the values.

p(record) = p(statics) p(structure | statics) p(values | statics, structure)

Each factor is one run of the sampler with all that came before given, so a value that is not measured is never drawn, and
visits are drawn in batches of like lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reverie.denoisers.condition_mask import ConditionMask
from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.wrappers import Guided, check_guidance
from reverie.errors import UsageError
from reverie.process.randomness import generator
from reverie.records.calibration import Calibration
from reverie.records.codec import RecordCodec
from reverie.records.encoded import Records
from reverie.records.masks import cells
from reverie.records.settling import settled
from reverie.samplers import Sampler, sample
from reverie.samplers.posterior import Mask, Measurement, PosteriorSampler

__all__ = ["ROUNDS", "SHARD", "RecordSampler", "accepted", "like_lengths"]

SHARD = 2048
"""Patients made together, with randomness of their own: patient i is a function of (seed, i)."""
TOKENS, WORTH = 8192, 512
"""Tokens in one call of the network: at most, and at least before patients of another length are put with them."""
ROUNDS = 100
"""How many shards of statics are drawn for one shard of patients that must meet a condition."""


@dataclass(frozen=True, eq=False)
class RecordSampler:
    """Makes records.

    Attributes:
        denoiser: answers for records, see ConditionMask.
        codec: of the table.
        sampler, grid: how each stage is drawn.
        guidance: how strongly visits follow the statics: 1 as learned, above 1 more.
        calibration: puts right what is drawn, if there is one.
        method: how what is given of a stage is kept to by a network that was not trained to be given it; None for one that
            was.
    """

    denoiser: Denoiser
    codec: RecordCodec
    sampler: Sampler
    grid: Sequence[float]
    guidance: float = 1.0
    calibration: Calibration | None = None
    method: PosteriorSampler | None = None

    def __post_init__(self) -> None:
        check_guidance(self.guidance)

    def shard(
        self,
        number: int,
        rows: int,
        seed: int,
        given: Records | None = None,
        accept: Callable[[Tensor], Tensor] | None = None,
        last: int = 3,
    ) -> tuple[Records, int]:
        """The first `rows` of shard `number`, and how many patients were drawn to have a whole shard.

        Args:
            given: statics that are given, [SHARD, 1, C].
            accept: codes of statics [B, 1, C] -> bool [B], the patients to keep.
            last: the stage after which no more is drawn.

        Raises UsageError if hardly any patient is accepted.
        """
        statics, count = self._statics(number, seed, given, accept)
        visits = self.codec.visits(statics)
        ends = (1 + visits).cumsum(0)
        noise = [
            torch.randn(int(ends[-1]), statics.shape[-1], generator=generator(seed, "records", number, stage))
            for stage in (2, 3)
        ]
        starts = ends - 1 - visits
        longest = int(visits[:rows].max())
        values = torch.zeros(rows, 1 + longest, statics.shape[-1])
        for batch, chosen in enumerate(like_lengths(visits[:rows])):
            N = 1 + int(visits[chosen].max())
            place = starts[chosen, None] + torch.arange(N).clamp(max=visits[chosen, None])
            batch_values = torch.zeros(len(chosen), N, values.shape[-1])
            batch_values[:, :1] = statics[chosen]
            batch_values = self.visits(
                batch_values, visits[chosen], [x[place] for x in noise][: last - 1], generator(seed, "steps", number, batch)
            )
            values[chosen, :N] = batch_values
        known = self.codec.known(values, visits[:rows])
        return Records(values * known, known, visits[:rows]), count

    def visits(
        self,
        values: Tensor,
        visits: Tensor,
        noise: Sequence[Tensor],
        steps: torch.Generator,
        observed: Tensor | None = None,
        past: Tensor | None = None,
    ) -> Tensor:
        """Draws stages 2 and 3 of records [B, N, C] whose statics are there.

        Args:
            noise: the starting state of each of the two stages, [B, N, C]; of the first alone, or none, to draw no more.
            steps: of what stochastic samplers draw.
            observed: bool [B, N, C], the cells that are given; the statics if left out.
            past: bool [B, N], visits of which nothing is asked.
        """
        _, N, _ = values.shape
        stage = cells(self.codec.stage, N)
        present = torch.arange(N) <= visits[:, None]
        seen = self.codec.known(values, visits) & (stage < 2) if observed is None else observed
        for now, start in zip((2, 3), noise, strict=False):
            asked = self.codec.known(values, visits) & (stage == now) & ~seen
            if past is not None:
                asked &= ~past[..., None]
            values = self.fill(ConditionMask(values, seen, asked, present), start, steps)
            seen = seen | asked
        return values

    def fill(self, given: ConditionMask, noise: Tensor, steps: torch.Generator) -> Tensor:
        """The values [B, N, C] with the cells that are asked drawn."""
        if not given.target_mask.any():
            return given.values
        of_visits = self.guidance != 1 and bool(given.target_mask[:, 1:].any())
        denoiser = Guided(self.denoiser, self.guidance) if of_visits else self.denoiser
        start = noise * denoiser.process.schedule.prior_std
        if self.method is None:
            sampled = sample(denoiser, self.sampler, self.grid, start, steps, given)
        else:
            sampled = self._guided(self.method, denoiser, given, start, steps)
        values = torch.where(given.target_mask, sampled, given.values)
        return (
            self.calibration(values, given.target_mask, given.target_mask | given.observed_mask)
            if self.calibration
            else values
        )

    def _guided(
        self, method: PosteriorSampler, denoiser: Denoiser, given: ConditionMask, noise: Tensor, steps: torch.Generator
    ) -> Tensor:
        """Draws of a stage as a whole, of which what is given is a measurement: y = x_0 where it is observed."""
        stage = cells(self.codec.stage, given.values.shape[1])
        seen = given.observed_mask & (stage == int(torch.where(given.target_mask, stage, -1).max()))
        if not bool(given.target_mask[:, :1].any()):  # without stages token 0 counts with the visits, and is not made
            seen = seen & (torch.arange(len(stage)) > 0)[:, None]
        whole = replace(given, observed_mask=given.observed_mask & ~seen, target_mask=given.target_mask | seen)
        measurement = Measurement(Mask(seen), torch.where(seen, given.values, 0.0))
        sampler = None if method.steps_itself else self.sampler
        return method.sample(denoiser, measurement, self.grid, noise, steps, whole, sampler=sampler)

    def _statics(
        self, number: int, seed: int, given: Records | None, accept: Callable[[Tensor], Tensor] | None
    ) -> tuple[Tensor, int]:
        """Codes of the statics [SHARD, 1, C] of one shard, and how many were drawn up to the last of them."""

        def draw(attempt: int) -> Tensor:
            values = self._draw_statics(generator(seed, "statics", number, attempt), given)
            fixed = torch.zeros_like(values, dtype=torch.bool) if given is None else given.known
            return settled(self.codec, values, fixed)

        return accepted(draw, SHARD, accept)

    def _draw_statics(self, randomness: torch.Generator, given: Records | None) -> Tensor:
        channels = self.codec.stage.shape[1]
        values = torch.zeros(SHARD, 1, channels) if given is None else given.values
        seen = torch.zeros(SHARD, 1, channels, dtype=torch.bool) if given is None else given.known
        stage, present = self.codec.stage[None, :1], torch.ones(SHARD, 1, dtype=torch.bool)
        nobody = torch.zeros(SHARD, dtype=torch.long)  # visits that a static cell could hang on
        for now in (0, 1):
            asked = self.codec.known(values, nobody) & (stage == now) & ~seen
            noise = torch.randn(SHARD, 1, channels, generator=randomness)
            question = ConditionMask(values, seen, asked.expand_as(seen), present)
            values = self.fill(question, noise, randomness)
            seen = seen | asked
        return values


def accepted(draw: Callable[[int], Tensor], size: int, accept: Callable[[Tensor], Tensor] | None) -> tuple[Tensor, int]:
    """The first `size` of the patients drawn who are accepted, and how many were drawn up to the last of them.

    Args:
        draw: attempt -> `size` patients.
        accept: patients -> bool [size]; all where there is none.

    Raises UsageError if hardly any patient is accepted.
    """
    kept: list[Tensor] = []
    for attempt in range(ROUNDS):
        values = draw(attempt)
        fits = torch.ones(size, dtype=torch.bool) if accept is None else accept(values)
        wanted = size - sum(map(len, kept))
        kept.append(values[fits])
        if len(kept[-1]) >= wanted:
            last = int(fits.nonzero()[wanted - 1]) + 1
            return torch.cat(kept)[:size], attempt * size + last
    raise UsageError(
        f"of {ROUNDS * size:,} patients drawn only {sum(map(len, kept))} met the condition, too few to go on: loosen it, "
        "or state it as an equality (column=level), which needs no rejection."
    )


def like_lengths(visits: Tensor) -> Iterator[Tensor]:
    """Indices of patients in batches of like lengths: at most TOKENS tokens (or one patient), all of one length where that
    makes a batch worth a call of its own, for then there is nothing to pad."""
    order = torch.argsort(visits, stable=True)
    lengths = visits[order].tolist()
    first = 0
    for last in range(1, len(lengths)):
        grown = (last + 1 - first) * (1 + lengths[last]) > TOKENS
        changed = lengths[last] != lengths[last - 1] and (last - first) * (1 + lengths[first]) >= WORTH
        if grown or changed:
            yield order[first:last]
            first = last
    yield order[first:]
