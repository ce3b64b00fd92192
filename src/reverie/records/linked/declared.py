"""Keys that a database declares: what it says of columns is taken before anything is found out of names and cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from reverie.records.linked.keys import Tie, share_of

__all__ = ["Declared"]


@dataclass(frozen=True)
class Declared:
    """The keys that a database declares.

    Attributes:
        keys: the column that is the key of a table, by its name.
        refers: by the name of a table, the table that each of some columns refers to, and the column there; None if that is
            its key.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    refers: Mapping[str, Mapping[str, tuple[str, str | None]]] = field(default_factory=dict)

    def key(self, table: str, frame: pl.DataFrame) -> str | None:
        """The key of a table, where its cells are keys; None where none is declared."""
        key = self.keys.get(table)
        if key is None or not (frame.schema[key] == pl.String or frame.schema[key].is_integer()):
            return None
        return key if not frame[key].null_count() and frame[key].is_unique().all() else None

    def ties(self, frames: Mapping[str, pl.DataFrame], keys: Mapping[str, str | None]) -> Iterator[tuple[str, Tie]]:
        """Tables, and how a column of each refers to the key of another, or of its own."""
        for table, columns in self.refers.items():
            for column, (other, theirs) in columns.items():
                key = keys.get(other)
                if key is None or theirs not in (None, key) or table not in frames or not frames[table][column].count():
                    continue
                yield table, Tie(column, other, True, share_of(frames[table][column], frames[other][key]), True)
