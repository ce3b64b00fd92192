"""Which columns of a table say whose, when, of which test and what was found, where a row is one test of a visit.

Names propose (long_words.py), and structure decides: rows that share patient and time differ in the test. Of the columns
that remain, one that is the same in all rows of a visit belongs to the visit, one that is the same in all rows of a test
belongs to the test, one that counts rows is renumbered, and each other is pivoted.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import polars as pl

from reverie.errors import UsageError, unknown
from reverie.records.column_names import names_someone, words
from reverie.records.restarts import restarted
from reverie.records.roles import find_roles, may_be_times, patients
from reverie.records.shapes.long import Counter, Test
from reverie.records.shapes.long_words import names_count, names_part, names_test, says_unit, says_value
from reverie.records.shapes.shape import Asked
from reverie.records.shapes.source_cells import as_text

__all__ = ["LONG", "find"]

LONG = 0.2
"""From this share of rows that share patient and time with another, a table may have a row for each measurement."""

NO_VALUE = {"concept", "source"}
"""Of several values (OMOP) not the first choice: the code where there is no number, and what the source wrote."""

RARE, SHARE = 10, 0.1
"""A test is learned from this many rows, or from this share of the visits where those are fewer."""

EXCEPT = 0.02
"""Share of visits in which a column of the visit may differ between rows: those are faults, and are reported as such."""


def find(frame: pl.DataFrame, name: str, asked: Asked) -> dict[str, Any] | None:
    """The fields of a Long, if the table is one. Raises UsageError, naming `long`, where the user must say what is what."""
    frame = frame.unique(maintain_order=True)
    if asked.long is not None:
        for column in asked.long:
            if column not in frame.columns:
                raise unknown("column for `long`", column, frame.columns)
        tests = [asked.long[0]]
    else:
        tests = [c for c in frame.columns if _may_be_test(frame, c) and c not in (*asked.identifier, asked.time)]
        if not tests:
            return None
    roles = _whose_and_when(frame, name, tests, asked)
    if roles is None:
        return None
    again = frame.height - _distinct(frame, *roles)
    if asked.long is None and again < LONG * frame.height:
        return None
    fits = []
    for place, test in enumerate(c for c in tests if c not in roles):
        names = [test]
        if left := _over(frame, roles, names):
            names += _second(frame, roles, test)
            left = _over(frame, roles, names)
        if asked.long or left <= (LONG * again if len(roles) > 1 else 0):
            fits.append((left, place, names))
    if not fits:
        return None
    left, _, names = min(fits)
    if left and not asked.identifier and len(roles) > 1 and (said := restarted(frame, *roles)):
        raise UsageError(f"{name}: {said}")
    return _Rows(frame, name, roles, names, asked).fields()


def _may_be_test(frame: pl.DataFrame, column: str) -> bool:
    cells = frame[column]
    if not names_test(column) or cells.dtype.is_float() or cells.dtype.is_temporal() or cells.null_count():
        return False
    return 2 <= cells.n_unique() <= frame.height / 2


def _whose_and_when(frame: pl.DataFrame, name: str, tests: list[str], asked: Asked) -> tuple[str, ...] | None:
    """The identifier and the time; None where they are not plain."""
    others = [c for c in frame.columns if c not in tests and not says_value(c) and not _counts_rows(frame, c)]
    said = [c for c in (*asked.identifier, asked.time) if c is not None and c not in others and c in frame.columns]
    rest = frame.select(*others, *said)
    try:
        return find_roles(rest, name, asked.patient, asked.time)[:2]
    except UsageError:
        whose = list(asked.identifier) or patients(rest)
        if asked.time is None and len(whose) == 1 and not may_be_times(rest):
            return (whose[0],)  # answers of people who were asked once
        if asked.long is not None:
            raise
        return None


def _counts_rows(frame: pl.DataFrame, column: str) -> bool:
    cells = frame[column]
    return (
        not cells.dtype.is_float()
        and not cells.dtype.is_temporal()
        and not cells.null_count()
        and cells.n_unique() == len(cells)
    )


def _second(frame: pl.DataFrame, roles: tuple[str, ...], test: str) -> list[str]:
    """A further column of names without which a test stands several times in a visit (the specimen), if there is one."""
    for column in (c for c in frame.columns if names_part(c)):
        if column not in (*roles, test) and not frame[column].null_count() and not _over(frame, roles, [test, column]):
            return [column]
    return []


def _distinct(frame: pl.DataFrame, *columns: str) -> int:
    return frame.select(pl.struct(*columns).n_unique()).item()


def _over(frame: pl.DataFrame, roles: tuple[str, ...], names: list[str]) -> int:
    """How many rows share visit and test with an earlier one."""
    return frame.height - _distinct(frame, *roles, *names)


class _Rows:
    """The rows of a long table, whose columns are dealt out."""

    def __init__(self, frame: pl.DataFrame, name: str, roles: tuple[str, ...], names: list[str], asked: Asked) -> None:
        self.frame, self.name, self.roles, self.asked = frame, name, roles, asked
        said = asked.long[1:] if asked.long else ()
        same = [c for c in frame.columns if c not in (*roles, *names, *said) and not says_unit(c) and self._of_visit(c)]
        self.keys = (*roles, *(c for c in frame.columns if c in same))
        rest = [c for c in frame.columns if c not in (*self.keys, *names)]
        self.names = names
        self.of_test = [c for c in rest if c not in said and self._of_test(c)]
        rest = [c for c in rest if c not in self.of_test]
        self.counters = {c: counter for c in rest if c not in said and (counter := self._counter(c)) is not None}
        rest = [c for c in rest if c not in self.counters]
        self.value = self._value(rest)
        self.twins = tuple(c for c in rest if self._repeats_value(c))
        self.more = [c for c in rest if c != self.value and c not in self.twins]

    def fields(self) -> dict[str, Any]:
        visits = _distinct(self.frame, *self.roles)
        least = min(RARE, SHARE * visits)
        counts = self.frame.group_by(self.names, maintain_order=True).len()
        texts = [" ".join(filter(None, row)) for row in counts.select(as_text(counts[c]) for c in self.names).iter_rows()]
        rare = [text for text, often in zip(texts, counts["len"], strict=True) if often < least]
        return {
            "columns": {c: str(dtype.base_type()) for c, dtype in self.frame.schema.items()},
            "keys": self.keys,
            "timed": len(self.roles) > 1,
            "found": tuple(c for c in self.roles if c not in (*self.asked.identifier, self.asked.time)),
            "names": tuple(self.names),
            "value": self.value,
            "counters": self.counters,
            "twins": self.twins,
            "tests": tuple(self._tests(least)),
            "by_test": self._by_test(),
            "rare": tuple(rare),
            "rare_rows": int(counts.filter(pl.col("len") < least)["len"].sum()),
        }

    def _of_visit(self, column: str) -> bool:
        """Whether a column says one thing in a visit."""
        several = self.frame.group_by(self.roles).agg(pl.col(column).n_unique().alias("n"), pl.len().alias("rows"))
        several = several.filter(pl.col("rows") > 1)
        return several.height > 0 and int((several["n"] > 1).sum()) <= EXCEPT * several.height

    def _of_test(self, column: str) -> bool:
        """Whether a column says one thing of a test, its name or its unit; one that is always empty says nothing of any."""
        return _distinct(self.frame, *self.names, column) == _distinct(self.frame, *self.names) and not says_value(column)

    def _counter(self, column: str) -> Counter | None:
        cells = self.frame[column]
        if not names_count(column) or not (cells.dtype.is_integer() or cells.dtype == pl.String) or cells.null_count():
            return None
        if cells.n_unique() == len(cells):
            whole = cells.cast(pl.Int64, strict=False)
            return Counter(within="table", first=1 if whole.null_count() else int(whole.max()) + 1)  # type: ignore[arg-type]
        if cells.dtype == pl.String:
            return None
        for within, over in (("visit", self.roles), ("patient", self.roles[:1])):
            runs = self.frame.group_by(over).agg(
                pl.len().alias("rows"), pl.col(column).n_unique().alias("n"), pl.col(column).min().alias("first"),
                pl.col(column).max().alias("last"),
            )  # fmt: skip
            unbroken = (runs["n"] == runs["rows"]) & (runs["last"] - runs["first"] + 1 == runs["rows"])
            if unbroken.all() and runs["first"].n_unique() == 1:
                return Counter.model_validate({"within": within, "first": int(runs["first"][0])})
        return None

    def _value(self, rest: list[str]) -> str | None:
        """The column of the value; of a text and its numbers, the text. None for a set of codes."""
        if self.asked.long is not None:
            return None if self.asked.long[1] == self.asked.long[0] else self.asked.long[1]
        named = [c for c in rest if says_value(c)]
        if not named and not rest:
            return None
        if not named and len(rest) == 1 and not names_someone(rest[0]):
            return rest[0]
        if not named:
            few = " or ".join(f"`long={self.names[0]} {c}`" for c in rest[:2])
            raise UsageError(
                f"{self.name} has several rows for a patient at one time, which differ in {self.names[0]!r}, and no column "
                f"that is plainly their value: say which is with {few}."
            )
        named = [c for c in named if not NO_VALUE & set(words(c))] or named
        filled = [c for c in named if not self.frame[c].null_count()] or named
        return next((c for c in filled if self.frame.schema[c] != pl.String), filled[0])

    def _repeats_value(self, column: str) -> bool:
        if self.value is None or column == self.value or not self.frame.schema[column].is_numeric():
            return False
        number = as_text(self.frame[self.value]).cast(pl.Float64, strict=False)
        return bool(number.eq_missing(self.frame[column].cast(pl.Float64)).all())

    def _tests(self, least: float) -> list[Test]:
        """The tests that enough rows have, in their usual order in a visit, each with what is its own."""
        frame = self.frame.with_columns(((pl.int_range(pl.len()) + 0.5) / pl.len()).over(self.roles).alias("\0place"))
        tests, taken = [], set(self.keys)
        groups = frame.group_by(self.names, maintain_order=True).agg(pl.len(), pl.col("\0place").mean())
        groups = groups.filter(pl.col("len") >= least).sort("\0place", maintain_order=True)
        parts = self.frame.partition_by(self.names, as_dict=True, maintain_order=True)
        shown = self._shown()
        for key in groups.select(self.names).iter_rows():
            rows = parts[key]
            cells = {c: as_text(rows[c])[0] for c in (*self.names, *self.of_test)}
            label = " ".join(cells[c] or "" for c in shown)
            value = self._own(rows)
            columns = {value or self.names[0]: _free(label, taken)}
            for c in (c for c in (self.value, *self.more) if c not in (None, value)):
                if rows[c].n_unique() == 1:
                    cells[c] = as_text(rows[c])[0]
                else:
                    columns[c] = _free(f"{label} · {c}", taken)
            tests.append(Test(cells=cells, columns=columns, value=None if value == self.value else value))
        return tests

    def _own(self, rows: pl.DataFrame) -> str | None:
        """The column that holds the value of one test: the table's, or where that says nothing of it another of values."""
        if self.value is None or self.asked.long is not None or rows[self.value].n_unique() > 1:
            return self.value
        others = [c for c in self.more if says_value(c) and not rows[c].null_count()]
        telling = [c for c in others if rows[c].n_unique() > 1]
        never = others if rows[self.value].null_count() else []
        return next(iter((*telling, *never)), self.value)

    def _shown(self) -> list[str]:
        """The columns whose cells name a test to people: the shortest text that tells all tests apart."""
        named = self.frame.select(*self.names, *self.of_test).unique()
        texts = [c for c in named.columns if named.schema[c] == pl.String and not named[c].null_count() and not says_unit(c)]
        texts.sort(key=lambda c: float(named[c].str.len_chars().mean() or 0))  # type: ignore[arg-type]
        for count in (1, 2):
            for some in combinations(texts, count):
                if _distinct(named, *some) == named.height:
                    return list(some)
        return self.names

    def _by_test(self) -> bool:
        """Whether the rows of each patient are sorted by test first."""
        key = [pl.col(c) for c in self.names]
        patients = self.frame.group_by(self.roles[0], maintain_order=True).agg(
            pl.struct(*key).rle_id().max().add(1).alias("runs"),
            pl.struct(*key).n_unique().alias("tests"),
            pl.len().alias("rows"),
        )
        several = patients.filter(pl.col("rows") > pl.col("tests"))
        return several.height > 0 and bool((several["runs"] == several["tests"]).all())


def _free(name: str, taken: set[str]) -> str:
    """A name that no column has yet."""
    free, number = name, 2
    while free in taken or not free:
        free, number = f"{name} ({number})", number + 1
    taken.add(free)
    return free
