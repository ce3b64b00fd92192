"""What synthetic patients must be: sex=female, age>60, or a table of statics.

An equality is given to the model, which then draws the rest to go with it; anything else is met by drawing again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor, from_numpy

from reverie.errors import DataError, UsageError, unknown
from reverie.process.randomness import generator
from reverie.records.codec import RecordCodec
from reverie.records.encoded import Records
from reverie.records.kinds import Column
from reverie.records.nulls import emptied
from reverie.records.reading import read_source
from reverie.records.rules import Rows, Rules
from reverie.records.rules.rule import SIGNS
from reverie.records.schema import Schema

__all__ = ["Conditions", "check_quoted", "divided", "quoted", "read_statics", "written"]

PATTERN = re.compile(r"\s*([^\"<>=!]*\"(?:[^\"]|\"\")+\"|.+?)\s*(>=|<=|!=|==|=|>|<)\s*(.*?)\s*")
OPERATORS = re.compile("[<>=]|!=")


def divided(text: str) -> tuple[str, str, str] | None:
    """Name, operator and value of a condition; None of what is none. A name may stand in double quotes."""
    if (found := PATTERN.fullmatch(text)) is None:
        return None
    name, sign, value = found.groups()
    before, quote, inside = name.partition('"')
    if quote and inside.endswith('"') and not OPERATORS.search(before):
        name = before + inside[:-1].replace('""', '"')
    return name, sign.replace("==", "="), value


def quoted(name: str) -> str:
    """A name as a condition has it: in double quotes where it holds an operator."""
    return '"' + name.replace('"', '""') + '"' if OPERATORS.search(name) else name


def check_quoted(text: str, names: Iterable[str]) -> None:
    """Raises UsageError for a condition that begins with one of these names, which holds an operator and is not quoted."""
    said = text.strip()
    for name in sorted(names, key=len, reverse=True):
        if OPERATORS.search(name) and said.startswith(name) and divided("a" + said[len(name) :]):
            raise UsageError(
                f"{text!r} has an operator in the name of a column: put the name in double quotes, as "
                f"{quoted(name) + said[len(name) :]!r}."
            )


def written(where: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Conditions as texts: {"sex": "female", "age": ">60"} is ["sex=female", "age>60"]."""
    if isinstance(where, Mapping):
        return [f"{quoted(k)}{v}" if str(v)[:1] in "<>!=" else f"{quoted(k)}={v}" for k, v in where.items()]
    return [where] if isinstance(where, str) else list(where)


@dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions on the statics.

    Attributes:
        codec: of the table.
        equal: text of each column that is given for all patients.
        others: (column, operator, text), to be met by rejection.
        statics: a frame of statics, one row for each patient; None if there is none.
    """

    codec: RecordCodec
    equal: Mapping[str, str]
    others: Sequence[tuple[Column, str, str]]
    statics: pl.DataFrame | None

    @classmethod
    def of(cls, codec: RecordCodec, where: Mapping[str, Any] | Sequence[str], table: Any) -> Conditions:
        """Reads what the user wrote. Raises UsageError naming the condition that cannot be understood."""
        equal: dict[str, str] = {}
        others: list[tuple[Column, str, str]] = []
        for text in written(where):
            column, sign, value = _parsed(codec, text)
            if sign == "=":
                if equal.get(column.name, value) != value:
                    raise UsageError(f"{column.name} cannot be {equal[column.name]} and {value} at once.")
                equal[column.name] = value
            else:
                others.append((column, sign, value))
        _check_rules(codec, equal)
        statics = None if table is None else read_statics(table, codec.schema)
        if statics is not None and others:
            raise UsageError("a table of statics and a condition other than column=value cannot be given together.")
        if statics is not None and (twice := equal.keys() & set(statics.columns)):
            raise UsageError(f"{min(twice)} is given both by the table of statics and by a condition: leave one out.")
        return cls(codec, equal, others, statics)

    @property
    def any(self) -> bool:
        return bool(self.equal or self.others or self.statics is not None)

    @property
    def rows(self) -> int | None:
        """How many patients the table of statics has."""
        return None if self.statics is None else len(self.statics)

    @property
    def columns(self) -> set[str]:
        """The columns of which anything is said."""
        given = () if self.statics is None else self.statics.columns
        return {*self.equal, *(column.name for column, _, _ in self.others), *given}

    def shard(self, number: int, size: int, seed: int) -> Records | None:
        """The codes of the statics that are given to shard `number`: [size, 1, C]."""
        if not self.equal and self.statics is None:
            return None
        return self.codec.given(self._frame(number, size), generator(seed, "given", number))

    def _frame(self, number: int, size: int) -> pl.DataFrame:
        """What is given to a shard, a row a patient."""
        if self.statics is None:
            return pl.DataFrame({name: [value] * size for name, value in self.equal.items()})
        rows = self.statics[number * size : (number + 1) * size]
        rows = pl.concat([rows, rows[[-1] * (size - len(rows))]]) if len(rows) < size else rows
        return rows.with_columns(**{name: pl.lit(value) for name, value in self.equal.items()})

    def kept(self, frame: pl.DataFrame, number: int, size: int, visits: np.ndarray) -> pl.DataFrame:
        """A shard's typed rows as rules would have them (rules/keeping.py), which move none of what a condition is on."""
        fixed = {column.name: np.ones(len(frame), dtype=bool) for column, _, _ in self.others}
        if self.equal or self.statics is not None:
            derived = {one.column for one in self.codec.derived}
            for cells in self._frame(number, size)[: len(visits)].iter_columns():
                there = np.repeat(cells.is_not_null().to_numpy(), visits)
                fixed[cells.name] = there
                if cells.name in derived:  # it has no score that could bring it here
                    column = self.codec.schema[cells.name]
                    x = np.repeat(column.read(cells), visits)
                    derived_cells = column.write(np.nan_to_num(x), ~there, frame.schema[cells.name])
                    frame = frame.with_columns(pl.coalesce(derived_cells, pl.col(cells.name)).alias(cells.name))
        return self.codec.kept(frame, fixed)

    @property
    def accept(self) -> Callable[[Tensor], Tensor] | None:
        """Which of the drawn statics are kept."""
        if not self.others:
            return None

        def kept(values: Tensor) -> Tensor:
            frame = self.codec.statics(values)
            good = np.ones(len(frame), dtype=bool)
            for column, sign, value in self.others:
                x = column.read(frame[column.name])
                good &= SIGNS[sign](x, column.parse(value)) & ~np.isnan(x)
            return from_numpy(good)

        return kept


def read_statics(source: Any, schema: Schema) -> pl.DataFrame:
    """Some of the static columns of `schema`, from a file or a frame; other columns are refused.

    Raises UsageError for a file that is not there, DataError, naming the column, for one that is not a static of the schema.
    """
    cells = read_source(source)
    name = cells.name
    frame = cells.frame.drop(schema.identifier.name, strict=False)
    statics = {column.name for column in schema.static}
    for column in frame.columns:
        if column not in statics:
            raise DataError(f"{name}: {unknown('static column', column, statics)}")
    if not frame.width:
        raise DataError(
            f"{name} has no static column: give some of {', '.join(sorted(statics)) or 'them, of which there are none'}."
        )
    return frame.with_columns(emptied(frame[column], schema.nulls(column)) for column in frame.columns)


def _check_rules(codec: RecordCodec, equal: Mapping[str, str]) -> None:
    """Raises UsageError where what all patients are to be breaks a rule by itself."""
    columns = {column.name: column for column in codec.schema.columns}
    row = Rows(pl.DataFrame({name: [value] for name, value in equal.items()}), columns, np.zeros(1, dtype=np.int64))
    for rule in Rules.of(codec.schema):
        if equal.keys() >= set(rule.columns) and rule.breaks(row)[0]:
            words = " and ".join(f"{name}={equal[name]}" for name in rule.columns)
            raise UsageError(f"{words} cannot be, for every patient keeps the rule {rule.text}: leave one of them out.")


def _parsed(codec: RecordCodec, text: str) -> tuple[Column, str, str]:
    check_quoted(text, codec.schema.names)
    if not (found := divided(text)):
        raise UsageError(f"{text!r} is not a condition: write column=value, or column>value with one of {' '.join(SIGNS)}.")
    name, sign, value = found
    statics = {column.name: column for column in codec.schema.static}
    if name in {column.name for column in codec.schema.varying}:
        raise UsageError(
            f"{name} changes from visit to visit, and conditions are on statics: {', '.join(statics) or 'none here'}."
        )
    if name not in statics:
        raise unknown("static column", name, statics)
    column = statics[name]
    column.parse(value)
    if sign not in ("=", "!=") and not column.ranked:
        raise UsageError(f"{name} has levels without an order, so {text!r} says nothing: use = or !=.")
    return column, sign, value
