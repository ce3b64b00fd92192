"""Conditions on rows.

stays.admission_type=emergency        every stay is one, and the rest is drawn to go with it
any stays.admission_type=emergency    one stay of each patient is, drawn at random among them; so there is one
labs.value>5, count(stays)>=2         what nothing can be given for is met by drawing (choosing.py)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from reverie.errors import UsageError, unknown
from reverie.records.conditions import check_quoted, divided, quoted, written
from reverie.records.intervals import scored
from reverie.records.linked.beside import called, has
from reverie.records.linked.bonds import base_of, told_of
from reverie.records.linked.choosing import COUNT, Choice, can, none_apart, value_of
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.form import SINCE
from reverie.records.linked.keys import singular
from reverie.records.linked.scores import TableScores
from reverie.records.linked.tables import parts_of_name
from reverie.records.places import hidden

__all__ = ["GivenRows", "Wish", "one_of", "parted"]

ANY, ALL = "any ", "all "
"""What stands before a condition that one row of each patient is to meet, and may stand before one for every row."""


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
        cells: by table, the values of columns of its codec that every row has; none where it is only known to have one.
        wishes: rows that each patient has.
        choices: conditions that are met by drawing.
    """

    codec: LinkedCodec
    cells: Mapping[str, Mapping[str, float | None]]
    wishes: tuple[Wish, ...] = ()
    choices: tuple[Choice, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cells or self.wishes or self.choices)

    @property
    def fixed(self) -> dict[str, list[str]]:
        """By table, the columns whose values are given."""
        return {table: [column for column, value in of.items() if value is not None] for table, of in self.cells.items()}

    def drawn_again(self, table: str) -> list[Choice]:
        """The conditions on every row of a table, or of one beside it, for which values are drawn again."""
        home = self.codec.forms.home
        return [one for one in self.choices if one.how == "every" and home(one.table, one.column)[0] == table]

    def unmet(self, table: str, visits: pl.DataFrame, width: int) -> tuple[np.ndarray, Tensor]:
        """Bool [rows], the rows of a table that do not meet all conditions on every row, and [rows, width], the scores
        that say so."""
        rows, cells = np.zeros(len(visits), dtype=bool), torch.zeros(len(visits), width, dtype=torch.bool)
        for choice in self.drawn_again(table):
            form, name = self.codec.forms.forms[choice.table], base_of(self.codec.forms.forms[choice.table], choice.column)
            names = {name, form.scored[name].code} if name in form.scored else {name}
            columns = {self.codec.forms.home(choice.table, name)[1] for name in names}
            fields = [f for f in self.codec.codecs[table].fields if f.token and f.column in columns and f.part == "value"]
            wrong = self._wrong(choice, visits)
            cells[np.flatnonzero(wrong)[:, None], [channel for field in fields for channel in field.channels]] = True
            rows |= wrong
        return rows, cells

    def _wrong(self, choice: Choice, visits: pl.DataFrame) -> np.ndarray:
        """Bool [rows], the rows of a table's visits that do not meet a condition on every row."""
        form, column = self.codec.forms.forms[choice.table], choice.column

        def cells(name: str) -> pl.Series:
            return visits[self.codec.forms.home(choice.table, name)[1]]

        if column in form.scored:
            found = form.scored[column].cells(cells(column), cells(form.scored[column].code), form.columns[column])
        elif column in form.follows:
            found = told_of(form, column, cells(base_of(form, column)))
        elif self.codec.forms.home(choice.table, column)[1] not in visits.columns or column in form.after:
            return np.zeros(len(visits), dtype=bool)  # a time, which is known when all is made
        else:
            found = cells(column)
        there = np.ones(len(visits), dtype=bool)
        if self.codec.tree[choice.table].beside:
            there = visits[has(choice.table)].is_not_null().to_numpy()
        return there & ~choice.good(found)

    def put(
        self, table: str, token: int, scores: Tensor, cells: Mapping[str, float | None], randomness: torch.Generator
    ) -> Tensor:
        """Scores [n, w] of the groups (token 0) or rows (1) of a table, NaN where not known, with cells given in all of
        them."""
        codec, scores = self.codec.codecs[table], scores.clone()
        for column, value in cells.items():
            for field in codec.fields:
                if field.column != column or field.token != token or not field.channels:
                    continue
                if value is None and field.part != "measured":
                    continue
                x = np.full(len(scores), 1.0 if value is None or field.part == "measured" else value)
                scores[:, list(field.channels)] = scored(*codec.codes[field.name].ends(x), randomness)
        return scores

    def put_flag(self, table: str, child: str, scores: Tensor, randomness: torch.Generator) -> Tensor:
        """Scores [n, w] of patients or of rows of a table, by which each has rows of another that hangs on it."""
        if (flag := self.codec.flag(table, child)) is None:  # all have
            return scores
        (channel, code), scores = flag, scores.clone()
        scores[:, channel] = scored(*code.intervals(np.ones(len(scores), dtype=np.int64)), randomness)[:, 0]
        return scores


def one_of(one: TableScores, groups: np.ndarray, taken: np.ndarray, randomness: torch.Generator) -> np.ndarray:
    """int64 [n], a row of each of some groups, drawn at random among those not taken where there are any."""
    lengths = one.lengths[groups]
    place = (torch.rand(len(groups), generator=randomness).double().numpy() * lengths).astype(np.int64)
    at = one.offsets[groups] + place
    for step in range(1, int(lengths.max()) if len(lengths) else 0):
        at = np.where(taken[at], one.offsets[groups] + (place + step) % lengths, at)
    return at


