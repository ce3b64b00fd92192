"""Numbers that mean something else for each code: 4.1 of potassium, 140 of sodium.

    score = Phi^-1(share of the values of this code that are smaller, and half of those that are equal)

What is learned is how high a value is among those of its code; back from scores come only values between those seen of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from scipy.special import ndtr, ndtri

from reverie.records.intervals import Floats

__all__ = ["Scored", "depends"]

MOST = 128
"""Values of a code that are kept, at most; of more, so many quantiles."""
SHARE = 0.4
"""Of the spread of ranks, explained by codes, from which each code has scores of its own."""
COMMON = 2
"""Quantiles from which on a value is one of its own: what is below a limit of detection."""
LEVELS = 400
"""Codes at most."""


@dataclass(frozen=True, eq=False)
class Scored:
    """The values of one column, by the codes in another.

    Attributes:
        code: the other column.
        values, shares: of each code its values, rising, and the share of its cells up to each.
        digits: decimals that its values have at most; between quantiles values are rounded to them.
        whole: whether its values are all there are, so that none lies between them.
    """

    code: str
    values: Mapping[str, Floats]
    shares: Mapping[str, Floats]
    digits: Mapping[str, int]
    whole: Mapping[str, bool]

    @classmethod
    def fit(cls, frame: pl.DataFrame, column: str, code: str) -> Self:
        values, shares, digits, whole = {}, {}, {}, {}
        for (name,), cells in frame.select(pl.col(code).cast(pl.String), column).drop_nulls().group_by(code):
            x, counts = np.unique(cells[column].to_numpy().astype(np.float64), return_counts=True)
            name, share = str(name), np.cumsum(counts) / counts.sum()
            digits[name] = next((d for d in range(7) if np.allclose(x, x.round(d), rtol=0, atol=1e-9)), 7)
            whole[name] = len(x) <= MOST
            if not whole[name]:
                at = (np.arange(MOST) + 0.5) / MOST
                x, share = _quantiles(at, share, counts / counts.sum(), x), (np.arange(MOST) + 1) / MOST
            values[name], shares[name] = x, share
        return cls(code, values, shares, digits, whole)

    def scores(self, cells: pl.Series, codes: pl.Series) -> pl.Series:
        """Float64 [n]; null where the value or the code is, or the code was not seen."""
        x, out = cells.cast(pl.Float64).fill_null(np.nan).to_numpy(), np.full(len(cells), np.nan)
        for name, rows in _rows(codes):
            if name in self.values:
                known, share = self.values[name], self.shares[name]
                middle = share - np.diff(share, prepend=0.0) / 2
                each, place = np.unique(known, return_inverse=True)  # what is very common is several quantiles
                middle = np.bincount(place, middle) / np.bincount(place)
                p = np.interp(x[rows], each, middle) if len(known) > 1 else np.full(len(rows), 0.5)
                out[rows] = np.where(np.isnan(x[rows]), np.nan, ndtri(np.clip(p, 1e-4, 1 - 1e-4)).round(3))
        return pl.Series(cells.name, out).fill_nan(None)

    def cells(self, scores: pl.Series, codes: pl.Series, dtype: pl.DataType) -> pl.Series:
        """The values of scores, in the type of the column; null where the score or the code is."""
        z, out = scores.cast(pl.Float64).fill_null(np.nan).to_numpy(), np.full(len(scores), np.nan)
        for name, rows in _rows(codes):
            if name in self.values:
                known, share, p = self.values[name], self.shares[name], ndtr(z[rows])
                at = np.searchsorted(share[:-1], np.nan_to_num(p), "right")
                between = _between(p, share - np.diff(share, prepend=0.0) / 2, known).round(self.digits[name])
                out[rows] = np.where(np.isnan(p), np.nan, known[at] if self.whole[name] else between)
        cells = pl.Series(scores.name, out).fill_nan(None)
        return (cells.round() if dtype.is_integer() else cells).cast(dtype)

    @property
    def config(self) -> dict[str, Any]:
        codes = {
            name: [self.values[name].tolist(), self.shares[name].tolist(), self.digits[name], self.whole[name]]
            for name in sorted(self.values)
        }
        return {"code": self.code, "codes": codes}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        codes = config["codes"]
        values, shares = ({name: np.array(of[i], dtype=np.float64) for name, of in codes.items()} for i in (0, 1))
        return cls(
            config["code"],
            values,
            shares,
            {name: of[2] for name, of in codes.items()},
            {name: of[3] for name, of in codes.items()},
        )


def _quantiles(at: Floats, share: Floats, shares: Floats, x: Floats) -> Floats:
    """The values of some shares: between those seen, but for what is so common that it is several of them."""
    between, seen = np.interp(at, share - shares / 2, x), np.minimum(np.searchsorted(share, at), len(x) - 1)
    common = shares * len(at) >= COMMON
    near = common[seen] | common[np.maximum(seen - 1, 0)] | common[np.minimum(seen + 1, len(x) - 1)]
    return np.where(near, x[seen], between)


def _between(p: Floats, middle: Floats, known: Floats) -> Floats:
    """The values of shares between quantiles, the nearest beside one that is several of them: nothing lies between "<0.5",
    read as a number below all others, and these."""
    if len(known) < 2:
        return np.full(len(p), known[0])
    same = np.diff(known) == 0
    common = np.append(same, False) | np.append(False, same)
    at = np.clip(np.searchsorted(middle, np.nan_to_num(p)) - 1, 0, len(known) - 2)
    nearest = np.where(p - middle[at] < middle[at + 1] - p, known[at], known[at + 1])
    return np.where(common[at] | common[at + 1], nearest, np.interp(p, middle, known))


def depends(frame: pl.DataFrame, column: str, codes: list[str]) -> str | None:
    """Of some columns the one by which the numbers of another mean something else, None where there is none.

    It explains SHARE of the variance of their ranks, beyond what as many codes at random would.
    """
    best, most = None, SHARE
    for code in codes:
        cells = frame.select(pl.col(code).alias("code"), pl.col(column).alias("x")).drop_nulls()
        n, k = cells.height, cells["code"].n_unique()
        if n < 50 or not 3 <= k <= min(LEVELS, n // 10) or cells["x"].n_unique() < 5:
            continue
        ranks = cells.with_columns(pl.col("x").rank())
        total = float(ranks["x"].var() or 0.0)  # pyright: ignore[reportArgumentType]
        means = ranks.with_columns(pl.col("x").mean().over("code"))["x"]
        share = float(means.var() or 0.0) / total if total else 0.0  # pyright: ignore[reportArgumentType]
        if (share := share - (k - 1) / (n - 1)) > most:
            best, most = code, share
    return best


def _rows(codes: pl.Series) -> list[tuple[str, np.ndarray]]:
    frame = pl.DataFrame({"code": codes.cast(pl.String)}).with_row_index("row").drop_nulls()
    groups = frame.group_by("code", maintain_order=True).agg("row")
    return [(name, np.asarray(rows)) for name, rows in zip(groups["code"], groups["row"], strict=True)]
