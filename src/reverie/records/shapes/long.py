"""A table with a row for each (patient, time, test): pivoted to a row for each visit, with a column for each test.

    rows (keys, test, value, more) --pivot--> visits (keys, one column a test) --melt--> rows, of the tests measured

Without a column of values the tests are codes of which a visit has a set (diagnoses): its columns say whether a visit has
the code. What is the same in all rows of a test (its label, its unit) is kept once, here; what varies (a flag) becomes a
second column of the test. A test that stands several times in a visit makes several rows of that visit, for the schema's
rule on duplicates to decide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from reverie.errors import DataError
from reverie.records.commonest import commonest
from reverie.records.dtypes import TYPES
from reverie.records.identifiers import as_type
from reverie.records.places import ROW, at, counted, few, hidden, shown
from reverie.records.shapes.long_words import says_unit
from reverie.records.shapes.shape import Asked, Shape
from reverie.records.shapes.source_cells import as_text, typed

__all__ = ["AGAIN", "TEST", "VISIT", "Counter", "Long", "Test"]

TEST, VISIT, AGAIN = "\0test", "\0visit", "\0again"
"""Columns made on the way: the place of a row's test among the tests, of its visit, and how often it was there before."""


class Test(BaseModel):
    """One test, or code.

    Attributes:
        cells: what its rows have in common, as text, by column of the source: its name or names, its label, its unit.
        columns: its columns in the modelled form, by the column of the source that they hold.
        value: the column of the source that holds its value, where that is not the table's: a code beside a number.
    """

    __test__ = False  # nothing for pytest to collect
    model_config = ConfigDict(frozen=True, extra="forbid")

    cells: dict[str, str | None]
    columns: dict[str, str]
    value: str | None = None


