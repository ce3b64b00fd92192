"""Conditions on rows that are met by drawing: values that are more or less than a number, and how many rows there are.

    any labs.value>5     a row of each patient has such a value         rows are drawn as they come, and patients chosen
    labs.value>5         every row has such a value                     values are drawn again first, until they are such
    count(stays)>=2      so many rows of each patient                   patients are chosen

A patient who does not meet them is drawn again, a bounded number of times. What nothing that is made could meet is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Literal

import numpy as np
import polars as pl

from reverie.errors import UsageError, unknown
from reverie.plain import number_of
from reverie.records.generate import ROUNDS
from reverie.records.kinds import Column
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.making import Rows
from reverie.records.rules.rule import SIGNS

__all__ = ["COUNT", "Choice", "can", "chosen", "none_apart", "value_of"]

COUNT = re.compile(r"count\(\s*(.+?)\s*\)")
"""What stands for the number of rows of a table."""
NONE = 10
"""Rounds after which there is no more hope where nobody has met a condition."""
REACH = 8.0
"""The score from which on no value is made."""


@dataclass(frozen=True, eq=False)
class Choice:
    """A condition that is met by drawing.

    Attributes:
        text: as it was written.
        how: whether one row of each patient is to meet it, every row, or their number.
        table, column: of whose cells it is; no column of a number of rows.
        sign, value: what they are to be.
        told: reads cells as numbers; none where they are compared as they are.
    """

    text: str
    how: Literal["any", "every", "count"]
    table: str
    column: str
    sign: str
    value: Any
    told: Column | None = None

    def good(self, cells: pl.Series) -> np.ndarray:
        """Bool [n], which cells are as they are to be; empty ones are not."""
        if self.told is not None:
            return np.asarray(SIGNS[self.sign](self.told.read(cells), self.value))
        return SIGNS[self.sign](cells, self.value).fill_null(False).to_numpy()

    def met(self, codec: LinkedCodec, rows: Mapping[str, Rows]) -> np.ndarray:
        """Bool [patients], who meets it."""
        every, root = np.arange(len(rows[self.table].parents)), codec.tree.root
        at, patients = codec.tree.up(self.table, root, every, lambda t: rows[t].parents), len(rows[root].parents)
        if self.how == "count":
            return np.asarray(SIGNS[self.sign](np.bincount(at, minlength=patients), self.value))
        good = self.good(rows[self.table].frame[self.column])
        if self.how == "any":
            return np.bincount(at[good], minlength=patients) > 0
        return np.bincount(at[~good], minlength=patients) == 0


def value_of(codec: LinkedCodec, table: str, column: str, sign: str, text: str, said: str) -> Any:
    """What a cell is compared with, in the type of its column. Raises UsageError for what is none, and where no cell that is
    made could be so; `said` is the condition."""
    form = codec.forms.forms[table]
    if column not in form.columns:
        raise unknown(f"column of {table}", column, form.columns)
    dtype = form.columns[column]
    if column in form.gone or column in form.lists:
        what = "a key, which is new" if column in form.gone else "a list of things, each drawn by itself"
        raise UsageError(f"{table}.{column} is {what} in what is made: leave {said!r} out.")
    if dtype == pl.String:
        levels = _levels(codec, table, column)
        if levels and text not in levels:
            raise unknown(f"level of {table}.{column}", text, levels)
        if sign not in ("=", "!="):
            raise UsageError(f"{table}.{column} has levels without an order, so {said!r} says nothing: use = or !=.")
        if levels and sign == "!=" and len(levels) == 1:
            raise UsageError(f"{said!r} cannot be: every {table}.{column} is {text}; leave it out.")
        return text
    value: Any = {"true": True, "false": False}.get(text.lower()) if dtype == pl.Boolean else None
    if dtype.is_temporal():
        read = pl.Series([text]).str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)[0]
        for pattern in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"):
            read = read or pl.Series([text]).str.to_datetime(pattern, strict=False)[0]
        value = read if dtype == pl.Datetime or read is None else read.date()
    elif dtype.is_numeric():
        try:
            value = float(text)
        except ValueError:
            value = None
    if value is None or value != value:
        what = "a time, as 2026-01-31 or 2026-01-31 12:00" if dtype.is_temporal() else "true or false"
        raise UsageError(f"{said!r}: {text!r} is not {'a number' if dtype.is_numeric() else what}: give one.")
    ends = _ends(codec, table, column)
    if ends is not None and not can(sign, value, *ends):
        raise UsageError(f"{said!r} cannot be: {table}.{column} is between {ends[0]:g} and {ends[1]:g} in what is made.")
    return value


def none_apart(choices: Sequence[Choice]) -> None:
    """Raises UsageError for two conditions on every row, or on one number of rows, that nothing meets at once."""
    for one, other in permutations(choices, 2):
        same = (one.how, one.table, one.column) == (other.how, other.table, other.column) and one.how != "any"
        if same and one.sign in (">", ">=", "=") and other.sign in ("<", "<=", "="):
            both = "=" in one.sign and "=" in other.sign
            if one.value > other.value or (one.value == other.value and not both):
                raise UsageError(f"{one.text!r} and {other.text!r} cannot be at once: leave one out.")


def chosen(
    codec: LinkedCodec,
    choices: Sequence[Choice],
    draw: Callable[[int], dict[str, Rows]],
    patients: int,
    apart: bool,
) -> tuple[dict[str, Rows], int, int]:
    """Patients who meet all conditions, how many were drawn for them, and how many of those met them.

    Args:
        draw: the patients of a round, as many in each.
        patients: how many are wanted, at most so many as are drawn in a round.
        apart: whether each is another, so that only who was drawn at a place can stand there.

    Raises UsageError where hardly any does.
    """
    tree, parts, places, drawn, found = codec.tree, [], [], 0, 0
    open_ = np.ones(patients, dtype=bool)
    for attempt in range(ROUNDS):
        rows = draw(attempt)
        met = np.logical_and.reduce([choice.met(codec, rows) for choice in choices])
        drawn, found = drawn + len(met), found + int(met.sum())
        taken = np.flatnonzero(met[:patients] & open_) if apart else np.flatnonzero(met)[: int(open_.sum())]
        at = taken if apart else np.flatnonzero(open_)[: len(taken)]
        open_[at] = False
        parts.append(_taken(tree, rows, taken))
        places.append(at)
        if not open_.any():
            return _stacked(tree, parts, np.concatenate(places)), drawn, found
        if not found and attempt + 1 >= NONE:
            break
    said = " and ".join(repr(choice.text) for choice in choices)
    raise UsageError(
        f"of {number_of(drawn, 'patient')} drawn {'none' if not found else f'only {found:,}'} met {said}, too few to go on: "
        "loosen it."
    )


def _taken(tree: Any, rows: Mapping[str, Rows], patients: np.ndarray) -> dict[str, Rows]:
    """The rows of some patients, rising, who become 0, 1, 2 ..."""
    kept = tree.below(patients, len(rows[tree.root].parents), {table: one.parents for table, one in rows.items()})
    return {table: Rows(_at(rows[table].frame, at), above) for table, (at, above) in kept.items()}


def _stacked(tree: Any, parts: Sequence[Mapping[str, Rows]], places: np.ndarray) -> dict[str, Rows]:
    """The patients of all parts, each at its place, rows in the order of those that they hang on."""
    out: dict[str, Rows] = {}
    order = {tree.root: np.argsort(places)}
    for branch in tree.branches:
        frame = pl.concat([part[branch.table].frame for part in parts])
        if branch.parent is None:
            out[branch.table] = Rows(_at(frame, order[tree.root]), np.arange(len(places)))
            continue
        before = np.cumsum([0, *(len(part[branch.parent].parents) for part in parts[:-1])])
        parents = np.concatenate([part[branch.table].parents + n for part, n in zip(parts, before, strict=True)])
        new = np.empty(len(order[branch.parent]), dtype=np.int64)
        new[order[branch.parent]] = np.arange(len(new))
        order[branch.table] = np.argsort(new[parents], kind="stable")
        out[branch.table] = Rows(_at(frame, order[branch.table]), new[parents][order[branch.table]])
    return out


def _at(frame: pl.DataFrame, rows: np.ndarray) -> pl.DataFrame:
    """Some rows; a table of keys alone has no column here."""
    return frame[rows] if frame.width else frame


def _levels(codec: LinkedCodec, table: str, column: str) -> list[str]:
    """The levels that cells of a column of text can have; none where there are none."""
    form = codec.forms.forms[table]
    if column in form.follows:
        return sorted(set(form.follows[column][1][:, 1].drop_nulls().cast(pl.String)))
    home, name = codec.forms.home(table, column)
    return list(codec.codecs[home].schema[name].levels) if name in codec.codecs[home].schema.names else []


def _ends(codec: LinkedCodec, table: str, column: str) -> tuple[float, float] | None:
    """The least and the greatest number that is made in a column, where that is known."""
    scored = codec.forms.forms[table].scored.get(column)
    if scored is not None:
        values = [x for x in scored.values.values() if len(x)]
        return (float(min(x.min() for x in values)), float(max(x.max() for x in values))) if values else None
    home, name = codec.forms.home(table, column)
    form, of = codec.forms.forms[table], codec.codecs[home]
    if column in (form.time, *form.after) or f"value:{name}" not in of.codes or not of.schema[name].quantity:
        return None
    code = of.codes[f"value:{name}"]
    low, high = code.cells(np.array([[-REACH], [REACH]]).repeat(code.width, 1))
    return float(low), float(high)


def can(sign: str, value: float, low: float, high: float) -> bool:
    """Whether any number between two is as it is to be."""
    if sign == "=":
        return low <= value <= high
    if sign == "!=":
        return low != high or low != value
    return bool(SIGNS[sign](high if sign in (">", ">=") else low, value))
