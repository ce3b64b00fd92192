"""What a schema says of a table, compared with all of its rows, part by part.

part -> cells in the types of the schema -> faults: rows that contradict it -> whole patients, to infer it from again
                                         -> counts of what it reports       -> the schema, true of all rows
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import polars as pl

from reverie.errors import DataError
from reverie.records.emptiness import asked
from reverie.records.infer import per_patient
from reverie.records.places import ROW, counted
from reverie.records.rules import Rules
from reverie.records.rules.reading import supports
from reverie.records.rules.rule import Tells
from reverie.records.schema import Schema
from reverie.records.streaming.spool import Spool
from reverie.records.table import Table, arranged, checked, typed
from reverie.records.validation import changing, check_rows

__all__ = ["Survey", "part_of"]

FEW, LEVELS = 16, 256
"""Rows of a part that show one thing, at most; and new levels of a column."""


def part_of(spool: Spool, number: int, schema: Schema) -> Table:
    """One part of a spool as a table of whole patients. Raises DataError, naming the data row of the source, where it is not
    as the schema says."""
    parsed, frame = typed(spool.part(number), schema, spool.name)
    checked(frame, schema, spool.name)
    return arranged(frame, schema, spool.name, parsed, as_read=False, part=True)


class Survey:
    """One pass over the parts of a spool, beside a schema.

    Attributes:
        schema: beside which it is read.
        witnesses: cells of the patients in whom something is not as the schema says, in the form of the source.
        bytes: that the largest part takes in memory.
        firsts, lengths: of each part the first data row and the visits of each of its patients, int64.
    """

    def __init__(self, spool: Spool, schema: Schema) -> None:
        self.spool, self.schema = spool, schema
        self.witnesses: list[pl.DataFrame] = []
        self.firsts: list[np.ndarray] = []
        self.lengths: list[np.ndarray] = []
        self._watches = [column.watch() for column in schema.columns]
        self._types: list[set[str]] = [set() for _ in schema.columns]
        self.bytes = 0
        self._counts: Counter[str] = Counter()
        self._broken: dict[str, list[int]] = {}

    def compare(self, number: int) -> None:
        """Looks at a part beside a schema that was inferred from others: what contradicts it is a witness. Raises DataError
        for what no schema could allow."""
        cells, schema, name = self.spool.part(number), self.schema, self.spool.name
        self._leave_out(cells)
        lost: list[pl.Series] = []
        parsed, frame = typed(cells, schema, name, lost)
        rows = set().union(*(some.to_list() for some in lost))
        frame = frame.filter(~pl.col(ROW).is_in(list(rows))) if rows else frame
        check_rows(frame, schema.identifier.name, schema.time.name, name)
        few = set(sorted(rows)[:LEVELS])
        for found in self._faults(frame):
            few |= set(found.to_list())
        if few:
            self._witness(cells, few)
            return
        table = arranged(frame, schema, name, parsed, as_read=False, part=True)
        if found := set().union(*(some.tolist() for some in self._breaks(table))):
            self._witness(cells, found)
        elif not self.witnesses:
            self.add(frame, table)

    def check(self, number: int) -> None:
        """Looks at a part beside a schema that the user states. Raises DataError, naming the data row."""
        name = self.spool.name
        for rule in Rules.of(self.schema):
            if isinstance(rule.claim, Tells) and not rule.claim.table:
                raise DataError(
                    f"{name}: the rule {rule.text!r} does not say how, and a table that is read in parts does not show it "
                    "at once: write the pairs into the rule, as in tells code (alive: 0, dead: 1), or strike it."
                )
        cells = self.spool.part(number)
        self._leave_out(cells)
        parsed, frame = typed(cells, self.schema, name)
        checked(frame, self.schema, name)
        self.add(frame, arranged(frame, self.schema, name, parsed, as_read=False, part=True))

    def add(self, frame: pl.DataFrame, table: Table) -> None:
        """Counts what the schema reports of the rows of a part, before and after duplicates are resolved."""
        schema, rows = self.schema, self.spool.parts[len(self.firsts)].rows
        for column, watch, types in zip(schema.columns, self._watches, self._types, strict=True):
            static = column.role == "static"
            cells = per_patient(frame, schema.identifier.name, column.name) if static else frame[column.name]
            watch.add(cells, frame[ROW] if not static else pl.int_range(len(cells), eager=True))
            types.add(str(cells.dtype.base_type()))
        assert table.rows is not None
        self.firsts.append(np.minimum.reduceat(table.rows, table.offsets[:-1]))
        self.lengths.append(table.lengths)
        self.bytes = max(self.bytes, int(table.frame.estimated_size()))
        self._counts["one visit"] += int((table.lengths == 1).sum())
        self._counts["rows"] += len(table.frame)
        self._counts["alike"] += 0 if any(shape.pivots for shape in schema.shapes) else rows - frame.height
        self._counts["duplicates"] += frame.height - len(table.frame)
        for support in supports(table):
            counts = self._broken.setdefault(support.rule.text, [0, 0])
            counts[0], counts[1] = counts[0] + support.rows, counts[1] + len(support.broken)
            counts[2:] = sorted([*counts[2:], *support.broken])[:5]

    def settled(self, inferred: bool) -> Schema:
        """The schema with what all rows show: where it was inferred all that hangs on how many there are, else what it only
        reports."""
        columns = []
        for column, watch, types in zip(self.schema.columns, self._watches, self._types, strict=True):
            fields = watch.decided() if inferred else watch.observed()
            if column.role in ("identifier", "time"):
                fields["missing"] = column.missing
            type_ = column.type if inferred else "String" if "String" in types else min(types)
            columns.append(column.model_copy(update={**fields, "type": type_}))
        return self.schema.model_copy(update={"columns": tuple(columns)})

    @property
    def notes(self) -> list[str]:
        """What was decided, and how many rows it is about."""
        said, patients = [], sum(map(len, self.lengths))
        for key, what in (("alike", "identical to another and kept once"), ("duplicates", "left out, by the rule for them")):
            if count := self._counts[key]:
                said.append(f"{counted(count, 'row')} {what}.")
        if (single := self._counts["one visit"]) and not self.schema.timeless:
            said.append(f"{single:,} of {patients:,} patients {'has' if single == 1 else 'have'} one visit.")
        if count := self._counts["left out"]:
            said.append(f"{counted(count, 'row')} of what the schema does not name: nothing is made of them.")
        for text, (rows, broken, *first) in self._broken.items():
            if broken:
                where = ", ".join(f"{row:,}" for row in first) + (f" and {broken - 5:,} more" if broken > 5 else "")
                said.append(
                    f"The rule {text} is broken in {broken:,} of {rows:,} rows (data rows {where}), which stay as they are; "
                    "what is made keeps it (rules in a schema)."
                )
        return said

    def _leave_out(self, cells: pl.DataFrame) -> None:
        for shape in self.schema.shapes:
            if shape.pivots:
                self._counts["left out"] += shape.left_out(cells)
                return
            cells = shape.apply(cells, self.spool.name)

    def _faults(self, frame: pl.DataFrame) -> Iterator[pl.Series]:
        """The numbers of some rows of a typed frame that show that a column is something else."""
        for column in self.schema.columns:
            for wrong, _ in column.faults(frame.schema[column.name]):
                found = frame.filter(wrong)
                yield found.unique(column.name, keep="first", maintain_order=True)[ROW].head(LEVELS)
            if column.numeric and column.role != "identifier":
                yield frame.filter(pl.Series(column.strays(frame[column.name])))[ROW].head(FEW)
        for *_, differs in changing(self.schema):
            yield frame.filter(differs)[ROW].head(FEW)

    def _breaks(self, table: Table) -> Iterator[np.ndarray]:
        """The numbers of some rows that break a rule, or are filled where a column is not asked."""
        assert table.rows is not None
        for broken in Rules.of(self.schema).broken(table.frame).values():
            yield table.rows[broken][:FEW]
        for column in self.schema.columns:
            if column.asked_if:
                filled = table.frame[column.name].is_not_null() & ~asked(table.frame, column)
                yield table.rows[filled.to_numpy()][:FEW]

    def _witness(self, cells: pl.DataFrame, rows: set[int]) -> None:
        """Keeps all rows of the patients whose rows of these numbers are."""
        keys = [pl.col(c).cast(pl.String).str.strip_chars() for c in self.spool.identifier] or [pl.col(ROW).cast(pl.String)]
        key = pl.concat_str([k.fill_null("") for k in keys], separator="\0").alias("\0whose")
        keyed = cells.with_columns(key)
        whose = keyed.filter(pl.col(ROW).is_in(list(rows)))["\0whose"].unique()
        self.witnesses.append(keyed.filter(pl.col("\0whose").is_in(whose.implode())).drop("\0whose"))
