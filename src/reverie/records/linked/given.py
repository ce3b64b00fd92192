"""Conditions on rows: stays.admission_type=emergency makes every stay one, and draws the rest to go with it."""

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

__all__ = ["GivenRows", "parted"]


@dataclass(frozen=True, eq=False)
class GivenRows:
    """What every row of some tables is.

    Attributes:
        codec: of the tables.
        cells: by table, the values of columns of its codec.
    """

    codec: LinkedCodec
    cells: Mapping[str, Mapping[str, float]]

    def put(
        self, table: str, token: int, scores: Tensor, known: Tensor, randomness: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Scores [n, w] of the groups (token 0) or rows (1) of a table with what is given in them, and which are known."""
        codec, scores, known = self.codec.codecs[table], scores.clone(), known.clone()
        for column, value in self.cells.get(table, {}).items():
            for field in codec.fields:
                if field.column != column or field.token != token or not field.channels:
                    continue
                x = np.full(len(scores), 1.0 if field.part == "measured" else value)
                lower, upper = (torch.from_numpy(end) for end in inside(*codec.codes[field.name].ends(x)))
                drawn = between(lower, upper, torch.rand(len(scores), len(field.channels), generator=randomness))
                scores[:, list(field.channels)] = drawn.float()
                known[:, list(field.channels)] = True
        return scores, known


def parted(codec: LinkedCodec, where: Mapping[str, Any] | Sequence[str]) -> tuple[list[str], GivenRows]:
    """Conditions on patients, and those on rows. Raises UsageError for one on rows that cannot be understood or kept."""
    of_patients, cells = [], {}
    root = codec.codecs[codec.tree.root].schema
    for text in written(where):
        found = PATTERN.fullmatch(text)
        table, dot, column = (found[1] if found else text).partition(".")
        if not (found and dot) or found[1] in root.names or table == codec.tree.root:
            of_patients.append(text.removeprefix(f"{codec.tree.root}."))
            continue
        if table not in codec.forms.forms:
            raise unknown("table", table, codec.forms.forms)
        if found[2] != "=":
            raise UsageError(f"{text!r}: a condition on rows says what all of them are: give it as {found[1]}=VALUE.")
        home, name, value = _cell(codec, table, column, found[3])
        cells.setdefault(home, {})[name] = value
        if home != table:
            cells[home][has(table)] = 0.0  # its only level
    return of_patients, GivenRows(codec, cells)


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
