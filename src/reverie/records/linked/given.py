"""Conditions on rows.

stays.admission_type=emergency        every stay is one, and the rest is drawn to go with it
any stays.admission_type=emergency    one stay of each patient is, drawn at random among them; so there is one
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.errors import UsageError, unknown
from reverie.records.conditions import PATTERN, written
from reverie.records.intervals import between, inside
from reverie.records.linked.beside import called, has
from reverie.records.linked.codec import LinkedCodec

__all__ = ["GivenRows", "Wish", "parted"]

ANY = "any "
"""What stands before a condition that one row of each patient is to meet."""


@dataclass(frozen=True, eq=False)
class Wish:
    """A row that each patient is to have.

    Attributes:
        path: the tables from below the patients down to its own.
        cells: the values of columns of its codec.
    """

    path: tuple[str, ...]
    cells: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class GivenRows:
    """What rows of some tables are.

    Attributes:
        codec: of the tables.
        cells: by table, the values of columns of its codec that every row has.
        wishes: rows that each patient has.
    """

    codec: LinkedCodec
    cells: Mapping[str, Mapping[str, float]]
    wishes: tuple[Wish, ...] = ()

    def put(self, table: str, token: int, scores: Tensor, cells: Mapping[str, float], randomness: torch.Generator) -> Tensor:
        """Scores [n, w] of the groups (token 0) or rows (1) of a table, NaN where not known, with cells given in all of
        them."""
        codec, scores = self.codec.codecs[table], scores.clone()
        for column, value in cells.items():
            for field in codec.fields:
                if field.column != column or field.token != token or not field.channels:
                    continue
                x = np.full(len(scores), 1.0 if field.part == "measured" else value)
                scores[:, list(field.channels)] = _drawn(*codec.codes[field.name].ends(x), randomness)
        return scores

    def put_flag(self, table: str, child: str, scores: Tensor, randomness: torch.Generator) -> Tensor:
        """Scores [n, w] of patients or of rows of a table, by which each has rows of another that hangs on it."""
        names = [name for name, _ in self.codec.flags[table]]
        if child not in names:  # all have
            return scores
        scores, place = scores.clone(), names.index(child)
        yes = np.ones(len(scores), dtype=np.int64)
        drawn = _drawn(*self.codec.flags[table][place][1].intervals(yes), randomness)
        scores[:, scores.shape[1] - len(names) + place] = drawn[:, 0]
        return scores


def _drawn(lower: np.ndarray, upper: np.ndarray, randomness: torch.Generator) -> Tensor:
    """Scores [n, channels] in intervals."""
    low, high = (torch.from_numpy(end) for end in inside(lower, upper))
    return between(low, high, torch.rand(low.shape, generator=randomness)).float()


def parted(codec: LinkedCodec, where: Mapping[str, Any] | Sequence[str]) -> tuple[list[str], GivenRows]:
    """Conditions on patients, and those on rows. Raises UsageError for one on rows that cannot be understood or kept."""
    of_patients: list[str] = []
    every: dict[str, dict[str, float]] = {}
    wishes: list[Wish] = []
    root = codec.codecs[codec.tree.root].schema
    for text in written(where):
        found, one = PATTERN.fullmatch(text), text.startswith(ANY)
        name = (found[1] if found else text).removeprefix(ANY).strip() if one else found[1] if found else text
        table, dot, column = name.partition(".")
        if not (found and dot) or name in root.names or table == codec.tree.root:
            if one:
                raise UsageError(f"{text!r}: any is of the rows of a table, as any TABLE.column=value: name the table.")
            of_patients.append(text.removeprefix(f"{codec.tree.root}."))
            continue
        if table not in codec.forms.forms:
            raise unknown("table", table, codec.forms.forms)
        if found[2] != "=":
            what = "one of them is" if one else "all of them are"
            raise UsageError(f"{text!r}: a condition on rows says what {what}: give it as {found[1]}=VALUE.")
        home, cell, value = _cell(codec, table, column, found[3])
        cells = {cell: value} | ({has(table): 0.0} if home != table else {})  # its only level
        if one and home != codec.tree.root:
            wishes.append(Wish((*reversed(list(codec.tree.above(home))), home)[1:], cells))
        else:
            every.setdefault(home, {}).update(cells)
    for wish in wishes:
        if twice := next((c for c, v in wish.cells.items() if every.get(wish.path[-1], {}).get(c, v) != v), None):
            raise UsageError(f"no row of {wish.path[-1]} can have another {twice} than every row: leave one out.")
    return of_patients, GivenRows(codec, every, tuple(wishes))


def _cell(codec: LinkedCodec, table: str, column: str, text: str) -> tuple[str, str, float]:
    """The table whose rows hold a cell, its column there, and its value."""
    form, branch = codec.forms.forms[table], codec.tree[table]
    if column not in form.columns:
        raise unknown(f"column of {table}", column, form.columns)
    if column in form.follows:
        raise UsageError(f"{table}.{column} follows from {form.follows[column][0]}: say what that is.")
    home, name = (str(branch.parent), called(table, column)) if branch.beside else (table, column)
    of = codec.codecs[home]
    plain = column not in (form.time, *form.after, *form.scored, *form.gone)
    if not plain or name not in of.schema.names or f"value:{name}" not in of.codes:
        raise UsageError(f"{table}.{column} is not learned as it stands, so no row can be made to have it: leave it out.")
    told = of.schema[name]
    value = float(told.read(pl.Series(name, [text]), f"{table}.{column}={text}")[0]) if told.quantity else told.parse(text)
    return home, name, value
