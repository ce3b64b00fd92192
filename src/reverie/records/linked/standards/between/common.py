"""What MEDS, OMOP and FHIR have in common: people, their visits, and what was found, given and done, each by a code.

    people <- visits <- conditions, drugs, procedures, findings;  words are what codes stand for

A code is a token "system|code" as FHIR writes it, or words without a bar. A standard is brought here and from here, never to
another: a further one needs two functions, not two for each that is known. Rows that cannot be here, and cells that have no
place, are counted; nothing is left out without a sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from reverie.errors import UsageError
from reverie.records.places import counted

__all__ = ["EVENTS", "Common", "lookup", "numbered", "table", "tally"]

_TEXT, _TIME = pl.String(), pl.Datetime("us")
_EVENT = {"id": _TEXT, "person": _TEXT, "visit": _TEXT, "code": _TEXT, "start": _TIME, "end": _TIME}
_COLUMNS: dict[str, dict[str, pl.DataType]] = {
    "people": {
        **{"person": _TEXT, "sex": _TEXT, "birth": _TIME, "dead": pl.Boolean(), "death": _TIME},
        **{"marital_status": _TEXT, "race": _TEXT, "ethnicity": _TEXT},
    },
    "visits": {
        **{"visit": _TEXT, "person": _TEXT, "class": _TEXT, "type": _TEXT, "start": _TIME, "end": _TIME},
        **{"reason": _TEXT, "admitted_from": _TEXT, "discharged_to": _TEXT},
    },
    "conditions": _EVENT,
    "drugs": {**_EVENT, "ordered": pl.Boolean(), "dose": pl.Float64(), "unit": _TEXT, "route": _TEXT},
    "procedures": _EVENT,
    "findings": {
        **_EVENT,
        **{"measured": pl.Boolean(), "value": pl.Float64(), "comparator": _TEXT, "unit": _TEXT},
        **{"value_code": _TEXT, "value_text": _TEXT},
    },
}
"""sex is female, male, other or unknown; ordered drugs are orders, others were given; measured findings are measurements,
others observations, as OMOP has them. An empty cell of a truth value is not known."""
EVENTS = ("conditions", "drugs", "procedures", "findings")


@dataclass
class Common:
    """Tables in common.

    Attributes:
        frames: by the names above, each with all its columns; those without rows, too.
        words: what codes stand for.
        left: cells by the column that holds them, and rows by what is the matter, that could not be brought on.
        notes: what was decided.
    """

    frames: dict[str, pl.DataFrame]
    words: dict[str, str] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, frames: Mapping[str, pl.DataFrame], words: dict[str, str], left: Counter[str], notes: list[str]) -> Common:
        """Completes tables; events without a code say nothing, and are left out. Raises UsageError where nobody is."""
        whole = {name: frames.get(name, table(name, pl.DataFrame())) for name in _COLUMNS}
        if not whole["people"].height:
            raise UsageError("there is no patient in these tables, whom the others could be about: give one at least.")
        for name in EVENTS:
            without = whole[name]["code"].is_null()
            if count := int(without.sum()):
                notes.append(f"{name}: {counted(count, 'row', 'was were')} left out, without a code.")
                whole[name] = whole[name].filter(~without)
            if whole[name]["id"].null_count() or whole[name]["id"].is_duplicated().any():  # of two tables that are one here
                whole[name] = whole[name].with_columns(id=pl.int_range(1, pl.len() + 1).cast(pl.String))
        return cls(whole, words, left, notes)

    def timed(self, name: str, title: str) -> pl.DataFrame:
        """Events for a standard that wants a time of each: those without one take that of their visit, or are left out."""
        frame = self.frames[name]
        if not (empty := frame["start"].null_count()):
            return frame
        visits = self.frames["visits"].select("visit", pl.col("start").alias("\0")).drop_nulls("visit").unique("visit")
        frame = frame.join(visits, on="visit", how="left", maintain_order="left")
        frame = frame.with_columns(pl.coalesce("start", "\0").alias("start")).drop("\0")
        lost = frame["start"].null_count()
        if taken := empty - lost:
            self.notes.append(
                f"{name}: {counted(taken, 'row', 'has have')} no time: that of the start of the visit was taken."
            )
        if lost:
            self.notes.append(f"{name}: {counted(lost, 'row', 'was were')} left out, without a time, which {title} wants.")
        return frame.drop_nulls("start")

    def started(self, title: str) -> pl.DataFrame:
        """Visits for a standard that wants their start."""
        visits = self.frames["visits"]
        if lost := visits["start"].null_count():
            self.notes.append(f"{counted(lost, 'visit', 'was were')} left out, without a start, which {title} wants.")
        return visits.drop_nulls("start")

    def tied(self, name: str, frame: pl.DataFrame, people: Mapping[str, int]) -> pl.DataFrame:
        """Rows of people who are there."""
        kept = frame.filter(pl.col("person").is_in(list(people)).fill_null(False))
        if lost := frame.height - kept.height:
            self.notes.append(f"{name}: {counted(lost, 'row', 'was were')} left out, of no patient who is there.")
        return kept

    def dead(self, title: str) -> None:
        """Tells of deaths, and of lives, that a standard which knows times of death alone has no place for."""
        people = self.frames["people"]
        if undated := int((people["dead"].fill_null(False) & people["death"].is_null()).sum()):
            self.notes.append(f"{counted(undated, 'death', 'was were')} left out, without a time, which {title} wants.")
        self.left["people: known to be alive"] += int((~people["dead"]).sum())

    def only(self, columns: Mapping[str, tuple[str, ...]]) -> None:
        """Counts the cells of columns that are not named, for they have no place."""
        for name, frame in self.frames.items():
            tally(self.left, name, frame, {*columns[name]} if name in columns else set())

    def said(self, title: str) -> list[str]:
        """The notes, with what was left out on the way to a standard."""
        left = sorted((pair for pair in self.left.items() if pair[1]), key=lambda pair: (-pair[1], pair[0]))
        if not left:
            return self.notes
        listed = ", ".join(f"{what} ({count:,})" for what, count in left)
        return [*self.notes, f"Left out, for which there is no place on the way to {title}: {listed}."]


def table(name: str, frame: pl.DataFrame, **columns: pl.Expr | pl.Series) -> pl.DataFrame:
    """A table in common of the rows of a frame: its columns by these expressions, the others empty."""
    if not columns:
        return pl.DataFrame(schema=_COLUMNS[name])
    found = frame.select(**columns)
    return found.select(
        (pl.col(column) if column in found.columns else pl.lit(None)).cast(dtype).alias(column)
        for column, dtype in _COLUMNS[name].items()
    )


def lookup(frames: Mapping[str, pl.DataFrame], name: str, *columns: str) -> pl.DataFrame:
    """Columns of a lookup, as text; empty where it has them not."""
    frame = frames.get(name, pl.DataFrame({columns[0]: []}))
    return frame.select((pl.col(c) if c in frame.columns else pl.lit(None)).cast(pl.String).alias(c) for c in columns)


def tally(left: Counter[str], name: str, frame: pl.DataFrame, taken: set[str]) -> None:
    """Counts the filled cells of columns that were not taken."""
    for column in frame.columns:
        if column not in taken and (count := frame.height - frame[column].null_count()):
            left[f"{name}.{column}"] += count


def numbered(keys: pl.Series, what: str, notes: list[str]) -> dict[str, int]:
    """Whole numbers for keys: their own where all are such, else those from 1 on."""
    keys = keys.drop_nulls().unique(maintain_order=True)
    numbers = keys.cast(pl.Int64, strict=False)
    if not numbers.null_count() and (numbers.cast(pl.String) == keys).all():
        return dict(zip(keys, numbers, strict=True))
    notes.append(f"The keys of {what} are no whole numbers, and were numbered from 1 on.")
    return {key: number for number, key in enumerate(keys, 1)}