class Counter(BaseModel):
    """A column that counts rows, and is renumbered.

    Attributes:
        within: where it begins again: nowhere, at each patient, or at each visit.
        first: the number to begin with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    within: Literal["table", "patient", "visit"]
    first: int = 1


class Long(Shape):
    """A row for each test of a visit.

    Attributes:
        columns: those of the source, in its order, with their types (polars' names).
        keys: the columns that are the same in all rows of a visit; the identifier is the first, the time the second if there
            is one.
        timed: whether there is a time.
        found: which of the two were found by their names, not said by the user.
        names: the columns that together say which test a row is of.
        value: the column of the value; None for a set of codes.
        counters: columns that are renumbered.
        twins: columns that repeat the value as a number where it is one.
        tests: in the order in which they stand within a visit.
        by_test: whether the rows of a patient are sorted by test first, and by time second.
        rare: tests that too few rows have to be learned: they are left out.
        rare_rows: how many rows those have.
    """

    shape: Literal["long"] = "long"
    columns: dict[str, str]
    keys: tuple[str, ...]
    timed: bool = True
    found: tuple[str, ...] = ()
    names: tuple[str, ...]
    value: str | None
    counters: dict[str, Counter] = Field(default_factory=dict)
    twins: tuple[str, ...] = ()
    tests: tuple[Test, ...]
    by_test: bool = False
    rare: tuple[str, ...] = ()
    rare_rows: int = 0

    @classmethod
    def recognise(cls, frame: pl.DataFrame, name: str, asked: Asked) -> Self | None:
        from reverie.records.shapes.long_roles import find

        fields = find(frame, name, asked)
        return None if fields is None else cls.model_validate(fields)

    def asked(self, asked: Asked) -> Asked:
        time = self.keys[1] if self.timed else None
        return replace(asked, identifier=self.keys[:1], time=time, long=None)

    def done(self, frame: pl.DataFrame) -> bool:
        folded = {*self.names, self.value} - {None}
        return not folded & set(frame.columns) and any(self._present(test) in frame.columns for test in self.tests)

    def apply(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        if missing := next(
            (c for c in (*self.keys, *self.names, self.value) if c is not None and c not in frame.columns), None
        ):
            raise DataError(
                f"{name} has no column {missing!r}, which a table with a row for each {self.names[0]!r} must have: add it."
            )
        rows = self.placed(frame).filter(pl.col(TEST).is_not_null())
        if not rows.height:
            raise DataError(
                f"{at(name, None, self.names[0])}none of its {frame.height:,} rows is of a test that the schema lists: "
                "name the tests as there, or read the table without the schema."
            )
        self._check_units(rows, name)
        rows, visits = self.visits(rows)
        row = [ROW] if ROW in frame.columns else []
        wide = {}
        if self.value is None:
            rows = rows.with_columns(pl.lit(True).alias(self.names[0]))
        for source in (c for c in self._pivoted if c in frame.columns):
            cells = rows.select(VISIT, TEST, source).pivot(TEST, index=VISIT, values=source, aggregate_function="first")
            cells = visits.select(VISIT).join(cells, on=VISIT, how="left", maintain_order="left")
            for place, test in enumerate(self.tests):
                if column := test.columns.get(source):
                    never = pl.Series([None] * visits.height, dtype=rows.schema[source])
                    cells_of_test = cells[str(place)] if str(place) in cells.columns else never
                    wide[column] = (
                        cells_of_test.fill_null(False) if self.value is None and source == self.names[0] else cells_of_test
                    ).alias(column)
        order = [column for test in self.tests for column in test.columns.values() if column in wide]
        return visits.select(*(c for c in frame.columns if c in self.keys), *row).with_columns(
            wide[column] for column in order
        )

    def undo(self, frame: pl.DataFrame) -> pl.DataFrame:
        others = [c for c in frame.columns if c not in self.keys and c not in self._made and (c == ROW or not hidden(c))]
        visits, parts = frame.with_row_index(VISIT), []
        for place, test in enumerate(self.tests):
            present = self._present(test)
            if present not in frame.columns:
                continue
            measured = pl.col(present) if self.value is None else pl.col(present).is_not_null()
            rows = visits.filter(measured)
            cells = {c: rows[column] for c, column in test.columns.items() if column in frame.columns}
            cells |= {c: pl.repeat(text, rows.height, dtype=pl.String, eager=True) for c, text in test.cells.items()}
            never = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
            folded = [typed(cells.get(c, never), self.columns[c]).alias(c) for c in self._folded]
            of_test = rows.select(VISIT, *self.keys, *others).with_columns(pl.lit(place, pl.Int64).alias(TEST), *folded)
            parts.append(of_test)
        patient = pl.col(VISIT).min().over(self.keys[0])
        order = (patient, TEST, VISIT) if self.by_test else (VISIT, TEST)
        rows = pl.concat(parts, how="vertical_relaxed").sort(*order, maintain_order=True)
        for column in self.twins:
            text = rows[self.value or ""].cast(pl.String)
            number = text.cast(pl.Float64, strict=False)
            number = text.set(number.is_null(), None) if self.columns[column].startswith("Float") else number
            rows = rows.with_columns(typed(number, self.columns[column]).alias(column))
        rows = rows.with_columns(self._numbered(c, counter) for c, counter in self.counters.items())
        return rows.select(*others, *(c for c in self.columns if c in rows.columns))

    def restore(self, frame: pl.DataFrame, original: pl.DataFrame, source: pl.DataFrame) -> pl.DataFrame:
        from reverie.records.shapes.long_restore import restore

        return restore(self, frame, original, source)

    @property
    def most_rows(self) -> int:
        return len(self.tests)

    def after(self, frame: pl.DataFrame, rows: int) -> pl.DataFrame:
        return frame.with_columns(
            as_type(frame[c].cast(pl.Int64) + rows, frame.schema[c], c)
            for c, counter in self.counters.items()
            if counter.within == "table"
        )

    def left_out(self, frame: pl.DataFrame) -> int:
        return self.placed(frame)[TEST].null_count()

    def unread(self, frame: pl.DataFrame) -> str:
        rows = self.placed(frame).filter(pl.col(TEST).is_null())
        if not rows.height:
            return ""
        tests = rows.select(
            pl.concat_str([as_text(rows[c]) for c in self.names], separator=" ", ignore_nulls=True).alias("test")
        )
        what = counted(rows.height, "row", "is are")
        return f"{what} of {self.names[0]} that was not learned ({few(commonest(tests['test']))}): nothing is made of them."

    @property
    def note(self) -> str:
        what = " and ".join(self.names)
        first = few(map(self._present, self.tests))
        said = f"The table has a row for each {what}: it was pivoted to a column for each of {len(self.tests)} ({first})"
        if self.value is None:
            said += ", which says whether a visit has it"
        said += ", and is written back as rows"
        if self.rare:
            lost = f"{len(self.rare)} more ({few(self.rare)}) have too few rows to be learned"
            said += f"; {lost}: their {self.rare_rows:,} are left out"
        return said + "."

    @property
    def whys(self) -> dict[str, str]:
        return dict.fromkeys(self.found, "its name, and rows of one visit share it")

    @property
    def pivots(self) -> bool:
        return True

    @property
    def _folded(self) -> list[str]:
        """Columns of the source that are in the cells or the columns of tests."""
        return [c for c in self.columns if c not in self.keys and c not in self.counters and c not in self.twins]

    @property
    def _pivoted(self) -> list[str]:
        """Columns of the source that become columns of tests."""
        return list(dict.fromkeys(c for test in self.tests for c in test.columns))

    @property
    def _made(self) -> set[str]:
        return {column for test in self.tests for column in test.columns.values()}

    def _present(self, test: Test) -> str:
        """The column of a test that says whether it was measured."""
        return test.columns[test.value or (self.names[0] if self.value is None else self.value)]

    def placed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows with the place of their test among the tests; null for a test that is not one of them."""
        texts = [as_text(frame[c]).alias(f"\0{k}") for k, c in enumerate(self.names)]
        tests = pl.DataFrame(
            {f"\0{k}": [test.cells[c] for test in self.tests] for k, c in enumerate(self.names)},
            schema={f"\0{k}": pl.String for k in range(len(self.names))},
        ).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(TEST))
        keys = [text.name for text in texts]
        return frame.with_columns(texts).join(tests, on=keys, how="left", maintain_order="left").drop(keys)

    def visits(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows of known tests with the place of their visit, those that are alike once; and the visits in their order."""
        counted = (*self.counters, ROW)
        rows = rows.unique([c for c in rows.columns if c not in counted], keep="first", maintain_order=True)
        again = pl.int_range(pl.len()).over(*self.keys, TEST) if self.value is not None else pl.lit(0)
        rows, index = rows.with_columns(again.alias(AGAIN)), [*self.keys, AGAIN]
        row = [pl.col(ROW).min()] if ROW in rows.columns else []
        visits = rows.group_by(index, maintain_order=True).agg(row).with_row_index(VISIT)
        place = visits.select(VISIT, *index)
        return rows.join(place, on=index, how="left", nulls_equal=True, maintain_order="left"), visits

    def _check_units(self, rows: pl.DataFrame, name: str) -> None:
        """The values of a test are in the unit that the schema knows. Raises DataError."""
        for column in (c for c in self._folded if c in rows.columns and says_unit(c)):
            unit = pl.Series([test.cells.get(column) for test in self.tests], dtype=pl.String)
            fixed = pl.Series([column in test.cells for test in self.tests])
            cells = as_text(rows[column])
            wanted = unit.gather(rows[TEST])
            wrong = (fixed.gather(rows[TEST]) & cells.is_not_null() & cells.ne_missing(wanted)).arg_true()
            if len(wrong):
                k = int(wrong[0])
                row = int(rows[ROW][k]) if ROW in rows.columns else k + 1
                raise DataError(
                    f"{at(name, row, column)}{shown(cells[k])} is not the unit of "
                    f"{self._present(self.tests[rows[TEST][k]])}, which is {shown(wanted[k] or 'none')} in the table "
                    "learned from: bring the values to that unit."
                )

    def _numbered(self, column: str, counter: Counter) -> pl.Expr:
        over = {"table": [], "patient": [self.keys[0]], "visit": [VISIT]}[counter.within]
        number = pl.int_range(pl.len(), dtype=pl.Int64)
        number = number.over(over) if over else number
        return (number + counter.first).cast(TYPES.get(self.columns[column], pl.String())).alias(column)
