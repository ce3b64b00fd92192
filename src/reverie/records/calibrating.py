"""Fits a calibration: a sample is drawn stage by stage, each stage given those that were put right, and compared with the
patients trained on.

Distances of staying are such that as many of the model's draws are the cell before once more as of the trained patients'; of
levels, as many of each level that enough patients have. Both maps are fitted in turn, for staying moves shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import nnls
from scipy.special import ndtr
from torch import Tensor

from reverie.process.randomness import generator, sub_seed
from reverie.records.calibration import KNOTS, Calibration, Map, follow, targets
from reverie.records.codec import RecordCodec
from reverie.records.encoded import EncodedTable, Records
from reverie.records.generate import SHARD, RecordSampler, like_lengths
from reverie.records.intervals import Floats
from reverie.records.layout import Field
from reverie.records.levels import OrderedProbit, SequentialProbit
from reverie.records.masks import cells

__all__ = ["calibrate"]

TIMES, MOST, TRAINED = 8, 24_000, 4096
"""Visits that are drawn for each one trained on, and at most; patients that they are compared with, at most."""
VISITS, SUPPORT = 60, 20
"""Trained patients who have a visit that has a map of its own; cells that a map or a distance rests on, at least."""
ROUNDS, HALVINGS = 2, 9
"""How often both maps are fitted in turn, and how often the interval of a distance is halved."""
FARTHEST = 3.0
"""The largest distance at which a score stays."""
GROWTH = 1.4
"""By so much the number of the first visit grows from group to group, at least."""
DIGITS = 4


def calibrate(maker: RecordSampler, encoded: EncodedTable, seed: int) -> Calibration:
    """The calibration of what `maker` draws to the patients that it was trained on; a function of them and the seed."""
    randomness = generator(seed, "calibration")
    chosen = torch.randperm(len(encoded), generator=randomness)[:TRAINED]
    real, codec = encoded.records(chosen, randomness), maker.codec
    each = float(real.visits.double().mean())
    count = int(np.clip(min(MOST, TIMES * len(encoded) * each) / each, SUPPORT, SHARD))
    fitted, drawn = Calibration(codec, _first(real.visits)), None
    for stage in sorted(set(codec.stage.flatten().tolist()) - {-1}):
        asking = replace(maker, calibration=fitted)
        if drawn is None or stage < 3:
            drawn, _ = asking.shard(0, count, sub_seed(seed, "calibration"), last=stage)
        else:
            drawn = _with_values(asking, fitted, drawn, randomness)
        fitted = _with_stage(fitted, [f for f in codec.fields if f.stage == stage], real, drawn)
    return fitted


def _with_values(maker: RecordSampler, fitted: Calibration, drawn: Records, randomness: torch.Generator) -> Records:
    """Records whose last stage is drawn, given the one before it put right."""
    stage = cells(maker.codec.stage, drawn.values.shape[1])
    values = fitted(drawn.values, drawn.known & (stage == 2), drawn.known & (stage < 3))
    seen = maker.codec.known(values, drawn.visits) & (stage < 3)
    for chosen in like_lengths(drawn.visits):
        N = 1 + int(drawn.visits[chosen].max())
        start = torch.randn(len(chosen), N, values.shape[-1], generator=randomness)
        begun = values[chosen, :N], drawn.visits[chosen], [start, start], randomness, seen[chosen, :N]
        values[chosen, :N] = maker.visits(*begun)
    return Records(values, maker.codec.known(values, drawn.visits), drawn.visits)


def _first(visits: Tensor) -> tuple[int, ...]:
    """The first visit of each group: a new one as soon as the visits before it have enough patients."""
    have = (visits[:, None] >= torch.arange(1, int(visits.max()) + 1)).sum(0).tolist()
    first, held = [1], 0
    for visit, patients in enumerate(have, start=1):
        if held >= VISITS and sum(have[visit - 1 :]) >= VISITS and visit >= first[-1] * GROWTH:
            first.append(visit)
            held = 0
        held += patients
    return tuple(first)


def _with_stage(fitted: Calibration, fields: list[Field], real: Records, drawn: Records) -> Calibration:
    """The calibration with the maps of one stage, whose fields were drawn without any."""
    codec, asked = fitted.codec, torch.zeros_like(drawn.known)
    for field in fields:
        asked[:, _tokens(field), list(field.channels)] = True
    asked &= drawn.known
    moving = [field for field in fields if field.token == 1]
    goal = _Goal(fitted, real)
    out, stay = drawn.values, {}
    knots = {f.name: goal.start(f) for f in fields}
    for _ in range(ROUNDS):
        knots = {f.name: goal.moved(f, knots[f.name], out, drawn.known) for f in fields}
        maps = fitted.maps | {name: Map(knots=_tuples(x)) for name, x in knots.items()}
        mapped = replace(fitted, maps=maps).mapped(drawn.values, asked)
        courses = {
            f.name: tuple(
                (_course(mapped, drawn.known, c), _course(real.values, real.known, c)) for c in f.channels
            )
            for f in moving if COURSE and (f.part == "value" or COURSE > 1)
        }
        maps |= {name: Map(knots=_tuples(knots[name]), course=course) for name, course in courses.items()}
        mapped = replace(fitted, maps=maps).coursed(mapped, asked, drawn.known)
        stay = _distances(codec, moving, real, mapped, asked, drawn.known)
        maps |= {
            f.name: Map(knots=_tuples(knots[f.name]), stay=stay[f.name], course=courses.get(f.name, ())) for f in moving
        }
        out = replace(fitted, maps=maps).stayed(mapped, asked, drawn.known)
    return replace(fitted, maps=maps)


class _Goal:
    """Where knots are to be: what share of cells is to lie below each target."""

    def __init__(self, fitted: Calibration, real: Records) -> None:
        self.first, self.real, self.targets = fitted.first, real, targets(fitted.codec).double().numpy()

    def groups(self, field: Field) -> list[slice]:
        """The tokens of each group."""
        if field.part not in ("gap", "measured") or field.token == 0:
            return [_tokens(field)]
        return [slice(a, b) for a, b in zip(self.first, (*self.first[1:], None), strict=True)]

    def start(self, field: Field) -> Floats:
        return np.stack([self.targets[field.token, list(field.channels)]] * len(self.groups(field)))

    def moved(self, field: Field, knots: Floats, values: Tensor, known: Tensor) -> Floats:
        """The knots [groups, channels, KNOTS] by which scores that are now `values` would lie as they should."""
        moved, groups = knots.copy(), self.groups(field)
        for g, tokens in enumerate(groups):
            for i, channel in enumerate(field.channels):
                y = self.targets[field.token, channel]
                cells = _cells(values, known, tokens, channel)
                share = ndtr(y)
                if len(groups) > 1:
                    trained = _cells(self.real.values, self.real.known, tokens, channel)
                    if min(len(trained), len(cells)) < SUPPORT:
                        tokens_, trained = slice(1, None), _cells(self.real.values, self.real.known, slice(1, None), channel)
                        cells = _cells(values, known, tokens_, channel)
                    share = np.searchsorted(np.sort(trained), y) / max(len(trained), 1)
                    share = np.where((share * len(trained) < 2) | ((1 - share) * len(trained) < 2), np.nan, share)
                moved[g, i] = _knots(cells, share, y, knots[g, i])
        return moved


def _knots(cells: Floats, share: Floats, y: Floats, knots: Floats) -> Floats:
    sure = ~np.isnan(share)
    if len(cells) < SUPPORT or not sure.any():
        return knots
    now = np.quantile(cells, share[sure])
    x = np.interp(now, y, knots)
    x = np.where(now < y[0], knots[0] + now - y[0], np.where(now > y[-1], knots[-1] + now - y[-1], x))
    at = np.interp(np.arange(KNOTS), np.flatnonzero(sure), np.arange(sure.sum())).round().astype(int)
    x = np.where(sure, 0, y - y[sure][at]) + x[at]
    return np.maximum.accumulate(x + 1e-3 * np.arange(KNOTS)).round(DIGITS) - 0.0


def _distances(
    codec: RecordCodec, fields: Sequence[Field], real: Records, values: Tensor, asked: Tensor, known: Tensor
) -> dict[str, tuple[float, ...]]:
    """The distances of each field at which as many cells stay as of real ones."""
    if not fields:
        return {}
    wanted, counts = _kept(codec, fields, real.values, real.known)
    of, cells = _levels(codec, fields, values), _decoded(codec, fields, values)
    low, high = torch.zeros_like(wanted), torch.full_like(wanted, FARTHEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        reach = torch.gather(middle.T.expand(len(values), -1, -1), 1, of)
        shares = _shares(fields, cells, of, *follow(fields, values, reach, asked, known), known, wanted.shape[1])[0]
        few = shares < wanted
        low, high = torch.where(few, middle, low), torch.where(few, high, middle)
    found = torch.where((counts >= SUPPORT) & (low > 0), high, 0.0)
    rows = found.double().numpy().round(DIGITS).tolist()
    return {f.name: tuple(row[: _many(codec, f)]) for f, row in zip(fields, rows, strict=True)}


COURSE, LAGS = 1, 24


def _course(values: Tensor, known: Tensor, channel: int) -> tuple[float, float, float]:
    """Level, slow and pace of a channel's scores, by least squares of their covariances at each lag."""
    z, there = values[:, 1:, channel].double(), known[:, 1:, channel]
    order = torch.argsort(~there, dim=-1, stable=True)
    z, there = torch.where(there, z, 0.0).gather(-1, order), there.gather(-1, order)
    square = float((z**2).sum() / there.sum().clamp(min=1))
    lags = range(1, min(LAGS, z.shape[1] - 1) + 1)
    pairs = [(there[:, lag:] & there[:, :-lag]).sum() for lag in lags]
    found = np.array([float((z[:, lag:] * z[:, :-lag]).sum() / max(int(n), 1)) for lag, n in zip(lags, pairs, strict=True)])
    weight = np.array([float(n) for n in pairs])
    if weight.sum() < SUPPORT or square <= 0:
        return 0.0, 0.0, 0.0
    found, lag, best = np.clip(found / square, -0.99, 0.99), np.array(lags), (np.inf, (0.0, 0.0, 0.0))
    for pace in np.linspace(0.1, 0.95, 18):
        a = np.stack([np.ones(len(lag)), pace**lag], -1) * np.sqrt(weight)[:, None]
        x, loss = nnls(a, found * np.sqrt(weight))
        x *= min(1.0, 0.995 / max(x.sum(), 1e-9))
        loss = float((weight * (found - x[0] - x[1] * pace**lag) ** 2).sum())
        if loss < best[0]:
            best = (loss, (round(x[0], DIGITS), round(x[1], DIGITS), round(float(pace), DIGITS)))
    return best[1]


