"""What kind a column is: each rule in the order in which it is tried, with the reason it gives.

no value, one value           empty, constant
another identifier            "number": whose or which it was is never learned
true and false, two values    binary
dates and date-times          date, datetime
text                          "text" where it identifies or is free; "number" where each cell is another; else categorical
numbers                       "text" where they identify; "number" where they count rows or patients; codes in a row are
                              ordinal (categorical where the name says that they have no order), other numbers that are
                              names (nominal.py) categorical; whole numbers integer; else real
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.backoff import MOST
from reverie.records.faults import at, shown
from reverie.records.grain import as_numbers, grain
from reverie.records.nominal import are_names
from reverie.records.parsing import Mixed
from reverie.records.patterns import identifying, identifying_number, pattern_of, taken_of
from reverie.records.roles import NOMINAL, names_someone, words

__all__ = ["OTHER", "decide", "levels_of"]

OTHER = "(other)"
"""The level that pooled names are read as."""

MAX_LEVELS = 50
"""More names than these may be free text, or another in each row."""

MAX_MIXED = 20
"""Numbers mixed with text are levels up to this number of different values, and a fault beyond."""

MAX_CODES = 10
"""Whole numbers in a row of at most so many different values are codes."""

_FIRST = {
    "no",
    "n",
    "false",
    "absent",
    "negative",
    "neg",
    "none",
    "never",
    "control",
    "placebo",
    "alive",
    "off",
    "f",
    "female",
}
"""Of two levels, the one to be counted as 0."""


def decide(
    name: str, cells: pl.Series, role: str, mixed: Mixed | None, place: str, kind: str | None = None
) -> dict[str, Any]:
    """The fields of a Column from its cells: all rows of a varying column, one a patient of a static one.

    Args:
        mixed: what parse() found if numbers and text share the column.
        place: the name of the table, for errors.
        kind: what the user says it is, as far as names go (categorical, ordinal, binary, text, number); None to find it.

    Raises DataError where numbers and text are mixed beyond what levels can hold, UsageError for a kind that cannot be.
    """
    values = cells.drop_nulls()
    found: dict[str, Any] = {"missing": share(cells), "type": str(cells.dtype.base_type())}
    distinct = values.n_unique()
    if kind is not None:
        return found | _as_said(name, values, kind)
    if not distinct:
        return found | {"kind": "empty", "why": "every cell is empty: written empty"}
    if names_someone(name):
        return found | {"kind": "number", "why": "an identifier by its name: numbered anew"}
    if distinct == 1 and len(values) == len(cells):
        return found | {"kind": "constant", "value": text(values)[0], "why": "one value everywhere: written as it is"}
    if mixed and distinct > MAX_MIXED:
        raise DataError(
            f"{at(place, mixed.row, name)}{shown(mixed.value)} is {'text' if mixed.read >= mixed.text else mixed.what[:-1]} "
            f"among {mixed.read:,} {mixed.what} and {mixed.text:,} text{'s'[: mixed.text > 1]}: correct it, "
            "add the text to null_values (--null), or say kind: categorical (--kind)."
        )
    if cells.dtype in (pl.Date, pl.Datetime):
        kind = "date" if cells.dtype == pl.Date else "datetime"
        return found | {"kind": kind, "why": f"every cell is a {kind.replace('datetime', 'date-time')}"} | _grain(values)
    if distinct <= 2 and (not values.dtype.is_float() or len(values) >= 20 or (values == values.round(0)).all()):
        return found | _two(name, values, distinct)
    if cells.dtype == pl.String:
        return found | _names(name, values, distinct, role, mixed)
    return found | _numbers(name, values, distinct, role)


def share(cells: pl.Series) -> float:
    """The share of missing cells, to 6 digits but never 0 where there is one."""
    exact = cells.null_count() / max(len(cells), 1)
    return max(round(exact, 6), 1e-6) if exact else 0.0


def text(values: pl.Series) -> pl.Series:
    """Values as the text that levels are written in."""
    return values.cast(pl.String)


def levels_of(values: pl.Series) -> tuple[str, ...]:
    """The different values in order, as text; of two names the negative one first."""
    levels = text(values.drop_nulls().unique().sort()).to_list()
    if len(levels) == 2 and levels[1].lower() in _FIRST and levels[0].lower() not in _FIRST:
        levels.reverse()
    return tuple(levels)


def _as_said(name: str, values: pl.Series, kind: str) -> dict[str, Any]:
    levels = levels_of(values)
    if kind in ("text", "number"):
        return {"kind": kind, "why": "as you said"}
    if kind not in ("categorical", "ordinal", "binary"):
        raise UsageError(
            f"--kind {name}={kind}: give categorical, ordinal, binary, text or number here; more in a schema file."
        )
    if not levels or (kind == "binary" and len(levels) != 2):
        raise UsageError(f"--kind {name}={kind}: the column has {len(levels)} different values.")
    return {"kind": kind, "levels": levels, "why": "as you said"}


def _grain(values: pl.Series) -> dict[str, Any]:
    g = grain(values)
    names = ("unit", "decimals", "digits", "lowest", "highest", "lower", "upper", "skew")
    return {key: getattr(g, key) for key in names if getattr(g, key) is not None}


def _two(name: str, values: pl.Series, distinct: int) -> dict[str, Any]:
    levels = levels_of(values)
    if distinct == 1:
        return {"kind": "categorical", "levels": levels, "why": f"{shown(levels[0])} or empty"}
    if re.search(r"\(M\)$", name) and {float(v) for v in levels if v.replace(".", "").isdigit()} == {0.0, 1.0}:
        return {"kind": "binary", "levels": levels, "why": f"1 where {name[:-3].strip()} was measured"}
    return {"kind": "binary", "levels": levels, "why": "two values"}


def _names(name: str, values: pl.Series, distinct: int, role: str, mixed: Mixed | None) -> dict[str, Any]:
    if who := identifying(name, values, role):
        return _replaced(values, who)
    spaced = values.str.contains(r"\S\s+\S+\s+\S").mean()
    free = isinstance(spaced, float) and spaced > 0.5
    if distinct > MAX_LEVELS or (distinct == len(values) >= MAX_MIXED):
        if free:
            return {"kind": "text", "why": f"{distinct:,} different texts, free text: written empty"}
        if distinct >= 0.95 * len(values):
            return {"kind": "number", "why": f"another name {_each(role)}: numbered anew"}
    if distinct > MOST:
        return _levels(values, f"{distinct:,} names, the rare ones learned in groups")
    why = f"{distinct} names"
    if mixed:
        why = f"{mixed.what} and text mixed ({mixed.read:,} and {mixed.text:,}), {distinct} different values: read as names"
    return {"kind": "categorical", "levels": levels_of(values), "why": why}


def _numbers(name: str, values: pl.Series, distinct: int, role: str) -> dict[str, Any]:
    numbers = as_numbers(values)
    whole = bool(np.all(numbers == np.round(numbers))) and (values.dtype.is_integer() or abs(numbers).max() < 2**53)
    span = float(numbers.max() - numbers.min()) + 1
    if whole and (who := identifying_number(name, values, role)):
        return _replaced(values, who)
    if whole and _counts(name, distinct, len(values), span):
        return {"kind": "number", "why": f"another number {_each(role)} (id-like): numbered anew"}
    often = len(values) >= 5 * distinct
    nominal = NOMINAL & set(words(name))
    if whole and distinct <= MAX_CODES and span <= distinct + 2 and abs(numbers).max() <= 20 and often:
        kind = "categorical" if nominal else "ordinal"
        reason = f"the name says {sorted(nominal)[0]}: no order" if nominal else "taken in order"
        return {"kind": kind, "levels": levels_of(values), "why": f"{distinct} whole-number codes, {reason}"}
    if whole and (reason := are_names(name, values)):
        return _levels(values, f"{distinct:,} whole-number codes, {reason}: no order")
    if distinct <= 5 and len(values) >= 20 * distinct and not whole:
        return {"kind": "ordinal", "levels": levels_of(values), "why": f"only {distinct} different numbers, taken in order"}
    g = grain(values)
    why = ["whole numbers" + (" written as decimals" if values.dtype.is_float() else "")] if whole else []
    if whole and abs(numbers).max() > 2**53:
        why.append("beyond 2^53, so the last digits are rounded")
    unique = role == "static" and len(values) >= 20 and distinct >= 0.95 * len(values)
    if unique and not whole and (g.decimals is None or g.decimals >= 3):
        why.append("nearly another for each patient: may identify")
    return {"kind": "integer" if whole else "real", "why": "; ".join([*why, *g.words]) or "numbers"} | _grain(values)


def _replaced(values: pl.Series, who: str) -> dict[str, Any]:
    """Of text or numbers that identify: a pattern, and new values of it."""
    texts = text(values.unique()).to_list()
    why = f"identifying ({who}): replaced by new values of the same pattern"
    return {"kind": "text", "pattern": pattern_of(texts), "taken": taken_of(texts), "why": why}


def _levels(values: pl.Series, why: str) -> dict[str, Any]:
    return {"kind": "categorical", "levels": levels_of(values), "why": why}


def _counts(name: str, distinct: int, count: int, span: float) -> bool:
    """Whether whole numbers tell rows or patients apart rather than measure: another each, close together or so named."""
    named = bool({"id", "no", "sno", "nr", "number", "index", "row", "mrn"} & set(words(name))) or name == ""
    if named and distinct > MAX_CODES and distinct >= 0.5 * count:
        return True
    return distinct == count >= 20 and span <= 1.5 * count


def _each(role: str) -> str:
    return "for each patient" if role == "static" else "in nearly every row"
