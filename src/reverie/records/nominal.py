"""Whole numbers that are names: codes of a list (race 1 to 4 and 99, DRG 470 and 871), of which a mean says nothing.

They recur, as names do, and one of these shows that they are no quantity:

    the name of the column    race, drg, dispo, icd9, site; unless it names a quantity too (days_since_diagnosis)
    one code apart            0, 1, 2 and 9, or 1 to 4 and 99: the code of "unknown" beyond a row of codes
    the spacing               three groups or more with gaps between them that no number lies in (support.py), over a range
                              of WIDE or more, which no step, no round numbers (doses) and no ever wider gaps (weeks 1, 2,
                              4, 8, 24) explain
    their size                beyond 2^53, to which no quantity is given

Only values that occur are made of names. Quantities with gaps stay numbers: their gaps stay empty too.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from reverie.records.column_names import NOMINAL, words
from reverie.records.support import support

__all__ = ["are_names"]

LISTS = {
    "drg", "icd", "icd9", "icd10", "icd9cm", "icd10cm", "atc", "loinc", "cpt", "hcpcs", "snomed", "ndc", "zip", "zipcode",
    "postcode", "postal", "code", "site", "centre", "center", "hospital", "ward", "clinic", "dispo", "disposition", "race",
    "ethnicity", "provider", "district", "county", "region", "country", "concept", "item",
}  # fmt: skip
"""Words of columns whose numbers are names however many there are."""

FEW_LISTS = NOMINAL | LISTS | {
    "status", "smoke", "smoker", "smoking", "marital", "religion", "insurance", "payer", "occupation", "education",
    "discharge", "language", "outcome", "result", "method", "mode", "position", "side", "location",
}  # fmt: skip
"""Words of columns whose numbers are names where they are few and have gaps."""

QUANTITY = {
    "age", "time", "day", "days", "week", "weeks", "month", "months", "year", "years", "hour", "hours", "minute", "minutes",
    "duration", "since", "until", "to", "count", "counts", "n", "num", "number", "total", "sum", "dose", "mg", "ml", "kg",
    "cm", "mm", "g", "level", "rate", "score", "volume", "weight", "height", "size", "cost", "charge", "charges", "los",
    "length", "percent", "pct", "ratio", "mean", "max", "min", "tablets", "visits", "children", "titre", "titer",
}  # fmt: skip
"""Words of columns whose numbers measure or count."""

UNKNOWN = {8, 9, 88, 99, 888, 999, 8888, 9999, 77, 777, 7, -1, -9, -99}
"""Codes that lists give to "other" or "unknown", apart from the rest."""

MAX_FEW, MAX_SPACED = 12, 50
"""So many different numbers are few; so many at most are taken for names by their spacing alone."""

WIDE = 30
"""Numbers within so short a range are a score or a setting of which some values were not seen."""

GROUP = 0.02
"""The least share of values that makes a group."""


def are_names(name: str, values: pl.Series) -> str | None:
    """Why whole numbers (none missing) are names, in words; None where they are quantities, or may be."""
    counted = values.alias("value").value_counts().sort("value")
    counts = counted["count"].to_numpy().astype(np.int64)
    codes = [int(code) for code in counted["value"]]
    k, n = len(codes), len(values)
    parts = set(words(name))
    quantity = bool(parts & QUANTITY)
    lists = sorted(parts & (FEW_LISTS if k <= MAX_FEW else LISTS)) if not quantity else []
    if lists and n >= 2 * k and k > 2:
        return f"the name says {lists[0]}"
    if quantity or n < 5 * k or k < 3:
        return None
    if _apart(codes):
        return f"{codes[-1] if codes[-1] in UNKNOWN else codes[0]} stands apart from codes in a row"
    if max(abs(codes[0]), abs(codes[-1])) > 2**53:
        return "they recur, beyond what is measured or counted"
    if k <= MAX_SPACED and _spaced(codes, counts):
        return "they recur, with gaps that no number lies in"
    return None


def _apart(codes: list[int]) -> bool:
    """A row of small codes and one code of UNKNOWN beyond it, of as many digits of one kind."""
    for rest, last in ((codes[:-1], codes[-1]), (codes[1:], codes[0])):
        row = rest[-1] - rest[0] == len(rest) - 1 and rest[0] in (0, 1) and rest[-1] <= 6
        if row and last in UNKNOWN and (last < 0 or last > rest[-1] + 2):
            return len(rest) >= 2
    return False


def _spaced(codes: list[int], counts: np.ndarray) -> bool:
    """Whether gaps that are not explained part the codes in three groups or more."""
    x = np.array([code - codes[0] for code in codes], dtype=np.float64)  # from the first on, as codes may be beyond 2^53
    steps = np.diff(x)
    empty = support(x - 0.5, x + 0.5, counts).empty
    shares = np.add.reduceat(counts, np.append(0, np.flatnonzero(empty) + 1)) / counts.sum()
    if (shares >= GROUP).sum() < 3 or x[-1] < WIDE:
        return False
    tens = [code for code in codes if abs(code) >= 10]
    round_numbers = len(tens) >= 2 and sum(code % 5 == 0 for code in tens) >= 0.6 * len(tens)
    step = np.gcd.reduce(steps.astype(np.int64)) > 1
    return not (round_numbers or step or bool(np.all(np.diff(steps) >= 0)))
