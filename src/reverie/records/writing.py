"""Scores -> the columns of a table: the way back of the codec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from reverie.records.codes import Code, CodecSettings
from reverie.records.encoded import Decoded, Records
from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.layout import Field
from reverie.records.schema import Schema
from reverie.records.visit_times import VisitTimes

__all__ = ["Writer"]


@dataclass(frozen=True, eq=False)
class Writer:
    """What is fitted to a table, and what is told by scores in its terms; see RecordCodec for what each is."""

    schema: Schema
    settings: CodecSettings
    types: Mapping[str, pl.DataType]
    clock: VisitTimes
    codes: Mapping[str, Code]
    fields: tuple[Field, ...]

    def table(self, records: Records, first: int, first_row: int) -> Decoded:
        """The columns of the source in its order, and how many values of each were moved to a bound.

        Args:
            first, first_row: the numbers of the first patient and of the first row.
        """
        scores, clipped, columns = _Scores(records), {}, []
        for column in self.schema.columns:
            dtype = self.types[column.name]
            if column.role == "time":
                cells = column.write(self._times(scores), None, dtype)
            elif column.modelled:
                cells, moved = self._column(column, scores)
                clipped |= {column.name: moved} if column.numeric else {}
                cells = cells.gather(scores.patient) if column.role == "static" else cells
            elif column.role == "varying":
                cells = column.renew(dtype, first_row, len(scores.patient))
            else:
                cells = column.renew(dtype, first, len(scores.visits)).gather(scores.patient)
            columns.append(cells.alias(column.name))
        return Decoded(pl.DataFrame(columns), clipped)

    def statics(self, records: Records) -> pl.DataFrame:
        """Only what is modelled once a patient, one row each."""
        scores = _Scores(records)
        return pl.DataFrame([self._column(column, scores)[0].alias(column.name) for column in self.schema.static])

    def _times(self, scores: _Scores) -> Floats:
        clock, rows, patients = self.clock, len(scores.patient), len(scores.visits)
        starts = self._told("start", scores) if clock.start is None else np.full(patients, clock.start)
        steps = self._told("gap", scores) if clock.gap is None else np.full(rows, clock.gap)
        return clock.times(starts, steps, scores.visits)

    def _told(self, name: str, scores: _Scores) -> Floats:
        return self.codes[name].cells(scores.of(self._field(name), name == "start")[0])

    def _field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def _column(self, column: Column, scores: _Scores) -> tuple[pl.Series, int]:
        """The cells of a modelled column, one a patient or one a visit, and how many were moved to a bound."""
        patient = column.role == "static"
        if f"value:{column.name}" not in self.codes:  # it follows from others, see rules/deriving.py
            return column.renew(self.types[column.name], 1, len(scores.visits if patient else scores.patient)), 0
        z, known = scores.of(self._field(f"value:{column.name}"), patient)
        flag = f"measured:{column.name}"
        if flag in self.codes and (not self.settings.stages or not z.shape[1]):
            told, said = scores.of(self._field(flag), patient)  # what is asked for is not told whether it was measured
            known = known & ((self.codes[flag].cells(told) == 1) | ~said)
        code = self.codes[f"value:{column.name}"]
        return column.write(code.cells(z), ~known, self.types[column.name]), code.clipped(z[known])


class _Scores:
    """The scores of records by patient and by row."""

    def __init__(self, records: Records) -> None:
        values, known = (x.detach().cpu().numpy() for x in (records.values, records.known))
        self.visits = records.visits.detach().cpu().numpy()
        self.patient = np.repeat(np.arange(len(values)), self.visits)
        present = np.arange(values.shape[1] - 1) < self.visits[:, None]
        self.values = [np.ascontiguousarray(x.T) for x in (values[:, 0], values[:, 1:][present])]
        self.is_known = [np.ascontiguousarray(x.T) for x in (known[:, 0], known[:, 1:][present])]

    def of(self, field: Field, patient: bool) -> tuple[Floats, np.ndarray]:
        """Scores [n, channels] and whether they are known [n]; of a static that stands in visits, the mean over them."""
        channels = list(field.channels)
        z = self.values[field.token][channels].astype(np.float64)
        known = np.logical_and.reduce(self.is_known[field.token][channels], axis=0)
        if patient and field.token == 1 and len(self.visits):
            first = np.cumsum(self.visits) - self.visits
            z = np.add.reduceat(z, first, axis=1) / self.visits
            known = known[first]
        return z.T, known
