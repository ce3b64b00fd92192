"""Scores -> the columns of a table: the way back of the codec."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.records.dtypes import framed
from reverie.records.encoded import Decoded, Records
from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.layout import Field

if TYPE_CHECKING:
    from reverie.records.codec import RecordCodec

__all__ = ["Scores", "Writer", "renewed"]

_MIXING = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 0x9E3779B97F4A7C15))
"""Shifts and odd factors by which the bits of a number come to depend on all of it (Steele, Lea and Flood, 2014)."""


@dataclass(frozen=True, eq=False)
class Writer:
    """What scores say, in the terms of a codec."""

    codec: RecordCodec

    def table(self, scores: Scores, first: int, first_row: int) -> Decoded:
        """The columns of the source in its order, and how many values of each were moved to a bound.

        Args:
            first, first_row: the numbers of the first patient and of the first row.
        """
        clipped, columns = {}, []
        for column in self.codec.schema.columns:
            dtype = self.codec.types[column.name]
            if column.role == "time":
                cells = column.write(self._times(scores), None, dtype)
            elif column.modelled:
                cells, moved = self._column(column, scores)
                clipped |= {column.name: moved} if column.numeric else {}
                cells = cells.gather(scores.patient) if column.role == "static" else cells
            elif column.role == "varying":
                cells = renewed(column, dtype, first_row, len(scores.patient))
            else:
                cells = renewed(column, dtype, first, len(scores.visits)).gather(scores.patient)
            columns.append(cells.alias(column.name))
        return Decoded(framed(columns), clipped)

    def statics(self, records: Records) -> pl.DataFrame:
        """Only what is modelled once a patient, one row each."""
        scores = Scores.of(records)
        return framed(self._column(column, scores)[0].alias(column.name) for column in self.codec.schema.static)

    def _times(self, scores: Scores) -> Floats:
        clock, rows, patients = self.codec.visit_times, len(scores.patient), len(scores.visits)
        starts = self._cells("start", scores) if clock.start is None else np.full(patients, clock.start)
        steps = self._cells("gap", scores) if clock.gap is None else np.full(rows, clock.gap)
        return clock.times(starts, steps, scores.visits)

    def _cells(self, name: str, scores: Scores) -> Floats:
        return self.codec.codes[name].cells(scores.cells(self.codec.named[name], name == "start")[0])

    def _column(self, column: Column, scores: Scores) -> tuple[pl.Series, int]:
        """The cells of a modelled column, one a patient or one a visit, and how many were moved to a bound."""
        patient, codes, dtype = column.role == "static", self.codec.codes, self.codec.types[column.name]
        value, flag = f"value:{column.name}", f"measured:{column.name}"
        if value not in codes:  # it follows from others, see rules/deriving.py
            return column.renew(dtype, 1, len(scores.visits if patient else scores.patient)), 0
        z, known = scores.cells(self.codec.named[value], patient)
        if flag in codes and (not self.codec.settings.stages or not z.shape[1]):
            y, sure = scores.cells(self.codec.named[flag], patient)  # what is asked for says not whether it was measured
            known = known & ((codes[flag].cells(y) == 1) | ~sure)
        return column.write(codes[value].cells(z), ~known, dtype), codes[value].clipped(z[known])


def renewed(column: Column, dtype: pl.DataType, first: int, count: int) -> pl.Series:
    """The cells of rows (or patients) first, first + 1, ... of a column that is not learned, as often empty as in the
    source: which are is a function of the number and of the column's name, as their values are."""
    cells = column.renew(dtype, first, count)
    if not column.missing or column.role == "identifier":
        return cells
    start = (zlib.crc32(column.name.encode()) << 32) + first
    number = np.arange(start, start + count, dtype=np.uint64)
    for shift, factor in _MIXING:
        number = (number ^ (number >> np.uint64(shift))) * np.uint64(factor)
    kept = pl.Series((number >> np.uint64(11)) * 2.0**-53 >= column.missing)
    return pl.select(pl.when(kept).then(cells)).to_series()


class Scores:
    """The scores of records by patient and by row.

    Args:
        visits: int [B].
        statics, rows: (scores [n, C], which are known [n, C]) of the static tokens and of the visits, those of a patient one
            after the other.
    """

    def __init__(self, visits: Tensor, statics: tuple[Tensor, Tensor], rows: tuple[Tensor, Tensor]) -> None:
        self.visits = visits.detach().cpu().numpy()
        self.patient = np.repeat(np.arange(len(self.visits)), self.visits)
        (static, static_known), (row, row_known) = ([x.detach().cpu().numpy() for x in pair] for pair in (statics, rows))
        self.values = [np.ascontiguousarray(x.T) for x in (static, row)]
        self.is_known = [np.ascontiguousarray(x.T) for x in (static_known, row_known)]

    @classmethod
    def of(cls, records: Records) -> Scores:
        """Of padded records."""
        values, known, visits = records.values, records.known, records.visits
        present = torch.arange(values.shape[1] - 1) < visits.cpu()[:, None]
        rows = values[:, 1:].cpu()[present], known[:, 1:].cpu()[present]
        return cls(visits, (values[:, 0], known[:, 0]), rows)

    def cells(self, field: Field, patient: bool) -> tuple[Floats, np.ndarray]:
        """Scores [n, channels] and whether they are known [n]; of a static that stands in visits, the mean over them."""
        channels = list(field.channels)
        z = self.values[field.token][channels].astype(np.float64)
        known = np.logical_and.reduce(self.is_known[field.token][channels], axis=0)
        if patient and field.token == 1 and len(self.visits):
            first = np.cumsum(self.visits) - self.visits
            z = np.add.reduceat(z, first, axis=1) / self.visits
            known = known[first]
        return z.T, known
