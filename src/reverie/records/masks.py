"""What a network of records is asked in training, so that one network generates, completes, forecasts and is conditioned.

A record is made in stages, each given what came before:

    0  statics, structure   number of visits, which statics are known
    1  statics, values
    2  visits, structure    gaps between visits, what is measured at each
    3  visits, values

so what is absent is known before values are drawn, and is held at 0 instead of being drawn too. Each example asks for one
stage, and receives

    generate   the stages before, and some of the statics (a condition)
    forecast   the stages before, and all of the first visits
    complete   cells at random and when the visits were, but not what was measured
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from reverie.denoisers.condition_mask import ConditionMask
from reverie.records.codec import RecordCodec
from reverie.records.encoded import Records

__all__ = ["MaskSampler", "cells", "whole"]

STAGES = (0.15, 0.15, 0.25, 0.45)
"""How often each stage is asked, where the table has all four."""
GENERATE, FORECAST = 0.4, 0.15
"""Share of examples; the rest completes."""
MOST = 4.0
"""A cell that is asked for counts as many times as its record has cells of the stage for one that is asked, up to this: else
a record of which little is hidden would hardly count, and holes in it are what is filled most."""
UNGUIDED = 0.1
"""Share of questions about visits that do not receive the statics, so that guidance has something to compare with."""

BLUR = 0.3
"""Deviation of the noise on statics that are given to questions about visits (conditioning augmentation, Ho et al. 2022):
one patient's exact age and dates would name that patient, and the network would memorise the visits."""


def cells(table: Tensor, tokens: int) -> Tensor:
    """[2, C], something said of the channels of the static token and of a visit, for every cell of a record: [N, C]."""
    return torch.cat([table[:1], table[1:].expand(tokens - 1, -1)])


@dataclass(frozen=True, eq=False)
class MaskSampler:
    """Draws a question for each record of a batch."""

    codec: RecordCodec

    @cached_property
    def stages(self) -> Tensor:
        """The stages that this table has, rising."""
        return torch.tensor(sorted(set(self.codec.stage.flatten().tolist()) - {-1}))

    @cached_property
    def flags(self) -> Tensor:
        """bool [2, C]: what is measured."""
        return self.codec.channels_where(lambda field: field.part == "measured")

    @cached_property
    def frame(self) -> Tensor:
        """bool [2, C]: when the visits were, and how many."""
        return self.codec.channels_where(lambda field: field.part in ("visits", "start", "gap"))

    def draw(self, records: Records, generator: torch.Generator) -> ConditionMask:
        """The question [B, N, C]; visits that it does not need are not present."""
        (B, N, C), known = records.values.shape, records.known

        def rand(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=generator)

        def stratified() -> Tensor:  # so that every batch has each kind in its share
            return ((torch.randperm(B, generator=generator) + rand(B)) / B)[:, None, None]

        share = torch.tensor(STAGES)[self.stages]
        asked_stage = self.stages[torch.bucketize(stratified() * share.sum(), share.cumsum(0)[:-1])]
        mode = stratified()
        complete = (mode >= GENERATE + FORECAST) & (asked_stage > 0)  # who has all visits does not ask how many there are
        generate = (mode < GENERATE) | ((mode >= GENERATE + FORECAST) & ~complete)
        stage, flags, frame = (cells(table, N) for table in (self.codec.stage, self.flags, self.frame))
        static, of_statics = (torch.arange(N) == 0)[None, :, None], asked_stage < 2
        before, asked = stage < asked_stage, known & (stage == asked_stage)
        some = rand(B, N, C) < rand(B, 1, 1)
        # How many first visits are given. A question of how many there are in all must not receive fewer because they are
        # few, or short records would seem the rule: the number is drawn alike for all, and who has not as many asks nothing.
        given_visits = torch.where(
            asked_stage[:, 0, 0] == 0, max(N - 1, 1) ** rand(B), rand(B) * (records.visits + 1)
        ).long()[:, None, None]
        first = torch.arange(N)[None, :, None] <= given_visits
        asked = asked & (generate | complete | (given_visits <= records.visits[:, None, None]))
        condition = static & some & of_statics & (rand(B, 1, 1) < 0.5)
        holes = torch.where(asked_stage == 2, before, (some & ~flags) | (before & static & ~flags & ~of_statics)) | frame
        observed = known & torch.where(
            generate, before | condition, torch.where(complete, holes, before | (first & ~static))
        )
        observed &= ~(static & ~of_statics & (rand(B, 1, 1) < UNGUIDED))
        asked = asked & ~observed
        seen = (
            (observed | asked).any(-1).int().flip(1).cummax(1).values.flip(1).bool()
        )  # up to the last of which anything is
        exists = torch.arange(N) <= records.visits[:, None]
        present = exists & (seen | ~of_statics[..., 0])
        present[:, 0] = True
        blur = BLUR * torch.randn(B, N, C, generator=generator) * (static & (stage == 1) & ~of_statics)
        return ConditionMask(torch.where(observed, records.values + blur, 0.0), observed, asked, present)

    def weights(self, records: Records, given: ConditionMask) -> Tensor:
        """How much each cell asked for counts, float32 [B, N, C]; see MOST."""
        stage = cells(self.codec.stage, given.target_mask.shape[1])
        asked_stage = torch.where(given.target_mask, stage, -1).amax((1, 2), keepdim=True)
        could = (records.known & (stage == asked_stage)).sum((1, 2), keepdim=True)
        return given.target_mask * (could / given.target_mask.sum((1, 2), keepdim=True).clamp(min=1)).clamp(1.0, MOST)


def whole(records: Records) -> ConditionMask:
    """The question of a network that only makes whole visits: everything known of them is asked, nothing is given."""
    asked = records.known.clone()
    asked[:, 0] = False
    present = torch.arange(asked.shape[1]) <= records.visits[:, None]
    return ConditionMask(torch.zeros_like(records.values), torch.zeros_like(asked), asked, present)
