"""Which rows must be held to the model of their resource, that all the others are right by it.

A model asks two things: which elements are there, together (required ones, one of a choice), and of each by itself, whether
it is of the right form. So of rows with the same cells filled, in columns of the same types, one row for each text of each
column speaks for all with that text. Ids and the keys of others differ in every row: those of the right form need no
checking. Numbers are finite and times are of the years 1 to 9999, or they are checked.
"""

from __future__ import annotations

import polars as pl

from reverie.records.linked.standards.fhir_columns import Reference
from reverie.records.linked.standards.fhir_resources import Resource

__all__ = ["Doubtful"]

_ID = r"^[A-Za-z0-9\-.]{1,64}$"
_KNOWN = 200_000
"""Texts that are remembered from part to part."""


class Doubtful:
    """Finds rows of a table that nothing checked before speaks for; what they speak for is known from then on."""

    def __init__(self, resource: Resource) -> None:
        self.keys = [resource.key, *(column.name for column in resource.columns if isinstance(column, Reference))]
        self.known: set[tuple[object, ...]] = set()

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Whether each row is to be checked."""
        if len(self.known) > _KNOWN:
            self.known.clear()
        there = sum((pl.col(c).is_not_null().cast(pl.Int64) * 2**i for i, c in enumerate(frame.columns)), pl.lit(0))
        types = tuple(map(str, frame.dtypes))
        numbered = frame.select(pl.int_range(pl.len()).alias("\0row"), there.alias("\0there"), pl.col(pl.String))
        words = [c for c in numbered.columns if c not in (*self.keys, "\0row", "\0there")]
        found: set[int] = set()
        for column in (None, *words):
            by = ["\0there"] if column is None else ["\0there", column]
            firsts = numbered.group_by(by).agg(pl.col("\0row").min()).drop_nulls()
            for *what, row in firsts.iter_rows():
                if (mark := (types, column, *what)) not in self.known:
                    self.known.add(mark)
                    found.add(row)
        odd = pl.lit(False)
        for column, dtype in frame.schema.items():
            if column in self.keys:
                odd |= ~pl.col(column).str.contains(_ID).fill_null(True)
            elif dtype.is_temporal():
                odd |= ~pl.col(column).dt.year().is_between(1, 9999).fill_null(True)
        mask = pl.Series([False]).new_from_index(0, frame.height).scatter(sorted(found), True)
        return mask | frame.select(odd.alias("odd") if frame.height else pl.lit(False)).to_series()