def parted(codec: LinkedCodec, where: Mapping[str, Any] | Sequence[str]) -> tuple[list[str], GivenRows]:
    """Conditions on patients, and those on rows. Raises UsageError for one on rows that cannot be understood or kept."""
    of_patients: list[str] = []
    every: dict[str, dict[str, float | None]] = {}
    wishes: list[Wish] = []
    choices: list[Choice] = []
    root = codec.codecs[codec.tree.root].schema
    made_up = {name for table in codec.tree.beside(codec.tree.root) for name in (called(table, SINCE), has(table))}
    names = [name for name in root.names if name not in made_up and not hidden(name)]
    known = [*names, *(f"{table}.{column}" for table, form in codec.forms.forms.items() for column in form.columns)]
    for text in written(where):
        check_quoted(text.strip().removeprefix(ANY).removeprefix(ALL), known)
        found = divided(text)
        said = (found[0] if found else text).strip()
        one, name = said.startswith(ANY), said.removeprefix(ANY).removeprefix(ALL).strip()
        if found and name not in names and (number := COUNT.fullmatch(name)):
            choices.append(_count(codec, text, number[1], found[1], found[2]))
            continue
        table, dot, column = parts_of_name(name, codec.forms.forms)
        if not (found and dot) or name in names or table == codec.tree.root:
            if name != said:
                raise UsageError(f"{text!r}: any and all are of rows, as any TABLE.column=value: name the table.")
            if found and name.removeprefix(f"{codec.tree.root}.") not in names:
                raise unknown("static column", name, [c.name for c in root.static if c.name in names])
            own = name.removeprefix(f"{codec.tree.root}.")
            plain = text.removeprefix(f"{codec.tree.root}.")
            of_patients.append(f"{quoted(own)}{found[1]}{found[2]}" if found and quoted(own) != own else plain)
            continue
        alike = [other for other in codec.forms.forms if singular(other) == singular(table)]
        table = alike[0] if table not in codec.forms.forms and len(alike) == 1 else table  # an admission of admissions
        if table not in codec.forms.forms:
            raise unknown("table", table, codec.forms.forms)
        sign, told = found[1:]
        if (cell := _cell(codec, table, column, told, text) if sign == "=" else None) is None:
            value = value_of(codec, table, column, sign, told, text)
            choices.append(Choice(text, "any" if one else "every", table, column, sign, value))
            home, at = codec.forms.home(table, base_of(codec.forms.forms[table], column))
            if not one and at in codec.codecs[home].schema.names:
                every.setdefault(home, {}).setdefault(at, None)
            continue
        home, at, value = cell
        cells = {at: value} | ({has(table): 0.0} if home != table else {})  # its only level
        if one and home != codec.tree.root:  # a rule may take away what was given, so who has no such row is drawn again
            choices.append(Choice(text, "any", table, column, "=", value, codec.codecs[home].schema[at]))
            wishes.append(Wish((*reversed(list(codec.tree.above(home))), home)[1:], cells))
            continue
        for at, value in cells.items():
            if every.setdefault(home, {}).get(at) not in (None, value):
                raise UsageError(f"no row of {table} can have one {column} and another: leave one out.")
            every[home][at] = value
    none_apart(choices)
    for wish in wishes:
        of = every.get(wish.path[-1], {})
        if twice := next((c for c, v in wish.cells.items() if of.get(c) not in (None, v)), None):
            raise UsageError(f"no row of {wish.path[-1]} can have another {twice} than every row: leave one out.")
    return of_patients, GivenRows(codec, every, tuple(wishes), tuple(choices))


def _cell(codec: LinkedCodec, table: str, column: str, wanted: str, text: str) -> tuple[str, str, float] | None:
    """The table whose rows hold a cell, its column there, and its value; None where it is not learned as it stands."""
    form = codec.forms.forms[table]
    if column not in form.columns:
        raise unknown(f"column of {table}", column, form.columns)
    home, name = codec.forms.home(table, column)
    of = codec.codecs[home]
    plain = column not in (form.time, *form.after, *form.scored, *form.gone, *form.follows)
    if not plain or name not in of.schema.names or f"value:{name}" not in of.codes:
        return None
    told = of.schema[name]
    value = float(told.read(pl.Series(name, [wanted]), text)[0]) if told.quantity else told.parse(wanted)
    return home, name, value


def _count(codec: LinkedCodec, text: str, table: str, sign: str, told: str) -> Choice:
    """A condition on the number of rows of a table. Raises UsageError for one that no patient that is made can meet."""
    tree = codec.tree
    below = [branch.table for branch in tree.branches if branch.table != tree.root]
    if table not in below:
        raise unknown("table to count", table, below)
    if not re.fullmatch(r"\d+", told):
        raise UsageError(f"{text!r}: rows are counted, so give a whole number, as count({table})>=2.")
    of, least, most = codec.codecs.get(table), 0.0, np.inf
    if tree[table].parent == tree.root and of is not None:
        least, most = float(codec.shares[tree.root][table] == 1), float(of.most_visits)
    elif tree[table].parent == tree.root:
        most = 1.0
    if not can(sign, float(told), least, most):
        raise UsageError(f"{text!r} cannot be: a patient that is made has {least:g} to {most:g} rows of {table}.")
    return Choice(text, "count", table, "", sign, float(told))
