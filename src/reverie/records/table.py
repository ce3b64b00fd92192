"""A table of visits, ready to be modelled: one row per patient and time, patients together, their visits in order.

    source -> cells (reading.py) -> types (parsing.py) -> schema (infer.py, or given) -> checks (faults.py) -> Table

The rows of patient p are offsets[p] : offsets[p + 1]; patients come in the order of their first appearance in the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.faults import check_names, check_rows, check_static, resolve_duplicates
from reverie.records.infer import infer_parsed, observed
from reverie.records.parsing import Parsed, parse
from reverie.records.places import ROW
from reverie.records.reading import Bounds, place_of, read_source
from reverie.records.schema import NULL_VALUES, Schema

__all__ = ["Table", "read_table"]


@dataclass(frozen=True, eq=False)
class Table:
    """Visits of patients.

    Attributes:
        frame: the source's columns in the source's order, typed; missing cells are null.
        schema: what each column is.
        name: what messages and cards call it.
        fingerprint: SHA-256 of the cells, their types and the names of the columns: equal for equal data from any file.
        offsets: int64 [P + 1], where the rows of each patient begin and end.
        notes: decisions worth telling.
        rows: int64, the data row of the source that each row is, counted from 1; None for a table that was not read.
        path: of the file it was read from, absolute; None for a bundled table and a frame.
    """

    frame: pl.DataFrame
    schema: Schema
    name: str
    fingerprint: str
    offsets: np.ndarray
    notes: tuple[str, ...] = ()
    rows: np.ndarray | None = None
    path: Path | None = None

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
        return replace(self, frame=frame, offsets=offsets, fingerprint=_fingerprint(frame), rows=of_source)

    def split(self, share: float, seed: int) -> tuple[Table, Table]:
        """Patients split at random into (the rest, those set aside): about `share` of them, at least one if share > 0."""
        if not 0 <= share < 1:
            raise UsageError(f"the share set aside is from 0 to below 1, not {share}.")
        aside = max(round(share * len(self)), 1) if share else 0
        if aside >= len(self):
            raise DataError(
                f"{self.name} has {len(self)} patient{'s'[: len(self) > 1]}: too few to set {share:g} of them aside "
                "(training takes --holdout 0 and --set aside=0)."
            )
        order = np.random.default_rng(seed).permutation(len(self))
        return self.take(np.sort(order[aside:])), self.take(np.sort(order[:aside]))


def read_table(
    source: Any,
    schema: Schema | None = None,
    name: str | None = None,
    *,
    identifier: str | None = None,
    time: str | None = None,
    duplicates: Literal["refuse", "keep", "first"] | None = None,
    null_values: tuple[str, ...] = (),
    kinds: Mapping[str, str] | None = None,
    most: Bounds = Bounds(),
) -> Table:
    """Reads and checks a table of visits.

    Args:
        source: a .csv, .csv.gz or .parquet file, "pbc2" (bundled), a polars or a pandas frame.
        schema: what the columns are; inferred if None.
        name: what messages call the table; the file's name if None.
        identifier, time, kinds: see infer(); only without a schema.
        duplicates: instead of the schema's rule for different rows of one patient at one time.
        null_values: texts that stand for a missing value in every column, besides the schema's.
        most: what a file may hold at most.

    Raises:
        UsageError: no such file, or arguments that do not go together.
        DataError: what is wrong with the table, by data row and column, and what to do.
    """
    cells, name = read_source(source, name, most)
    if schema is not None:
        if identifier or time or kinds:
            raise UsageError("a schema says which columns are identifier and time and of what kind: change it there.")
        schema = schema.model_copy(update={"duplicates": duplicates or schema.duplicates}).with_nulls(null_values)
        check_names(cells.columns, schema, name)
        parsed = parse(cells.select(schema.names), name, (), schema)
        frame = parsed.frame.unique(schema.names, keep="first", maintain_order=True)
        check_rows(frame, schema.identifier.name, schema.time.name, name)
        for column in schema.columns:
            column.check(frame, name)
        check_static(frame, schema, name)
        schema = observed(schema, frame)
        if not schema.static and not schema.varying:
            raise DataError(f"{name} has nothing left to model: the schema marks no column of a kind that is modelled.")
    else:
        parsed = parse(cells, name, null_values)
        schema, unique = infer_parsed(parsed, identifier, time, name, kinds or {})
        nulls = tuple(dict.fromkeys((*NULL_VALUES, *null_values)))
        schema = schema.model_copy(update={"null_values": nulls, "duplicates": duplicates or "refuse"})
        frame = unique.frame
    return replace(_arranged(frame, schema, name, parsed), path=place_of(source))


def _arranged(frame: pl.DataFrame, schema: Schema, name: str, parsed: Parsed) -> Table:
    """The table: duplicates resolved, statics filled, rows sorted, and notes on all of it."""
    notes = list(parsed.notes)
    if alike := parsed.frame.height - frame.height:
        notes.append(f"{_rows(alike)} identical to another and kept once.")
    frame, said = resolve_duplicates(frame, schema, name)
    notes += said
    patient, time = schema.identifier.name, schema.time.name
    for column in schema.static:
        filled = pl.col(column.name).fill_null(pl.col(column.name).drop_nulls().first().over(patient))
        full = frame.select(filled)[column.name]
        if holes := frame[column.name].null_count() - full.null_count():
            frame = frame.with_columns(full)
            notes.append(
                f"In {column.name}, which is static, {holes:,} empty cells were filled from other visits of the patient."
            )
    first = pl.col(ROW).min().over(patient)
    ordered = frame.sort(first, time, maintain_order=True)
    if not ordered[ROW].equals(frame[ROW]):
        moved = int((ordered[ROW] != frame[ROW]).sum())
        notes.append(f"Rows were sorted by patient and time ({moved:,} of {frame.height:,} moved).")
    frame, rows = ordered.drop(ROW), ordered[ROW].to_numpy()
    lengths = frame.select(pl.col(patient).rle_id()).group_by(patient, maintain_order=True).len()["len"].to_numpy()
    if single := int((lengths == 1).sum()):
        notes.append(f"{single:,} of {len(lengths):,} patients have one visit.")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Table(frame, schema, name, _fingerprint(frame), offsets, tuple(notes), rows)


def _rows(count: int) -> str:
    return "1 row was" if count == 1 else f"{count:,} rows were"


def _fingerprint(frame: pl.DataFrame) -> str:
    digest = hashlib.sha256(repr([(name, str(dtype)) for name, dtype in frame.schema.items()]).encode())
    for part in frame.iter_slices(100_000):
        digest.update(part.write_csv(include_header=False).encode())
    return digest.hexdigest()