def _kept(codec: RecordCodec, fields: Sequence[Field], values: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The share of cells [F, levels] that are the known one before once more, by the level of that, and of how many."""
    of, cells = _levels(codec, fields, values), _decoded(codec, fields, values)
    most = max(_many(codec, f) for f in fields)
    never = torch.zeros(*values.shape[:2], len(fields))
    steps = follow(fields, values, never, torch.zeros_like(known), known)
    return _shares(fields, cells, of, *steps, known, most)


def _shares(
    fields: Sequence[Field], cells: Tensor, of: Tensor, source: Tensor, before: Tensor, known: Tensor, most: int
) -> tuple[Tensor, Tensor]:
    now = cells.gather(1, source)
    ago, level = now.gather(1, before), of.gather(1, source).gather(1, before)
    counted = known[..., [f.channels[0] for f in fields]] & (before > 0)
    place = (level + most * torch.arange(len(fields)))[counted]
    size = most * len(fields)
    total = torch.bincount(place, minlength=size).view(-1, most)
    same = torch.bincount(place, (now == ago)[counted].double(), minlength=size).view(-1, most)
    return same / total.clamp(min=1), total


def _levels(codec: RecordCodec, fields: Sequence[Field], values: Tensor) -> Tensor:
    return torch.stack([codec.levels(f, values) for f in fields], -1)


def _many(codec: RecordCodec, field: Field) -> int:
    """How many levels have a distance of their own."""
    code = codec.codes[field.name]
    return len(code.cuts) + 1 if isinstance(code, OrderedProbit | SequentialProbit) else 1


def _decoded(codec: RecordCodec, fields: Sequence[Field], values: Tensor) -> Tensor:
    """float64 [B, N, F]: the value of each cell, whatever it means."""
    flat = values.flatten(0, 1).double().numpy()
    found = [torch.from_numpy(codec.codes[f.name].cells(flat[:, list(f.channels)])) for f in fields]
    return torch.stack([x.double().view(values.shape[:2]) for x in found], -1)


def _cells(values: Tensor, known: Tensor, tokens: slice, channel: int) -> Floats:
    return values[:, tokens, channel][known[:, tokens, channel]].double().numpy()


def _tokens(field: Field) -> slice:
    return slice(0, 1) if field.token == 0 else slice(1, None)


def _tuples(x: Floats) -> tuple[tuple[tuple[float, ...], ...], ...]:
    return tuple(tuple(tuple(row) for row in group) for group in x.tolist())
