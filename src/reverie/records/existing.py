"""Which cells of a record exist: what is absent is known before values are drawn, and is never drawn.

    a visit                         up to the number of visits
    the gap before it               from the second on
    a value                         where its flag says that it was measured; of a static in visits, the mean of its flags
    one that follows from others    at the first visit alone, where later ones follow from that (rules/deriving.py)
    one that another column closes  where asked_if says that it may be (emptiness.py)

Without stages a flag is drawn together with its value, and decides at writing (writing.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from reverie.records.layout import Field
from reverie.records.schema import ANY, EMPTY

if TYPE_CHECKING:
    from reverie.records.codec import RecordCodec

__all__ = ["existing"]


def existing(codec: RecordCodec, values: Tensor, visits: Tensor) -> Tensor:
    """bool [B, N, C]: the cells that exist, given the structure in records [B, N, C] with `visits` [B]."""
    place = torch.arange(values.shape[1], device=values.device)
    exists = place <= visits.to(values.device)[:, None]
    has = (codec.stage >= 0).to(values.device)
    known = torch.where((place == 0)[:, None], has[0], has[1]) & exists[..., None]
    if not codec.settings.stages:
        return known
    for field in codec.fields:
        tokens = field.tokens
        if field.part == "gap":
            known[:, 1:2, list(field.channels)] = False
        elif field.part == "measured":
            z = values[:, tokens, field.channels[0]].double()
            if _of_patient(codec, field):
                weight = exists[:, tokens]
                z = ((z * weight).sum(1) / weight.sum(1).clamp(min=1))[:, None].expand_as(z)
            yes = z >= float(codec.codes[field.name].cuts[0])  # pyright: ignore[reportAttributeAccessIssue]
            for channel in codec.named[f"value:{field.column}"].channels:
                known[:, tokens, channel] &= yes
    later = {one.column for one in codec.derived if one.later}
    for field in codec.fields:
        if field.column in later:
            known[:, 2:, list(field.channels)] = False
    for channels, may in _open_visits(codec, values):
        known[:, 1:, list(channels)] &= may[..., None]
    return known


def _of_patient(codec: RecordCodec, field: Field) -> bool:
    """Whether a field of visits says something of the patient, the same at each."""
    return field.token == 1 and (field.part == "start" or field.column in {c.name for c in codec.schema.static})


def _open_visits(codec: RecordCodec, values: Tensor) -> Iterator[tuple[tuple[int, ...], Tensor]]:
    """What rules say of visits before their values are made: channels, and at which visits of records [B, N, C] they may be.

    Bool [B, N - 1]. These are the rules that follow a static, or whether something was measured; others hold at writing.
    """
    for column in codec.schema.varying:
        for gate, levels in column.asked_if.items():
            measured, value = codec.named.get(f"measured:{gate}"), codec.named.get(f"value:{gate}")
            if value is None or f"value:{column.name}" not in codec.named:
                continue
            static = codec.schema[gate].role == "static"
            here = values[:, :1] if static else values[:, 1:]
            there = torch.ones(here.shape[:2], dtype=torch.bool, device=values.device)
            if measured is not None:
                there = here[..., measured.channels[0]].double() >= float(codec.codes[measured.name].cuts[0])  # pyright: ignore
            may = there
            if ANY not in levels:
                if not static:
                    continue
                level = codec.codes[value.name].level(value.scores(here[:, 0]))  # pyright: ignore[reportAttributeAccessIssue]
                names = np.array([name in levels for name in codec.schema[gate].levels])
                may = there & torch.from_numpy(names[level]).to(values.device)[:, None]
            yield codec.named[f"value:{column.name}"].channels, may | ~there if EMPTY in levels else may
