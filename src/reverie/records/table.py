"""A table of visits, ready to be modelled: one row per patient and time, patients together, their visits in order.

    source -> cells (reading/) -> types (parsing.py) -> schema (infer.py, or given) -> checks (places.py) -> Table

The rows of patient p are offsets[p] : offsets[p + 1]; patients come in the order of their first appearance in the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.emptiness import said
from reverie.records.infer import infer_parsed, observed
from reverie.records.nulls import NullTexts, listed
from reverie.records.parsing import Parsed, parse
from reverie.records.piles import piles
from reverie.records.places import ROW, counted
from reverie.records.reading import BUNDLED, Bounds, Query, read_source
from reverie.records.rules.finding.evidence import EXPECTED
from reverie.records.rules.reading import broken, settled
from reverie.records.schema import Duplicates, Schema
from reverie.records.shapes import Asked
from reverie.records.shaping import numbered, shape, with_shapes
from reverie.records.validation import check_names, check_rows, check_static, resolve_duplicates

__all__ = [
    "Table",
    "arranged",
    "as_stated",
    "checked",
    "last_rows",
    "on_rules",
    "parted",
    "read_table",
    "rows_after",
    "typed",
]


NAMED = 5
"""Rules that a note names."""


@dataclass(frozen=True, eq=False)
class Table:
    """Visits of patients.

    Attributes:
        frame: the source's columns in the source's order, typed, or those of the form that the schema's shapes bring it to;
            missing cells are null.
        schema: what each column is.
        name: what messages and cards call it.
        fingerprint: SHA-256 of the cells, their types and the names of the columns: equal for equal data from any file.
            None ("") for a part of a table beyond memory.
        offsets: int64 [P + 1], where the rows of each patient begin and end.
        notes: decisions worth telling.
        rows: int64, the data row of the source that each row is, counted from 1; None for a table that was not read.
        path: of the file or folder it was read from, absolute; None for a bundled table, an address and a frame.
        query: by which its rows were asked for; None for a file that was read as it is.
    """

    frame: pl.DataFrame
    schema: Schema
    name: str
    fingerprint: str
    offsets: np.ndarray
    notes: tuple[str, ...] = ()
    rows: np.ndarray | None = None
    path: Path | None = None
    query: str | None = None

    def __len__(self) -> int:
        """The number of patients."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Visits of each patient, int64 [P]."""
        return np.diff(self.offsets)

    def take(self, indices: Any) -> Table:
        """These patients, in this order (an array or list of ints, [K])."""
        chosen = np.asarray(indices, dtype=np.int64).reshape(-1)
        if len(chosen) and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise UsageError(f"{self.name} has {len(self)} patients, numbered from 0: there is no patient {chosen.max()}.")
        lengths = self.lengths[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.offsets[chosen], lengths)
        frame = self.frame[rows]
        of_source = None if self.rows is None else self.rows[rows]
        fingerprint = _fingerprint(frame) if self.fingerprint else ""
        return replace(self, frame=frame, offsets=offsets, fingerprint=fingerprint, rows=of_source)

    def split(self, share: float, seed: int) -> tuple[Table, Table]:
        """Patients split at random into (the rest, those set aside): about `share` of them, at least one if share > 0."""
        rest, aside = parted(len(self), share, seed, self.name)
        return self.take(rest), self.take(aside)


