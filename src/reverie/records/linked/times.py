"""Times of linked tables as numbers from a base, in the largest unit that they are written in, and back."""

from __future__ import annotations

import numpy as np
import polars as pl

__all__ = [
    "SIGNS",
    "Bounds",
    "alike",
    "apart_from",
    "by_day",
    "counted_in",
    "furthest_of",
    "held",
    "kept",
    "lie_in",
    "squeezed",
    "times_at",
    "unit_of",
]

Bounds = tuple[pl.Series | None, pl.Series | None]
"""Times that others are not before, and not after; none for any."""
SIGNS = ("=", "<=", ">=")
"""How times lie to others, the most that can be said first."""
UNITS, NEARLY = (86_400, 3_600, 60, 1), 0.95
"""Seconds of the units that times may be whole multiples of, and the share of them that must be, but of the last: what is
written to the second now and then is written to the minute mostly."""


def alike(one: pl.DataType, other: pl.DataType) -> bool:
    return one.is_numeric() == other.is_numeric() and one.is_temporal() == other.is_temporal()


def by_day(*times: pl.Series) -> tuple[pl.Series, ...]:
    """Times as they are compared: as days where one of them is a day."""
    return tuple(of.cast(pl.Date) for of in times) if any(of.dtype == pl.Date for of in times) else times


def kept(mine: pl.Series, sign: str, theirs: pl.Series) -> pl.Series:
    """Whether times are "<=", ">=" or "=" others, as they are compared; null where one is empty."""
    mine, theirs = by_day(mine, theirs)
    return mine == theirs if sign == "=" else mine <= theirs if sign == "<=" else mine >= theirs


def lie_in(when: pl.Series, begun: pl.Series, ended: pl.Series) -> pl.Series:
    """Whether times lie between two others, or after the first where the last is empty."""
    if when.dtype != begun.dtype:
        when, begun, ended = (of.cast(pl.Date) if of.dtype.is_temporal() else of for of in (when, begun, ended))
    return (when >= begun) & ((when <= ended) | ended.is_null())


def furthest_of(times: pl.Series, at: np.ndarray, rows: np.ndarray, last: bool) -> pl.Series:
    """For each of some rows above, the last (or first) of the times of those at it; null where there is none."""
    of = pl.DataFrame({"at": at, "time": times}).drop_nulls().group_by("at")
    found = of.agg(pl.col("time").max() if last else pl.col("time").min())
    return pl.DataFrame({"at": rows}).join(found, on="at", how="left", maintain_order="left")["time"]


def apart_from(times: pl.Series, base: pl.Series | None) -> pl.Series:
    """Times from a base, or from 1970: in seconds, or numbers as they are; days are counted from the base's day."""
    if not times.dtype.is_temporal():
        return (times if base is None else times - base).cast(pl.Float64)
    if base is not None:
        times, base = by_day(times, base)

    def seconds(x: pl.Series) -> pl.Series:
        return x.cast(pl.Datetime("us")).cast(pl.Int64) / 1_000_000

    return seconds(times) if base is None else seconds(times) - seconds(base)


def unit_of(seconds: pl.Series) -> float:
    """The largest unit of which nearly all are whole multiples."""
    known = seconds.drop_nulls()
    whole = (unit for unit in UNITS if int((known % unit == 0).sum()) >= NEARLY * known.len())
    return float(next(whole, UNITS[-1]))


def counted_in(apart: pl.Series, unit: float) -> pl.Series:
    """In units, as whole numbers; as they are where there is no unit."""
    return (apart / unit).round().cast(pl.Int64) if unit else apart


def times_at(counted: pl.Series, base: pl.Series | None, unit: float, dtype: pl.DataType) -> pl.Series:
    """The inverse: times of a type, so long after the base."""
    apart = counted * unit if unit else counted
    if not dtype.is_temporal():
        whole = apart if base is None else apart + base.cast(pl.Float64)
        return (whole.round() if dtype.is_integer() else whole).cast(dtype)
    micro = (apart * 1_000_000).round().cast(pl.Int64)
    if base is not None:
        from_ = base.cast(pl.Date) if dtype == pl.Date else base
        micro = micro + from_.cast(pl.Datetime("us")).cast(pl.Int64)
    return micro.cast(pl.Datetime("us")).cast(dtype)


def held(times: pl.Series, low: pl.Series | None = None, high: pl.Series | None = None) -> pl.Series:
    """Times, none before one and none after another; null stays null. Where one of the two is a day, days are compared, and
    the time of day is kept."""
    for bound, below in ((low, True), (high, False)):
        if bound is None:
            continue
        frame = pl.DataFrame({"at": times, "bound": bound})
        days = frame.select(pl.all().cast(pl.Date)) if pl.Date in (times.dtype, bound.dtype) else frame
        beyond = (pl.col("at") < pl.col("bound")) if below else (pl.col("at") > pl.col("bound"))
        wrong = days.select(beyond.fill_null(False)).to_series()
        if bound.dtype == pl.Date and times.dtype != pl.Date:
            away = days.select(pl.col("bound") - pl.col("at")).to_series()
            put = (times + away).cast(times.dtype)
        else:
            put = bound.cast(times.dtype)
        times = pl.select(pl.when(wrong).then(put).otherwise(times)).to_series()
    return times


def squeezed(since: pl.Series, parents: pl.Series, within: pl.Series) -> pl.Series:
    """Times of rows that end in their parents' time: where the last of a parent is later, all of it go closer together."""
    frame = pl.DataFrame({"at": since, "parent": parents, "most": within.gather(parents)})
    last = pl.col("at").max().over("parent")
    shrunk = pl.when(last > pl.col("most")).then((pl.col("at") * pl.col("most") / last).floor()).otherwise(pl.col("at"))
    return frame.select(pl.when(pl.col("at") < 0).then(0.0).otherwise(shrunk)).to_series()
