"""At what time of the day things are: stays begin at ten, drugs are given at eight.

A time is drawn as a sum of many numbers (a start, gaps), in which the hour is lost. So each leader, a row that is LEADS and
more after the one before it (the first: after the row above it began), is moved to an hour at which rows of its latent class
are, on the whole as often as those trained on, and near to where it was:

    P(bin j | drawn in bin i) ~ w_j exp(-d_ij / NEAR),      w so that sum_i a_i P(j | i) = b_j

where a and b are what shares of the leaders drawn and of those trained on lie in each BIN of the day, and d_ij how far apart
bins are around the clock (optimal transport with entropy, Cuturi 2013: w is found by turns, Sinkhorn 1967). In its bin a
time is where those trained on are. All leaders of a group are moved by one random number, so that what comes daily comes at
one hour. Other rows keep their distance from their leader; none comes before the row before it, or later than it may.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
import torch

from reverie.process.randomness import generator
from reverie.records.intervals import Floats
from reverie.records.levels import Indices
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.latent import FEWEST
from reverie.records.linked.scores import TableScores
from reverie.records.linked.spans import lasted, put_values
from reverie.records.linked.stages import Seed, gaps_of, starts_of

__all__ = ["DayTimes", "hours_of", "moved", "timed"]

DAY, BIN, NEAR, LEADS = 86_400, 600, 3_600, 10_800
"""Seconds: of a day, of a bin of it, how far leaders move, and how long after the row before they are."""
BINS, KNOTS, TURNS = DAY // BIN, 17, 60
LEANING, BACKED = 2.0, 20.0
"""How many of all classes the hours of a class lean on; and those of what was drawn."""
Leaders = tuple[Floats, Indices, Indices]
"""Seconds since 1970, 1 + the latent class, and the patient of each."""


@dataclass(frozen=True, eq=False)
class DayTimes:
    """The hours of the rows of one table, or of the ends of what it tells.

    Attributes:
        within: float32 [BINS, KNOTS], quantiles of seconds since the bin began of those trained on.
        weights: float32 [1 + classes, BINS], w, of all rows and of each latent class; 0 of a class too small for one.
    """

    within: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(cls, drawn: Leaders, trained: Leaders, classes: int) -> Self | None:
        """Of leaders; None where there are too few, or of too few patients."""
        (_, of_drawn, _), (at, of_trained, patient) = drawn, trained
        if not len(of_drawn) or len(np.unique(patient)) < FEWEST:
            return None
        a, b = (_shares(_bins(seconds), of, classes) for seconds, of, _ in (drawn, trained))
        people = np.unique(np.stack([of_trained, patient]), axis=1)[0]
        own = (np.bincount(people, minlength=1 + classes) >= FEWEST) | (np.arange(1 + classes) == 0)
        whole = a[0] / a[0].sum()
        weights = np.zeros((1 + classes, BINS))
        for c in np.flatnonzero(own):
            of_class = (a[c] + BACKED * whole) / (a[c].sum() + BACKED)
            weights[c] = _weights(of_class, (b[c] + LEANING * b[0] / b[0].sum()) / (b[c].sum() + LEANING))
        within, order = np.zeros((BINS, KNOTS)), np.argsort(at % DAY, kind="stable")
        parts = np.split((at % DAY)[order], np.cumsum(b[0])[:-1].astype(int))
        for j, some in enumerate(parts):
            if len(some):
                within[j] = np.quantile(some - j * BIN, np.linspace(0, 1, KNOTS))
        return cls(within.astype(np.float32), weights.astype(np.float32))

    def _upto(self, c: int) -> Floats:
        """[BINS, BINS], P(bin that is no more than j - BINS / 2 further | drawn in bin i) of a class, times its whole."""
        way = np.arange(BINS) - BINS // 2
        there = self.weights[c][(np.arange(BINS)[:, None] + way) % BINS]
        return (there * np.exp(-abs(way) * BIN / NEAR)).cumsum(1)

    def moved(self, at: Floats, of: Indices, chance: Floats) -> Floats:
        """Leaders at so many seconds since 1970, of 1 + these classes, moved by chance uniform in [0, 1)."""
        of = np.where(self.weights[of].any(1), of, 0)
        bins, day = _bins(at), np.floor(at / DAY) * DAY
        out = np.empty(len(at))
        for c in np.unique(of):
            rows = np.flatnonzero(of == c)
            upto = self._upto(int(c))[bins[rows]]
            sought = chance[rows] * upto[:, -1]
            way = (upto <= sought[:, None]).sum(1).clip(max=BINS - 1)
            below = np.where(way > 0, upto[np.arange(len(rows)), way - 1], 0.0)
            share = ((sought - below) / np.maximum(upto[np.arange(len(rows)), way] - below, 1e-300)).clip(0, 1)
            bin_ = bins[rows] + way - BINS // 2
            place = share * (KNOTS - 1)
            knot = np.minimum(place.astype(int), KNOTS - 2)
            low, high = self.within[bin_ % BINS, knot], self.within[bin_ % BINS, knot + 1]
            out[rows] = day[rows] + bin_ * BIN + low + (place - knot) * (high - low)
        return out

    @property
    def config(self) -> dict[str, Any]:
        used = np.flatnonzero(self.weights.any(0))
        classes = np.flatnonzero(self.weights.any(1))
        weights = self.weights[np.ix_(classes, used)]
        return {
            "classes": [len(self.weights), *classes.tolist()],
            "bins": used.tolist(),
            "within": self.within[used].round().astype(int).tolist(),
            "weights": [[float(f"{w:.3g}") for w in row] for row in weights],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        count, *classes = config["classes"]
        within, weights = np.zeros((BINS, KNOTS), np.float32), np.zeros((count, BINS), np.float32)
        within[config["bins"]] = config["within"]
        weights[np.ix_(classes, config["bins"])] = config["weights"]
        return cls(within, weights)


def timed(codec: LinkedCodec, table: str, stage: int) -> tuple[str, ...]:
    """The columns of times of day of a table that are drawn at a stage: when its rows are, or what else is told of them."""
    form = codec.forms.forms[table]
    if form.time is None or codec.tree[table].parent is None or not _of_day(form.columns[form.time], form.unit):
        return ()
    if stage == 4:
        return (form.time,)
    named = codec.codecs[table].named
    of_rows = (c for c in form.after if f"value:{c}" in named and named[f"value:{c}"].token == 1)
    told = (c for c in of_rows if _of_day(form.columns[c], form.after[c]))
    return tuple(told) if stage == 5 else ()


def hours_of(
    codec: LinkedCodec, table: str, column: str, drawn: Mapping[str, TableScores], trained: Mapping[str, TableScores]
) -> DayTimes | None:
    """The hours that a column of times of a table says; None where there are none, or too few."""
    mine, theirs = (_leaders(codec, table, column, scores) for scores in (drawn, trained))
    return DayTimes.fit(mine, theirs, codec.classes.count(table)) if mine and theirs else None


def moved(
    codec: LinkedCodec,
    table: str,
    column: str,
    scores: Mapping[str, TableScores],
    fixed: torch.Tensor,
    of: DayTimes,
    seed: Seed,
) -> None:
    """Moves what a column of times of a table says, in scores; what is fixed, bool [R, w], stays, and with it its group."""
    at = begun(codec, table, scores)
    if at is not None and len(at):
        rows = column == codec.forms.forms[table].time
        (_moved_rows if rows else _moved_ends)(
            codec, table, column, scores, at, fixed, of, generator(int(seed[0]), *seed[1:], column)
        )


def _leaders(codec: LinkedCodec, table: str, column: str, scores: Mapping[str, TableScores]) -> Leaders | None:
    if (at := begun(codec, table, scores)) is None:
        return None
    of, tree = 1 + codec.classes_of(table, scores), codec.tree
    patient = tree.up(table, tree.root, np.arange(len(at)), lambda t: scores[t].above)
    if column == codec.forms.forms[table].time:
        lead = _leading(codec, table, scores[table])
        return at[lead], of[lead], patient[lead]
    after, known = _after(codec, table, column, scores[table])
    lead = known & (after >= LEADS)
    return (at + after)[lead], of[lead], patient[lead]


def begun(codec: LinkedCodec, table: str, scores: Mapping[str, TableScores]) -> Floats | None:
    """float64 [R], when the rows of a table were, in seconds since 1970; None of a table without times of the day."""
    form, parent = codec.forms.forms[table], codec.tree[table].parent
    if parent is None or form.time is None or not _of_day(form.columns[form.time], form.unit):
        return None
    one, of = scores[table], codec.codecs[table]
    since = of.visit_times.times(starts_of(codec, table, one), gaps_of(codec, table, one), one.lengths) * form.unit
    if form.since is None:
        return since
    above = begun(codec, parent, scores)
    return None if above is None else above[one.above] + since


def _leading(codec: LinkedCodec, table: str, one: TableScores) -> np.ndarray:
    """bool [R], which rows are long after the one before, or after the row above."""
    form, times = codec.forms.forms[table], codec.codecs[table].visit_times
    lead = np.zeros(len(one.above), dtype=bool) if times.gap is not None else gaps_of(codec, table, one) * form.unit >= LEADS
    some = np.flatnonzero(one.lengths)
    starts = starts_of(codec, table, one)[some] * form.unit
    lead[one.offsets[:-1][some]] = (times.start is None) & ((starts >= LEADS) | (form.since is None))
    return lead


def _after(codec: LinkedCodec, table: str, column: str, one: TableScores) -> tuple[Floats, np.ndarray]:
    """(how long after its row a column of times is, float64 [R] in seconds, and bool [R], where that is known)."""
    codes, channels = codec.codecs[table], list(codec.codecs[table].named[f"value:{column}"].channels)
    values, known = one.of_rows(np.arange(len(one.above)))
    after = codes.codes[f"value:{column}"].cells(values[:, channels].double().numpy())
    return after * codec.forms.forms[table].after[column], known[:, channels].all(1).numpy()


def _moved_rows(
    codec: LinkedCodec,
    table: str,
    column: str,
    scores: Mapping[str, TableScores],
    at: Floats,
    fixed: torch.Tensor,
    of: DayTimes,
    randomness: torch.Generator,
) -> None:
    one, unit, codes = scores[table], codec.forms.forms[table].unit, codec.codecs[table]
    group, first, some = np.repeat(np.arange(len(one)), one.lengths), one.offsets[:-1], np.flatnonzero(one.lengths)
    held = (
        np.zeros(len(at))
        if codes.visit_times.gap is not None
        else fixed[:, list(codes.named["gap"].channels)].any(1).numpy()
    )
    lead = _leading(codec, table, one) & (np.bincount(group, held, minlength=len(one)) == 0)[group]
    chance = torch.rand(len(one), generator=randomness, dtype=torch.float64).numpy()[group]
    away = np.where(lead, of.moved(at, 1 + codec.classes_of(table, scores), chance) - at, 0.0)
    since = codes.visit_times.times(starts_of(codec, table, one), gaps_of(codec, table, one), one.lengths)
    last = np.maximum(at + (_latest(codec, table, scores)[group] - since) * unit, at)
    shift, before, new = np.zeros(len(one)), np.full(len(one), -np.inf), at.copy()
    for place in range(int(one.lengths.max(initial=0))):
        groups = np.flatnonzero(one.lengths > place)
        rows = first[groups] + place
        moved = at[rows] + np.where(lead[rows], away[rows], shift[groups])
        low = before[groups] + codes.visit_times.least * unit
        new[rows] = np.where((moved >= low) & (moved <= last[rows]), moved, np.maximum(at[rows], low))
        shift[groups], before[groups] = new[rows] - at[rows], new[rows]
    new = since + np.round((new - at) / unit)
    gone = some[new[first[some]] != since[first[some]]]
    if codes.visit_times.start is None:
        put_values(codes, "start", new[first[gone]], one.groups[0], gone)
    if codes.visit_times.gap is None:
        gaps = np.diff(new, prepend=0.0)
        rows = np.setdiff1d(np.flatnonzero(gaps != np.diff(since, prepend=0.0)), first)
        put_values(codes, "gap", gaps[rows], one.rows[0], rows)


def _moved_ends(
    codec: LinkedCodec,
    table: str,
    column: str,
    scores: Mapping[str, TableScores],
    at: Floats,
    fixed: torch.Tensor,
    of: DayTimes,
    randomness: torch.Generator,
) -> None:
    one, field = scores[table], f"value:{column}"
    after, known = _after(codec, table, column, one)
    held = fixed[:, list(codec.codecs[table].named[field].channels)].any(1).numpy()
    chance = torch.rand(len(at), generator=randomness, dtype=torch.float64).numpy()
    new = of.moved(at + after, 1 + codec.classes_of(table, scores), chance) - at
    rows = np.flatnonzero(known & ~held & (after >= LEADS) & (new >= LEADS))
    put_values(codec.codecs[table], field, np.round(new[rows] / codec.forms.forms[table].after[column]), one.rows[0], rows)


def _latest(codec: LinkedCodec, table: str, scores: Mapping[str, TableScores]) -> Floats:
    """float64 [G], the last time that rows of each group may have, as the table counts."""
    latest = np.full(len(scores[table]), codec.latest.get(table, np.inf))
    there = lasted(codec, table, scores)
    return latest if there is None else np.where(there > 0, there, latest)


def _of_day(dtype: pl.DataType, unit: float) -> bool:
    return dtype.base_type() == pl.Datetime and 0 < unit < DAY


def _bins(at: Floats) -> Indices:
    return (at % DAY // BIN).astype(np.int64)


def _shares(bins: Indices, of: Indices, classes: int) -> Floats:
    """[1 + classes, BINS], how many of all rows (first), and of each class, are in each bin."""
    count = np.bincount(of * BINS + bins, minlength=(1 + classes) * BINS).reshape(-1, BINS).astype(np.float64)
    count[0] = count.sum(0)
    return count


def _weights(a: Floats, b: Floats) -> Floats:
    """w by Sinkhorn's turns, [BINS], of shares a and b [BINS]."""
    apart = abs(np.arange(BINS)[:, None] - np.arange(BINS))
    kernel = np.exp(-np.minimum(apart, BINS - apart) * BIN / NEAR)
    w = b.copy()
    for _ in range(TURNS):
        w = b / np.maximum(kernel.T @ (a / np.maximum(kernel @ w, 1e-300)), 1e-300)
    return w / w.sum()