def read_table(
    source: Any,
    schema: Schema | None = None,
    name: str | None = None,
    *,
    query: str | None = None,
    identifier: str | Sequence[str] | None = None,
    time: str | None = None,
    long: tuple[str, str] | None = None,
    duplicates: Duplicates | None = None,
    null_values: tuple[str, ...] = (),
    kinds: Mapping[str, str] | None = None,
    date_formats: Mapping[str, str] | None = None,
    most: Bounds = Bounds(),
) -> Table:
    """Reads and checks a table of visits.

    Args:
        source: a file, a folder of files, one for each patient (see reading/source.py for both), "pbc2" (bundled), a polars
            or a pandas frame, or Cells.
        schema: what the columns are; inferred if None.
        name: what messages call the table; the file's name if None.
        query: what a database is asked, a DuckDB or SQLite file or an address postgresql://...: see reading/queries.
        identifier, time: columns, where the names and the structure do not tell; several identifiers tell patients apart
            together.
        long: the columns that say what was measured and its value, of a table with a row for each measurement.
        kinds: kinds of single columns, by name (categorical, ordinal, binary, text, number).
        date_formats: forms of dates, see parse(). These five only without a schema.
        duplicates: instead of the schema's rule for different rows of one patient at one time.
        null_values: texts that stand for a missing value besides the schema's: "-9" in every column but the identifier and
            the time, "weight=-9" in one.
        most: what a file may hold at most.

    Raises:
        UsageError: no such file, or arguments that do not go together.
        DataError: what is wrong with the table, by data row and column, and what to do.
    """
    told = (schema, name, query, identifier, time, long, duplicates, null_values, kinds, date_formats)
    if isinstance(source, str) and source in BUNDLED and most == Bounds() and not any(told):
        return _bundled(source)
    read = read_source(source if query is None else Query.of(source, query), name, most)
    cells, name = read.frame, read.name
    if schema is not None:
        others = {"identifier": identifier, "time": time, "long": long, "kinds": kinds, "date_formats": date_formats}
        schema = as_stated(schema, duplicates, null_values, **others)
        left_out = schema.unread(cells)
        parsed, frame = typed(cells, schema, name)
        parsed.notes += left_out
        checked(frame, schema, name)
        schema = settled(observed(schema, frame), frame, name)
        if not schema.static and not schema.varying:
            raise DataError(f"{name} has nothing left to model: the schema marks no column of a kind that is modelled.")
    else:
        parsed, shapes, asked = shape(cells, name, Asked.of(identifier, time, long), null_values, date_formats)
        schema, unique = infer_parsed(parsed, asked.patient, asked.time, name, asked.kinds(kinds), null_values)
        schema = with_shapes(schema, shapes).model_copy(update={"duplicates": duplicates or "refuse"})
        frame = unique.frame
        parsed = replace(parsed, notes=[*unique.notes, *piles(frame, schema), *on_rules(schema)])
    table = arranged(frame, schema, name, parsed)
    return replace(table, notes=(*read.notes, *table.notes, *broken(table)), path=read.path, query=read.query)


@cache
def _bundled(source: str) -> Table:
    """Read once: to find what its columns are takes half a second, and ends the same."""
    return read_table(source, name=source)


def as_stated(
    schema: Schema, duplicates: Duplicates | None = None, null_values: tuple[str, ...] = (), **others: Any
) -> Schema:
    """A schema that the user states, with what else was said of reading, see read_table. Raises UsageError for `others`,
    which only a schema may say."""
    if any(others.values()):
        raise UsageError("a schema says which columns are identifier and time and of what kind and form: change it there.")
    nulls = NullTexts.read(null_values, schema.names)
    schema = schema.model_copy(update={"duplicates": duplicates or schema.duplicates})
    return schema.with_nulls(nulls.everywhere, nulls.columns)


