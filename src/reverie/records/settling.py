"""What rules make of records before their visits are drawn, and of what is given of derived columns (rules/deriving.py).

settled    statics that break no rule, as scores: visits are drawn to go with what the patient will be
reaching   a table in which what is given of a derived column stands in the columns that tell it, for those the model sees
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch
from scipy.special import ndtri
from torch import Tensor

from reverie.records.intervals import Floats, inside
from reverie.records.rules import Rows
from reverie.records.rules.deriving import led_back

if TYPE_CHECKING:
    from reverie.records.codec import RecordCodec

__all__ = ["draws", "reaching", "settled"]


def settled(codec: RecordCodec, values: Tensor, given: Tensor) -> Tensor:
    """Statics [B, 1, C] that break no rule, so that visits are drawn to go with what the patient will be.

    Args:
        given: bool [B, 1, C], the scores that are given and stay.
    """
    if codec.settings.statics == "repeated" or not codec.keeps_rules:
        return values
    # A column of one level has no channel of its own: whether it was given is said by that of whether it was measured.
    fields = [field for field in codec.fields if field.token == 0 and field.column is not None and field.channels]
    fixed = {field.column or "": given[:, 0, field.channels[0]].numpy() for field in fields}
    before, values = codec.drawn_statics(values), values.clone()
    kept = codec.kept(before, fixed)
    for field in fields:
        column = codec.schema[field.column or ""]
        was, is_ = (column.read(frame[column.name]) for frame in (before, kept))
        if field.part == "measured":
            was, is_ = (1.0 - np.isnan(x) for x in (was, is_))
        moved = np.flatnonzero((was != is_) & ~np.isnan(is_))
        lower, upper = (torch.from_numpy(end) for end in inside(*codec.codes[field.name].ends(is_[moved])))
        at = torch.from_numpy(moved)[:, None], 0, torch.tensor(field.channels)[None]
        values[at] = values[at].maximum(lower).minimum(upper)  # the nearest score that says it
    return values


def reaching(codec: RecordCodec, frame: pl.DataFrame, generator: torch.Generator) -> pl.DataFrame:
    """A typed table with the cells filled that derived ones, which the model does not see, lead back to."""
    rows = Rows.of(frame, codec.schema)
    names = {name for one in codec.derived for name in (one.column, *one.needs)}
    cells = {name: rows.values(name) for name in names}
    filled = led_back(codec.derived, cells, rows, draws(codec, len(rows), generator))
    changed = [name for name in names if (np.isnan(cells[name]) & ~np.isnan(filled[name])).any()]
    for name in changed:
        x, column = filled[name], codec.schema[name]
        frame = frame.with_columns(column.write(np.nan_to_num(x), np.isnan(x), frame.schema[name]).alias(name))
    return frame


def draws(codec: RecordCodec, n: int, generator: torch.Generator | None) -> Callable[[str, int], Floats]:
    """Draws values of a column that are as common as in the table fitted to, [tries, n]; all n alike without a
    generator."""

    def drawn(name: str, tries: int) -> Floats:
        code = codec.codes.get(f"value:{name}")
        if code is None:
            return np.full((tries, n), np.nan)
        if generator is None:
            z = ndtri((np.arange(tries) + 0.5) / tries)[:, None, None].repeat(n, 1).repeat(code.width, 2)
        else:
            z = torch.randn(tries, n, code.width, generator=generator).double().numpy()
        return code.cells(z.reshape(tries * n, code.width)).reshape(tries, n)

    return drawn
