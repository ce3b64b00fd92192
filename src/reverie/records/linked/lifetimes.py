"""Rows of patients before they were born, and after they died: counted and named, as days."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import polars as pl

from reverie.records.column_names import words
from reverie.records.linked.schema import LinkedSchema, LinkedTable
from reverie.records.places import counted

__all__ = ["beyond_life"]

_BORN = re.compile(r"birth|^born$|^dob$|geburt|^gebdat")
_DIED = re.compile(r"death|^died$|^dod$|deceased|^tod|sterbe|verstorben")


def beyond_life(schema: LinkedSchema, frames: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    """A sentence for each table with rows before the birth or after the death of their patient, where a date says it, of
    patients or of a table with a row at most for each."""
    for root in schema.entities:
        below = [table for table in schema.tables if root in schema.above(table.name)]
        for of in (schema[root], *(table for table in below if table.parent == root)):
            tie = None if of.name == root else of.to(root)
            column = of.key if tie is None else tie.column
            if column is None or (tie is not None and not tie.one_to_one):
                continue
            for fate, born in _fates(frames[of.name]):
                days = frames[of.name].select(
                    pl.col(column).cast(pl.String).alias("\0who"), pl.col(fate).cast(pl.Date).alias("\0day")
                )
                days = days.drop_nulls().unique("\0who", keep="first", maintain_order=True)
                for table in below:
                    if table.name != of.name:
                        yield from _beyond(table, f"{of.name}.{fate}", days, born, schema, frames)


def _fates(frame: pl.DataFrame) -> Iterator[tuple[str, bool]]:
    """Columns of days of birth and of death, and whether it is that of birth."""
    for column in frame.select(pl.col(pl.Date, pl.Datetime)).columns:
        parts = words(column)
        if any(map(_BORN.search, parts)) or any(map(_DIED.search, parts)):
            yield column, any(map(_BORN.search, parts))


def _beyond(
    table: LinkedTable, fate: str, days: pl.DataFrame, born: bool, schema: LinkedSchema, frames: Mapping[str, pl.DataFrame]
) -> Iterator[str]:
    frame = frames[table.name]
    if table.clock is None or not frame.height or not frame.schema[table.clock.start].is_temporal():
        return
    way = [*schema.above(table.name)]
    way = way[-1:] if table.to(way[-1]) else way  # a row of no stay may say whose it is
    rows = frame.select(pl.col(table.clock.start).cast(pl.Date).alias("\0at"), _named(table, way[0]))
    for above in way[:-1]:
        of = schema[above]
        up = frames[above].select(pl.col(str(of.key)).cast(pl.String).alias("\0who"), _named(of, of.parent, "\0up"))
        rows = rows.join(up, on="\0who").drop("\0who").rename({"\0up": "\0who"})
    both = rows.join(days, on="\0who")
    outside = pl.col("\0at") < pl.col("\0day") if born else pl.col("\0at") > pl.col("\0day")
    if count := both.filter(outside).height:
        when, whose = "before" if born else "after", "its" if count == 1 else "their"
        yield f"{table.name}: {counted(count, 'row', 'begins begin')} {when} the {fate} of {whose} patient."


def _named(table: LinkedTable, other: str | None, name: str = "\0who") -> pl.Expr:
    """The column of a table by which it names rows of another."""
    tie = table.to(str(other))
    assert tie is not None
    return pl.col(tie.column).cast(pl.String).alias(name)
