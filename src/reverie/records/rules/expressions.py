"""What stands on either side of a comparison: columns, values, arithmetic, and what came before in the same patient.

first(x)      the first known value of the patient          total(x)   the sum of x so far, this row included
previous(x)   the value at the row before                   count()    1, 2, 3, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from reverie.errors import UsageError
from reverie.records.intervals import Floats
from reverie.records.kinds import Column
from reverie.records.rules.rows import Rows

__all__ = ["FUNCTIONS", "Arithmetic", "Expression", "Function", "Name", "Value", "leaves", "named", "quoted"]

FUNCTIONS = ("first", "previous", "total", "count")
Binary = Callable[[Floats, Floats], Floats]
OPERATORS: dict[str, tuple[Binary, Binary, Binary | None]] = {
    "+": (np.add, np.subtract, np.subtract),
    "-": (np.subtract, np.add, lambda result, left: left - result),
    "*": (np.multiply, np.divide, np.divide),
    "/": (np.divide, np.multiply, lambda result, left: left / result),
    "^": (np.power, lambda result, right: np.power(result, 1 / right), None),
}
"""Of each sign (left, right) -> result, (result, right) -> left, (result, left) -> right; None where it is not needed."""
BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}


def quoted(text: str, mark: str) -> str:
    """A name (mark `) or a value (mark ") as rules write it: bare where it is one word."""
    bare = text.replace("_", "a").replace(".", "a") if mark == "`" else text.lstrip("-").replace("_", "a").replace(".", "1")
    if bare.isalnum() and (mark == '"' or not text[0].isdigit()) and text not in ("if", "and", "in", "within", "else"):
        return text
    return f"{mark}{text.replace(mark, mark * 2)}{mark}"


class Expression:
    """A number at each row."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return ()

    @property
    def text(self) -> str:
        raise NotImplementedError

    def values(self, rows: Rows, like: Column | None = None) -> Floats:
        """Float64 [R], NaN where something that it needs is empty. A value is read as one of the column `like`."""
        raise NotImplementedError

    def inverse(self, name: str, result: Floats, rows: Rows) -> Floats | None:
        """What a column that stands once in it must be for it to have a result, float64 [R]; None if that is not found by
        arithmetic."""
        return None


@dataclass(frozen=True)
class Name(Expression):
    """The column of that name."""

    name: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def text(self) -> str:
        return quoted(self.name, "`")

    def values(self, rows: Rows, like: Column | None = None) -> Floats:
        return rows.values(self.name)

    def inverse(self, name: str, result: Floats, rows: Rows) -> Floats | None:
        return result if self.name == name else None


@dataclass(frozen=True)
class Value(Expression):
    """A number, a date or a level, as a person writes it."""

    word: str

    @property
    def text(self) -> str:
        return quoted(self.word, '"')

    def values(self, rows: Rows, like: Column | None = None) -> Floats:
        return np.full(len(rows), self.number(like))

    def number(self, like: Column | None) -> float:
        """Raises UsageError for what is no value of the column, and for a word where a number is meant."""
        if like is not None:
            return like.parse(self.word)
        try:
            return float(self.word)
        except ValueError:
            raise UsageError(f"{self.word!r} is no number, and stands beside no column that it could be of.") from None


@dataclass(frozen=True)
class Function(Expression):
    """One of FUNCTIONS, of an expression; `count` of none."""

    name: str
    of: Expression | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return self.of.columns if self.of else ()

    @property
    def text(self) -> str:
        return f"{self.name}({self.of.text if self.of else ''})"

    def values(self, rows: Rows, like: Column | None = None) -> Floats:
        if self.name == "count" or self.of is None:
            return rows.place.astype(np.float64) + 1.0
        x = self.of.values(rows, like)
        if self.name == "previous":
            return np.where(rows.place > 0, np.roll(x, 1), np.nan)
        if self.name == "total":
            sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(x))])
            lacks = np.concatenate([[0], np.cumsum(np.isnan(x))])
            at = np.arange(len(x)) + 1
            so_far: Floats = sums[at] - sums[rows.first]
            return np.where(lacks[at] - lacks[rows.first] > 0, np.nan, so_far)
        return rows.first_known(x)

    def inverse(self, name: str, result: Floats, rows: Rows) -> Floats | None:
        if not isinstance(self.of, Name) or self.of.name != name or self.name not in ("first", "previous"):
            return None
        if self.name == "previous":  # at the row before
            return np.where(np.roll(rows.place, -1) > 0, np.roll(result, -1), np.nan)
        place = np.arange(len(rows))
        at = rows.first_known(np.where(np.isnan(rows.values(name)), np.nan, place))
        return np.where(place == np.where(np.isnan(at), rows.first, at), result, np.nan)  # there, and nowhere else


@dataclass(frozen=True)
class Arithmetic(Expression):
    """Two expressions and one of + - * / ^ between them."""

    left: Expression
    sign: str
    right: Expression

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.left.columns, *self.right.columns)))

    @property
    def text(self) -> str:
        return f"{self._part(self.left, 0)} {self.sign} {self._part(self.right, 1)}"

    def _part(self, part: Expression, tighter: int) -> str:
        loose = isinstance(part, Arithmetic) and BINDS[part.sign] < BINDS[self.sign] + tighter
        return f"({part.text})" if loose else part.text

    def values(self, rows: Rows, like: Column | None = None) -> Floats:
        with np.errstate(all="ignore"):
            x = OPERATORS[self.sign][0](self.left.values(rows), self.right.values(rows))
        return np.where(np.isfinite(x), x, np.nan).astype(np.float64)

    def inverse(self, name: str, result: Floats, rows: Rows) -> Floats | None:
        of_left, of_right = (name in side.columns for side in (self.left, self.right))
        side, other = (self.left, self.right) if of_left else (self.right, self.left)
        solve = OPERATORS[self.sign][1 if of_left else 2]
        if of_left == of_right or solve is None:
            return None
        with np.errstate(all="ignore"):
            x = solve(result, other.values(rows))
        return side.inverse(name, np.where(np.isfinite(x), x, np.nan), rows)


def named(expression: Expression) -> str:
    """The column whose values these are, itself or of another row; "" for what is worked out."""
    if isinstance(expression, Function) and expression.name in ("first", "previous") and expression.of is not None:
        return named(expression.of)
    return expression.name if isinstance(expression, Name) else ""


def leaves(expression: Expression) -> Iterator[Expression]:
    """All that it is made of, itself included."""
    yield expression
    if isinstance(expression, Arithmetic):
        yield from leaves(expression.left)
        yield from leaves(expression.right)
    elif isinstance(expression, Function) and expression.of is not None:
        yield from leaves(expression.of)
