"""Records of which a part is given: holes are filled, visits are added, and what is given stays as it is.

p(holes | given) = p(statics' holes | given) p(visits' holes | given, statics)

A table is completed in blocks of BLOCK patients, in its order: a completed block is a function of (seed, draw, its number)
and of its own patients, so that anyone can make a part, in memory of a block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.denoisers.condition_mask import ConditionMask
from reverie.records.encoded import Records
from reverie.records.generate import RecordSampler, like_lengths
from reverie.records.intervals import REACH
from reverie.records.masks import MaskSampler, cells
from reverie.records.settling import reaching
from reverie.records.table import Table, last_rows, rows_after

__all__ = ["BLOCK", "Completer", "blocks", "longer", "stretches"]

BLOCK = 256
"""Patients completed together, with randomness of their own; few, so that the cores of one machine share a small table."""

Drawn = tuple[Tensor, Tensor]
"""Codes [B, N, C], and which of them are known."""


@dataclass(frozen=True, eq=False)
class Completer:
    """Completes the records of a table, or of a block of one, from new draws at each call."""

    sampler: RecordSampler
    table: Table

    def holes(self, randomness: torch.Generator) -> pl.DataFrame:
        """The table with a value drawn for every empty cell of a column that the model has learned."""
        decoded = self._each(self._fill_holes, randomness)
        schema = self.sampler.codec.schema
        return self.sampler.codec.filled(self.table.frame, decoded, [c.name for c in (*schema.static, *schema.varying)])[0]

    def future(self, visits: int, randomness: torch.Generator) -> pl.DataFrame:
        """A table made by `longer`, with times and values drawn for the last `visits` rows of each patient."""
        decoded = self._each(lambda records, r: self._draw_future(records, visits, r), randomness)
        new = last_rows(self.table.offsets, visits)
        schema = self.sampler.codec.schema
        names = [schema.time.name, *(column.name for column in schema.varying)]
        last = self.table.offsets[1:] - 1 - visits
        times, of = decoded[schema.time.name], np.repeat(np.arange(len(last)), self.table.lengths)
        moved = self.table.frame[schema.time.name].gather(last) - times.gather(last)  # not 0 where no such gap is ever made
        decoded = decoded.with_columns((times + moved.gather(of)).alias(schema.time.name))
        frame = self.table.frame.with_columns(
            pl.when(pl.Series(new)).then(decoded[name]).otherwise(pl.col(name)).alias(name) for name in names
        )
        fixed = dict.fromkeys(names, ~new)
        fixed |= {c.name: ~new | frame[c.name].is_not_null().to_numpy() for c in schema.static}
        return self.sampler.codec.kept(frame, fixed)

    def _each(self, complete: Callable[[Records, torch.Generator], Drawn], randomness: torch.Generator) -> pl.DataFrame:
        """The rows of all patients in the order of the table, decoded from completed records."""
        seen = replace(self.table, frame=reaching(self.sampler.codec, self.table.frame, randomness))
        encoded = self.sampler.codec.encode(seen, holes=True)
        lengths = torch.from_numpy(encoded.lengths)
        shape = (len(lengths), 1 + int(lengths.max()), encoded.channels)
        values, known = torch.zeros(shape), torch.zeros(shape, dtype=torch.bool)
        for chosen in like_lengths(lengths):
            codes, there = complete(encoded.records(chosen, randomness), randomness)
            values[chosen, : codes.shape[1]], known[chosen, : codes.shape[1]] = codes, there
        return self.sampler.codec.drawn(Records(values, known, lengths)).frame

    def _fill_holes(self, records: Records, randomness: torch.Generator) -> Drawn:
        """What is not known of values is asked; the network does not learn that it had not been measured.

        The draws are the network's own. Maps that put right how scores lie among all patients say nothing of how they lie
        around those given: with them the CRPS was 0.5 % higher.
        """
        N, codec = records.values.shape[1], self.sampler.codec
        sampler = replace(self.sampler, calibration=None)
        stage, flags = cells(codec.stage, N), cells(self._flags, N)
        present = torch.arange(N) <= records.visits[:, None]
        seen, values = records.known & ~flags, records.values
        if sampler.method is not None:  # a network that only makes whole records always sees what was measured: all was
            exists = codec.known(torch.where(flags, REACH, values), records.visits)
            values = torch.where(flags, codec.measured(values, randomness), values)
            seen = seen | (exists & cells(codec.channels_where(lambda field: field.part != "value"), N))
        for now in (1, 3):
            measured = torch.where(flags, REACH, values)  # as if everything had been, but where rules leave it empty
            asked = codec.known(measured, records.visits) & (stage == now) & ~seen
            noise = torch.randn(values.shape, generator=randomness)
            values = sampler.fill(ConditionMask(values, seen, asked, present), noise, randomness)
            seen = seen | asked
        return values, seen

    def _draw_future(self, records: Records, visits: int, randomness: torch.Generator) -> Drawn:
        """The first visits are given whole, with what was not measured at them; the rest is asked."""
        N = records.values.shape[1]
        past = torch.arange(N) <= (records.visits - visits)[:, None]
        noise = [torch.randn(records.values.shape, generator=randomness) for _ in range(2)]
        seen = records.known & (past[..., None] | cells(self._lasting, N))
        values = self.sampler.visits(torch.where(seen, records.values, 0.0), records.visits, noise, randomness, seen, past)
        known = self.sampler.codec.known(values, records.visits)
        return values, torch.where(past[..., None] | cells(self._lasting, N), seen, known)

    @cached_property
    def _lasting(self) -> Tensor:
        """bool [2, C]: what is said of the patient at every visit, so of those to come too."""
        codec = self.sampler.codec
        statics = {column.name for column in codec.schema.static}
        return codec.channels_where(lambda field: field.token == 1 and (field.part == "start" or field.column in statics))

    @cached_property
    def _flags(self) -> Tensor:
        return MaskSampler(self.sampler.codec).flags


def stretches(count: int) -> list[tuple[int, int]]:
    """The first patient of each block of so many, and the first after it."""
    return list(pairwise([*range(0, count, BLOCK), count]))


def blocks(table: Table) -> list[Table]:
    """The table cut into blocks of BLOCK patients, the last of what is left. They are views: their rows stand once."""
    parts = []
    for first, last in stretches(len(table)):
        offsets = table.offsets[first : last + 1]
        frame = table.frame[int(offsets[0]) : int(offsets[-1])]
        rows = None if table.rows is None else table.rows[offsets[0] : offsets[-1]]
        parts.append(replace(table, frame=frame, offsets=offsets - offsets[0], rows=rows))
    return parts


def longer(table: Table, visits: int) -> Table:
    """The table with `visits` more rows after each patient's last: the same statics, and nothing else known of them."""
    frame, schema = table.frame, table.schema
    kept = [c.name for c in schema.columns if c.role in ("identifier", "static") or c.same]
    last = table.offsets[1:] - 1
    order = rows_after(len(frame), last, visits)
    new = frame[np.repeat(last, visits)].with_columns(
        pl.lit(None, frame.schema[name]).alias(name) for name in frame.columns if name not in (*kept, schema.time.name)
    )
    # Any later time will do, for it is drawn: each is one unit after the one before.
    later = pl.Series(np.tile(np.arange(1, visits + 1), len(table)))
    time = new[schema.time.name]
    step = pl.duration(days=1) if schema.time.calendar else (schema.time.unit or 1.0)
    new = new.with_columns((pl.col(schema.time.name) + later * step).cast(time.dtype)).select(frame.columns)
    offsets = table.offsets + visits * np.arange(len(table) + 1)
    return Table(pl.concat([frame, new])[order], schema, table.name, table.fingerprint, offsets, table.notes)
