"""Fits a calibration: a sample is drawn stage by stage, each stage given those that were put right, and compared with the
patients trained on.

Distances of staying are such that as many of the model's draws are the cell before once more as of the trained patients'; of
levels, as many of each level that enough patients have. The maps are fitted in turn, for each moves what the others see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor

from reverie.process.randomness import generator, sub_seed
from reverie.records.calibration import KNOTS, Calibration, Map, follow, targets
from reverie.records.codec import RecordCodec
from reverie.records.course import Course
from reverie.records.encoded import EncodedTable, Records
from reverie.records.generate import SHARD, RecordSampler, like_lengths
from reverie.records.intervals import Floats
from reverie.records.layout import Field
from reverie.records.levels import OrderedProbit, SequentialProbit
from reverie.records.masks import cells

__all__ = ["calibrate"]

TIMES, MOST, TRAINED = 8, 24_000, 4096
"""Visits that are drawn for each one trained on, and at most; patients that they are compared with, at most."""
STATICS, SHARDS = 32, 4
"""Statics that are drawn for each patient trained on, and shards of them at most."""
VISITS, SUPPORT = 60, 20
"""Trained patients who have a visit that has a map of its own; cells that a map or a distance rests on, at least."""
ROUNDS, HALVINGS = 2, 9
"""How often both maps are fitted in turn, and how often the interval of a distance is halved."""
FARTHEST = 3.0
"""The largest distance at which a score stays."""
GROWTH = 1.4
"""By so much the number of the first visit grows from group to group, at least."""
DIGITS, APART = 4, 1e-3
"""Decimals of what is kept, and how far apart knots are at least."""
FEW = 2
"""A knot is moved only if so many trained cells lie on either side of it."""


def calibrate(sampler: RecordSampler, encoded: EncodedTable, seed: int) -> Calibration:
    """The calibration of what `sampler` draws to the patients that it was trained on; a function of them and the seed."""
    randomness = generator(seed, "calibration")
    chosen = torch.randperm(len(encoded), generator=randomness)[:TRAINED]
    real, codec = encoded.records(chosen, randomness), sampler.codec
    each = float(real.visits.double().mean())
    count = int(np.clip(min(MOST, TIMES * len(encoded) * each) / each, SUPPORT, SHARD))
    fitted, structure = Calibration(codec, _first(real.visits)), None
    for stage in sorted(set(codec.stage.flatten().tolist()) - {-1}):
        asking = replace(sampler, calibration=fitted)
        if stage < 2:
            sampled = _statics(asking, -(-STATICS * len(chosen) // SHARD), sub_seed(seed, "calibration"))
        elif structure is None or stage == 2:
            sampled = structure = asking.shard(0, count, sub_seed(seed, "calibration"), last=stage)[0]
        else:
            sampled = _with_values(asking, fitted, structure, randomness)
        fitted = _with_stage(fitted, [f for f in codec.fields if f.stage == stage and f.channels], real, sampled)
    return fitted


def _statics(sampler: RecordSampler, shards: int, seed: int) -> Records:
    """The statics of some shards: they cost little, and how long records are hangs on them."""
    sampled = [sampler.shard(number, SHARD, seed, last=1)[0] for number in range(min(shards, SHARDS))]
    values, known = (torch.cat([x[:, :1] for x in xs]) for xs in zip(*((r.values, r.known) for r in sampled), strict=True))
    return Records(values, known, torch.zeros(len(values), dtype=torch.long))


def _with_values(sampler: RecordSampler, fitted: Calibration, sampled: Records, randomness: torch.Generator) -> Records:
    """Records whose last stage is drawn, given the one before it put right."""
    stage = cells(sampler.codec.stage, sampled.values.shape[1])
    values = fitted(sampled.values, sampled.known & (stage == 2), sampled.known & (stage < 3))
    seen = sampler.codec.known(values, sampled.visits) & (stage < 3)
    for chosen in like_lengths(sampled.visits):
        N = 1 + int(sampled.visits[chosen].max())
        start = torch.randn(len(chosen), N, values.shape[-1], generator=randomness)
        begun = values[chosen, :N], sampled.visits[chosen], [start, start], randomness, seen[chosen, :N]
        values[chosen, :N] = sampler.visits(*begun)
    return Records(values, sampler.codec.known(values, sampled.visits), sampled.visits)


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


def _with_stage(fitted: Calibration, fields: list[Field], real: Records, sampled: Records) -> Calibration:
    """The calibration with the maps of one stage, whose fields were drawn without any."""
    goal, asked = _Goal(fitted, real), torch.zeros_like(sampled.known)
    for field in fields:
        cells = slice(None), field.tokens, list(field.channels)
        asked[cells] = sampled.known[cells]
    moving = [field for field in fields if field.token == 1]
    knots, out, calibration = {f.name: goal.start(f) for f in fields}, sampled.values, fitted
    for _ in range(ROUNDS):
        knots = {f.name: goal.moved(f, knots[f.name], out, sampled.known) for f in fields}
        calibration = replace(fitted, maps=fitted.maps | {name: Map(knots=_tuples(x)) for name, x in knots.items()})
        mapped = calibration.mapped(sampled.values, asked)
        courses = {f.name: _courses(f, real, replace(sampled, values=mapped)) for f in moving if f.part == "value"}
        calibration = _with_maps(calibration, "course", courses)
        run = calibration.coursed(mapped, asked, sampled.known)
        calibration = _with_maps(calibration, "stay", _distances(fitted.codec, moving, real, run, asked, sampled.known))
        out = calibration.stayed(run, asked, sampled.known)
    return calibration


def _with_maps(calibration: Calibration, what: str, values: Mapping[str, Any]) -> Calibration:
    """The calibration with one more map of some fields."""
    maps = {name: calibration.maps[name].model_copy(update={what: value}) for name, value in values.items()}
    return replace(calibration, maps=calibration.maps | maps)


def _courses(field: Field, real: Records, sampled: Records) -> tuple[tuple[Course, Course], ...]:
    """Of each channel, as it is drawn and as it is of the trained patients."""
    both = [[Course.of(r.values[:, 1:, c], r.known[:, 1:, c]) for r in (sampled, real)] for c in field.channels]
    return tuple((one, other) for one, other in both)


class _Goal:
    """Where knots are to be: what share of cells is to lie below each target."""

    def __init__(self, fitted: Calibration, real: Records) -> None:
        self.first, self.real = fitted.first, (real.values, real.known)
        self.targets = targets(fitted.codec).double().numpy()

    def groups(self, field: Field) -> list[slice]:
        """The tokens of each group."""
        if field.part not in ("gap", "measured") or field.token == 0:
            return [field.tokens]
        return [slice(a, b) for a, b in zip(self.first, (*self.first[1:], None), strict=True)]

    def start(self, field: Field) -> Floats:
        return np.stack([self.targets[field.token, list(field.channels)]] * len(self.groups(field)))

    def moved(self, field: Field, knots: Floats, values: Tensor, known: Tensor) -> Floats:
        """The knots [groups, channels, KNOTS] by which scores that are now `values` would lie as they should."""
        moved, groups = knots.copy(), self.groups(field)
        for g, tokens in enumerate(groups):
            for i, channel in enumerate(field.channels):
                y = self.targets[field.token, channel]
                sampled, trained = (_cells(*r, tokens, channel) for r in ((values, known), self.real))
                if min(len(sampled), len(trained)) < SUPPORT and field.token == 1:  # all visits then
                    sampled, trained = (_cells(*r, slice(1, None), channel) for r in ((values, known), self.real))
                share = ndtr(y) if len(groups) == 1 else np.searchsorted(np.sort(trained), y) / max(len(trained), 1)
                sure = np.minimum(share, 1 - share) * len(trained) >= FEW
                if len(sampled) >= SUPPORT and sure.any():
                    moved[g, i] = _moved(np.quantile(sampled, share[sure]), sure, y, knots[g, i])
        return moved


def _moved(now: Floats, sure: np.ndarray, y: Floats, knots: Floats) -> Floats:
    """Knots moved so that what lies at `now` comes to y[sure]; those that are not sure move as the nearest that is."""
    x = np.interp(now, y, knots)
    x = np.where(now < y[0], knots[0] + now - y[0], np.where(now > y[-1], knots[-1] + now - y[-1], x))
    nearest = np.abs(np.arange(KNOTS)[:, None] - np.flatnonzero(sure)).argmin(1)
    x = np.where(sure, 0.0, y - y[sure][nearest]) + x[nearest]
    return np.maximum.accumulate(x + APART * np.arange(KNOTS)).round(DIGITS)


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
    distances = torch.where((counts >= SUPPORT) & (low > 0), high, 0.0)
    rows = distances.double().numpy().round(DIGITS).tolist()
    return {f.name: tuple(row[: _many(codec, f)]) for f, row in zip(fields, rows, strict=True)}


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
    cells = [torch.from_numpy(codec.codes[f.name].cells(f.scores(values))) for f in fields]
    return torch.stack([x.double().view(values.shape[:2]) for x in cells], -1)


def _cells(values: Tensor, known: Tensor, tokens: slice, channel: int) -> Floats:
    return values[:, tokens, channel][known[:, tokens, channel]].double().numpy()


def _tuples(x: Floats) -> tuple[tuple[tuple[float, ...], ...], ...]:
    return tuple(tuple(tuple(row) for row in group) for group in x.tolist())
