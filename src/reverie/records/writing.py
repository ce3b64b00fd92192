"""Scores -> the columns of a table: the way back of the codec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from reverie.records.cells import of_levels, of_numbers, typed
from reverie.records.encoded import Records
from reverie.records.intervals import Floats
from reverie.records.layout import Field
from reverie.records.levels import Thresholds
from reverie.records.patterns import new_values
from reverie.records.schema import Column

if TYPE_CHECKING:
    from reverie.records.codec import RecordCodec

__all__ = ["write"]


def write(
    codec: RecordCodec, records: Records, first: int, first_row: int, only_statics: bool = False
) -> tuple[list[pl.Series], dict[str, int]]:
    """The columns of the source in its order (or only what is modelled once a patient), and the clipped values of each."""
    scores, clipped = _Scores(codec, records), {}
    schema, columns = codec.schema, []
    names = {c.name for c in schema.static} if only_statics else set(schema.names)
    for column in schema.columns:
        if column.name not in names:
            continue
        if column.role == "identifier":
            cells = _numbered(column, codec.types[column.name], first, len(scores.visits)).gather(scores.patient)
        elif column.role == "time":
            cells = of_numbers(scores.times(), None, column, codec.types[column.name])
        elif column.modelled:
            cells, moved = scores.column(column)
            if column.numeric:
                clipped[column.name] = moved
            if column.role == "static" and not only_statics:
                cells = cells.gather(scores.patient)
        else:
            cells = scores.unmodelled(column, first, first_row)
        columns.append(cells.alias(column.name))
    return columns, clipped


class _Scores:
    """The scores of records by patient and by row."""

    def __init__(self, codec: RecordCodec, records: Records) -> None:
        values, known = (x.detach().cpu().numpy() for x in (records.values, records.known))
        self.codec = codec
        self.visits = records.visits.detach().cpu().numpy()
        self.fields = {field.name: field for field in codec.fields}
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

    def times(self) -> Floats:
        clock = self.codec.clock
        rows, patients = len(self.patient), len(self.visits)
        starts = self._number("start", True) if clock.start is None else np.full(patients, clock.start)
        steps = self._number("gap", False) if clock.gap is None else np.full(rows, clock.gap)
        return clock.times(starts, steps, self.visits)

    def _number(self, name: str, patient: bool) -> Floats:
        z, _ = self.of(self.fields[name], patient)
        return self.codec.codes[name].from_score(z[:, 0])  # pyright: ignore[reportAttributeAccessIssue]

    def column(self, column: Column) -> tuple[pl.Series, int]:
        """The cells of a modelled column, one a patient or one a visit, and how many were moved to a bound."""
        patient, dtype = column.role == "static", self.codec.types[column.name]
        z, known = self.of(self.fields[f"value:{column.name}"], patient)
        flag = self.fields.get(f"measured:{column.name}")
        if flag is not None and (not self.codec.settings.stages or not z.shape[1]):
            told = self.codec.codes[flag.name]
            assert isinstance(told, Thresholds)
            known = known & (told.level(self.of(flag, patient)[0]) == 1)
        code = self.codec.codes[f"value:{column.name}"]
        if column.numeric:
            moved = code.clipped(z[known, 0])  # pyright: ignore[reportAttributeAccessIssue]
            return of_numbers(code.from_score(z[:, 0]), ~known, column, dtype), moved  # pyright: ignore[reportAttributeAccessIssue]
        return of_levels(code.level(z), ~known, column, dtype), 0  # pyright: ignore[reportAttributeAccessIssue]

    def unmodelled(self, column: Column, first: int, first_row: int) -> pl.Series:
        """Constant, empty or text cells, or new numbers, one a row."""
        dtype, rows = self.codec.types[column.name], len(self.patient)
        if column.kind == "constant":
            return typed((column.value or "",), dtype).new_from_index(0, rows)
        if column.pattern:
            static = column.role == "static"
            count, start = (len(self.visits), first) if static else (rows, first_row)
            cells = typed(tuple(new_values(column.pattern, column.taken, column.name, start, count)), dtype)
            return cells.gather(self.patient) if static else cells
        if column.kind != "number":
            return pl.Series([None], dtype=dtype).new_from_index(0, rows)
        if column.role == "static":
            return _numbered(column, dtype, first, len(self.visits)).gather(self.patient)
        return _numbered(column, dtype, first_row, rows)


def _numbered(column: Column, dtype: pl.DataType, first: int, count: int) -> pl.Series:
    """first, first + 1, ..., in a type; as text of an identifier "P000001", else "1"."""
    numbers = pl.Series(np.arange(first, first + count))
    if dtype.is_numeric():
        return numbers.cast(dtype)
    text = numbers.cast(pl.String)
    text = "P" + text.str.zfill(6) if column.role == "identifier" else text
    return text.cast(dtype, strict=False)
