"""What a codec is fitted from, gathered part by part: counts of every column, and what holds without exception.

    parts of a table, each with whole patients -> Gathering.add, once each, in any order -> RecordCodec.gathered

A table in memory is one part, so both ways are one. Memory is that of one part and of the counts (counts.py).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.records.codes import Code, CodecSettings
from reverie.records.counts import Counting, Counts
from reverie.records.dtypes import dtype_name, dtype_named
from reverie.records.emptiness import sure
from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.layout import parts
from reverie.records.levels import OrderedProbit
from reverie.records.rounding import on_grid
from reverie.records.rules import Rows, Rules
from reverie.records.rules.deriving import Derivation, Deriving
from reverie.records.schema import Schema
from reverie.records.table import Table
from reverie.records.table_cells import cells_of
from reverie.records.transforms import NormalScore
from reverie.records.visit_times import VisitTimes

__all__ = ["Gathering"]


class Gathering:
    """What was seen of the patients that a codec is fitted to.

    Attributes:
        schema: of the table, true of all of its rows.
        settings: how cells become scores.
        types: polars' type of each column.
    """

    def __init__(self, schema: Schema, settings: CodecSettings) -> None:
        self.schema, self.settings = schema, settings
        self.types: dict[str, pl.DataType] = {}
        self._deriving = Deriving(Rules.of(schema) if settings.stages else ())
        self._counts: dict[str, Counting] = defaultdict(Counting)
        self._firsts: dict[str, Counting] = defaultdict(Counting)
        self._sure = {column.name for column in schema.varying}

    def add(self, part: Table) -> None:
        """Another part of the table; one without a patient changes nothing."""
        if not len(part):
            return
        schema, frame = self.schema, part.frame
        self.types = self.types or {name: dtype_named(dtype_name(dtype)) for name, dtype in frame.schema.items()}
        self._deriving.add(Rows.of(frame, schema))
        first = np.zeros(len(frame), dtype=bool)
        first[part.offsets[:-1]] = True
        for name, kind, column, x in cells_of(part, schema, schema.time.step, ()):
            values = x[~np.isnan(x)]
            if kind == "value" and column is not None:
                self._counts[name].add(column.rounded(values))
                if column.name in self._deriving.later:
                    x = x[first] if len(x) == len(first) else x
                    self._firsts[name].add(column.rounded(x[~np.isnan(x)]))
            else:
                self._counts[name].add(values)
        self._sure = {name for name in self._sure if sure(part, schema[name])}

    def derived(self) -> tuple[Derivation, ...]:
        """The columns that follow from others, each after those that it needs."""
        return self._deriving.derivations(self.schema)

    def visit_times(self) -> VisitTimes:
        """What is constant about time."""
        return VisitTimes.of(self._counts["start"].counts(), self._counts["gap"].counts(), self.schema.time.step)

    def length(self) -> int | None:
        """The number of visits, where all patients have as many. Raises DataError if there is no patient."""
        lengths = self._counts["visits"].counts().values
        if not len(lengths):
            raise DataError("there is no patient: a codec is fitted to at least one.")
        return int(lengths[0]) if len(lengths) == 1 else None

    def codes(self, derived: tuple[Derivation, ...], clock: VisitTimes) -> dict[str, Code]:
        """The codes of all fields, in the order of the layout."""
        followed = {one.column for one in derived if not one.later}
        later = {one.column for one in derived if one.later}
        codes: dict[str, Code] = {}
        for name, part, of, _ in parts(self.schema):
            column = self.schema[of] if of is not None else None
            if of in followed:
                continue
            code = self._of_column(part, column, self._seen(name, column, later)) if column is not None else (
                self._of_structure(part, self._counts[name].counts(), clock)
            )  # fmt: skip
            if code is not None:
                codes[name] = code
        return codes

    def _seen(self, name: str, column: Column | None, later: set[str]) -> Counts:
        firsts = column is not None and column.name in later
        return (self._firsts if firsts and name.startswith("value:") else self._counts)[name].counts()

    def _of_structure(self, part: str, seen: Counts, clock: VisitTimes) -> Code | None:
        """How many visits there are, and when."""

        def gridded(x: Floats) -> Floats:
            return on_grid(x, clock.unit)

        if part == "visits" and len(seen.values) > 1:
            return NormalScore.of(seen, 1.0, float(seen.values[0]), float(seen.values[-1]))
        if part == "start" and clock.start is None:
            return NormalScore.of(seen.mapped(gridded), clock.unit)
        if part == "gap" and clock.gap is None:
            return NormalScore.of(seen.mapped(gridded), clock.unit, clock.least)
        return None

    def _of_column(self, part: str, column: Column, seen: Counts) -> Code | None:
        """Whether there is a value, and which."""
        if part == "value":
            return column.code(seen, self.settings)
        measured = seen.places(2)
        if not (column.missing > 0 or measured[0]) or (column.role == "varying" and column.name in self._sure):
            return None
        return OrderedProbit.fit(measured)
