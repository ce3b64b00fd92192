"""Numbers that may stand for "missing": -9 kg, a pressure of 999, a code 99 after 1 to 4. They are pointed out, and no more.

A value v is such a pile if it comes at least twice, is written as such codes are (a -1 to -9, or nines, eights or sevens
alone: 9, 88, 999, 99.9), and lies apart from all others:

    v < 0 <= all others    farther below them than the usual step between neighbours in their lower half
    else                   outside their middle 90 %, twice their quartiles' distance and half the width of those 90 % away

One digit above zero is taken for a code only among whole numbers that are below it. What is far away but comes once, or is
an ordinary number, is an outlier, and nobody's code.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from reverie.records.schema import Schema

__all__ = ["piles"]

_CODE = re.compile(r"-[1-9]|-?(9+|8+|7+)(\.0|\.9|\.8|\.7)?|-?99[0-9]")
AGAIN = 2
"""So often a code comes at least."""


def piles(frame: pl.DataFrame, schema: Schema) -> list[str]:
    """A note on each pile of a column of numbers, with the option by which it is read as missing."""
    notes = []
    for column in schema.columns:
        if column.role in ("identifier", "time") or not frame.schema[column.name].is_numeric():
            continue
        cells = frame[column.name].drop_nulls().cast(pl.Float64)
        piled = _piled(cells.to_numpy())
        rest = cells.filter(~cells.is_in(piled))
        for value in piled:
            count = int((cells == value).sum())
            notes.append(
                f"In {column.name}, {count:,} cells are {value:g}, far from all others ({rest.min():g} to {rest.max():g}): "
                f"if that means missing, say so with `null_values={column.name}={value:g}`."
            )
    return notes


def _piled(numbers: np.ndarray) -> list[float]:
    """The piles among numbers, rising. What is looked at and lies not apart is among the others for what is farther out."""
    values, counts = np.unique(numbers, return_counts=True)
    coded = np.array([bool(_CODE.fullmatch(f"{value:g}")) for value in values], dtype=bool)
    if coded.all():
        return []
    middle, piled = np.median(numbers[~np.isin(numbers, values[coded])]), []
    for i in sorted(np.flatnonzero(coded), key=lambda i: abs(values[i] - middle)):
        coded[i] = counts[i] >= AGAIN and _apart(values[i], values[~coded], counts[~coded])
        piled += [float(values[i])] if coded[i] else []
    return sorted(piled)


def _apart(value: float, others: np.ndarray, counts: np.ndarray) -> bool:
    """Whether a value lies apart from others, rising, of which there are so many."""
    away = float(np.abs(others - value).min())
    low, first, half, third, high = np.quantile(np.repeat(others, counts), [0.05, 0.25, 0.5, 0.75, 0.95])
    if value < 0 <= others[0]:
        lower = others[others <= half] if (others <= half).sum() > 1 else others[:2]
        return away > (float(np.median(np.diff(lower))) if len(lower) > 1 else 1.0)
    if 0 < value <= 9 and (others[-1] > value or (others != np.round(others)).any()):
        return False
    return not low <= value <= high and away > max(2 * (third - first), (high - low) / 2)