def parted(count: int, share: float, seed: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Patients numbered 0 .. count - 1 split at random into (the rest, those set aside), see Table.split; int64, rising."""
    if not 0 <= share < 1:
        raise UsageError(f"the share set aside is from 0 to below 1, not {share}.")
    aside = max(round(share * count), 1) if share else 0
    if aside >= count:
        raise DataError(
            f"{name} has {count} patient{'s'[: count > 1]}: too few to set {share:g} of them aside "
            "(training takes `holdout=0` and `settings=aside=0`)."
        )
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[aside:]), np.sort(order[:aside])


def typed(
    cells: pl.DataFrame, schema: Schema, name: str, strays: list[pl.Series] | None = None
) -> tuple[Parsed, pl.DataFrame]:
    """Cells in the form and the types that a schema says, and the rows of them that are not wholly alike; see parse()."""
    cells = schema.shaped(numbered(cells), name)
    check_names([column for column in cells.columns if column != ROW], schema, name)
    parsed = parse(cells.select(ROW, *schema.names), name, (), schema, strays=strays)
    return parsed, parsed.frame.unique(schema.names, keep="first", maintain_order=True)


def checked(frame: pl.DataFrame, schema: Schema, name: str) -> None:
    """Raises DataError where a typed frame is not as its schema says."""
    check_rows(frame, schema.identifier.name, schema.time.name, name)
    for column in schema.columns:
        column.check(frame, name)
    check_static(frame, schema, name)


def arranged(
    frame: pl.DataFrame, schema: Schema, name: str, parsed: Parsed, as_read: bool = True, part: bool = False
) -> Table:
    """The table: duplicates resolved, statics filled, rows sorted, and notes on all of it.

    Args:
        as_read: what changed places or was filled stands so in what the user will see, and is noted.
        part: it is a part of a larger table, and has no fingerprint of its own.
    """
    notes = list(parsed.notes)
    if alike := parsed.frame.height - frame.height:
        notes.append(f"{counted(alike, 'row')} identical to another and kept once.")
    frame, on_duplicates = resolve_duplicates(frame, schema, name)
    notes += on_duplicates
    patient, time = schema.identifier.name, schema.time.name
    for column in schema.static:
        filled = pl.col(column.name).fill_null(pl.col(column.name).drop_nulls().first().over(patient))
        full = frame.select(filled)[column.name]
        if holes := frame[column.name].null_count() - full.null_count():
            frame = frame.with_columns(full)
            cells = counted(holes, "empty cell")
            notes += [f"In {column.name}, which is static, {cells} filled from other visits of the patient."] * as_read
    first = pl.col(ROW).min().over(patient)
    ordered = frame.sort(first, time, maintain_order=True)
    if as_read and not ordered[ROW].equals(frame[ROW]):
        moved = int((ordered[ROW] != frame[ROW]).sum())
        notes.append(f"Rows were sorted by patient and time ({moved:,} of {frame.height:,} moved).")
    frame, rows = ordered.drop(ROW), ordered[ROW].to_numpy()
    lengths = frame.select(pl.col(patient).rle_id()).group_by(patient, maintain_order=True).len()["len"].to_numpy()
    if (single := int((lengths == 1).sum())) and not schema.timeless:
        notes.append(f"{single:,} of {len(lengths):,} patients {'has' if single == 1 else 'have'} one visit.")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Table(frame, schema, name, "" if part else _fingerprint(frame), offsets, tuple(notes), rows)


def last_rows(offsets: np.ndarray, visits: int) -> np.ndarray:
    """Bool [R], which rows are the last `visits` of their patient, those of patient p being offsets[p] : offsets[p + 1]."""
    return np.repeat(offsets[1:], np.diff(offsets)) - np.arange(offsets[-1]) <= visits


def rows_after(count: int, last: np.ndarray, visits: int) -> np.ndarray:
    """The order int64 [R] that brings `visits` rows for each patient, which stand below `count` others, behind the row in
    which each patient is `last`."""
    return np.argsort(np.concatenate([np.arange(count), np.repeat(last, visits)]), kind="stable")


def on_rules(schema: Schema) -> list[str]:
    """Notes on columns whose emptiness says something."""
    ruled: dict[str, list[str]] = {}
    for column in schema.columns:
        if column.asked_if:
            ruled.setdefault(said(column), []).append(column.name)
    notes = [
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} filled only where {rule}, without exception: "
        f"so {'it' if len(names) == 1 else 'they'} will be in what is made (asked_if in a schema)."
        for rule, names in ruled.items()
    ]
    if rules := schema.rules:
        few = "; ".join(rules[:NAMED]) + (f"; and {len(rules) - NAMED} more" if len(rules) > NAMED else "")
        many, they = ("1 rule holds", "it") if len(rules) == 1 else (f"{len(rules)} rules hold", "they")
        notes.append(
            f"{many} without exception, so {they} will in what is made: {few}. (rules in a schema; at most {EXPECTED:g} of "
            "all that are found may be chance)"
        )
    if names := [c.name for c in schema.columns if not c.fill]:
        what = ("is empty", "it") if len(names) == 1 else ("are empty", "them")
        notes.append(f"That {listed(names)} {what[0]} says something: impute does not fill {what[1]} (fill in a schema).")
    return notes


def _fingerprint(frame: pl.DataFrame) -> str:
    digest = hashlib.sha256(repr([(name, str(dtype)) for name, dtype in frame.schema.items()]).encode())
    for part in frame.iter_slices(100_000):
        digest.update(part.write_csv(include_header=False).encode())
    return digest.hexdigest()
