"""How what puts right linked tables is found: each stage is drawn of some patients, compared with those trained on, and put
right before what follows is drawn; see calibration.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.naming import Cells, Naming
from reverie.denoisers.network import Network
from reverie.records.linked.calibration import KNOTS, LinkedCalibration, Part, tilted
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.daytimes import DayTimes, hours_of, timed
from reverie.records.linked.lasting import Kin, Lasting, LastingFit
from reverie.records.linked.scores import TableScores
from reverie.records.linked.shapes import Shapes
from reverie.records.linked.spans import Reach, reached
from reverie.records.linked.stages import Seed, Stages, by_own

__all__ = ["Fitting", "Weighing"]

FEWEST = 100
"""Drawn cells from which a map is made."""
SHARPER = 1.3
"""By measurement, see benchmarks/results/linked_quality.txt."""
MOVED, FARTHEST = (1.0, 0.6, 0.4, 0.0), 2.0
"""By how much of what is missing each turn moves how often a level comes, less and less, as what is drawn has chance in it,
and at most."""


class Fitting:
    """The calibration as it is fitted: each stage is put right before what follows is drawn.

    Args:
        trained: by part, the scores [n, C] of the patients trained on; NaN where not known.
        cells: of each part, which levels its channels tell.
        known_by: (table, "group" or "rows", whether by their own) -> int64 [n], the latent classes they are known by, see
            Layout.known_by.
        coded: by table, the patients trained on; without them it is not looked at how far rows reach.
        kin: of a table, which of its rows are of one patient; without it no noise is made to last.
        patient: (table, "group" or "rows") -> int64 [n], whose they are; without it each is another's.

    Attributes:
        drawn: of each part drawn last, the latent classes that it was known by.
    """

    def __init__(
        self,
        trained: Mapping[Part, Tensor],
        cells: Mapping[Part, Cells],
        known_by: Callable[[str, str, bool], np.ndarray],
        coded: Mapping[str, TableScores] | None = None,
        kin: Callable[[str], Kin] | None = None,
        patient: Callable[[str, str], np.ndarray] | None = None,
    ) -> None:
        self._trained = {part: scores.numpy() for part, scores in trained.items()}
        self._known_by, self._coded, self._patient = known_by, coded or {}, patient
        self.drawn: dict[Part, np.ndarray] = {}
        self._namings = {part: [Naming(one) for one in of.parts] for part, of in cells.items() if of.levels}
        self._aims = {part: self._counts(part, trained[part].nan_to_num(), ~trained[part].isnan()) for part in self._namings}
        self._lasting: dict[str, LastingFit] = {}
        for (table, what), theirs in self._trained.items() if kin else ():
            if what == "rows" and len(theirs):
                assert kin
                named = [naming.named.numpy() for naming in self._namings.get((table, what), ())]
                numbers = np.flatnonzero(~np.any([np.zeros(theirs.shape[1], dtype=bool), *named], axis=0))
                self._lasting[table] = LastingFit.of(theirs, numbers, kin(table))
        self._maps: dict[Part, np.ndarray] = {}
        self._reaches: dict[str, Reach] = {}
        self._hours: dict[Part, DayTimes] = {}
        self._shapes: dict[tuple[str, int], Shapes] = {}
        self.tilts = {part: torch.zeros(of.levels) for part, of in cells.items() if of.levels}

    def __call__(self, table: str, stage: int, scores: Tensor, asked: Tensor, of: np.ndarray) -> Tensor:
        part = table, "rows" if stage > 3 else "group"
        for naming in self._namings.get(part, ()):
            asked = asked & ~naming.named
        theirs = self._trained[part]
        knots = self._maps.setdefault(part, np.full((theirs.shape[1], 2, KNOTS), np.nan))
        at = (np.arange(KNOTS) + 0.5) / KNOTS
        whose = self._known_by(*part, by_own(stage)) if of.any() else np.zeros(len(theirs), dtype=np.int64)
        numbers, drawn = np.flatnonzero(asked.any(0).numpy()).tolist() if len(scores) else [], scores.double().numpy()
        if of.any() and numbers:
            people = self._patient(*part) if self._patient else np.arange(len(theirs))
            shapes = Shapes.fit(numbers, (theirs, whose, people), (drawn, of), asked.numpy())
            self._shapes[table, stage] = shapes
            drawn = shapes(drawn, asked.numpy(), of)
        for c in numbers:
            mine, there = asked[:, c].numpy(), ~np.isnan(theirs[:, c])
            x, y = drawn[mine, c], theirs[there, c]
            if min(len(x), len(y)) >= FEWEST:
                as_many = _as_many(of[mine], whose[there])
                knots[c] = np.maximum.accumulate(np.quantile(x, at)) + 1e-9 * np.arange(KNOTS), _quantile(y, at, as_many)
        return self.done(table, stage, scores, asked, of)

    def reach(self, codec: LinkedCodec, table: str, scores: Mapping[str, TableScores], fixed: Tensor) -> None:
        if (theirs := self._coded.get(table)) is not None and codec.codecs[table].visit_times.gap is None:
            trained = theirs.lengths, reached(codec, table, self._coded)
            self._reaches[table] = Reach.fit((scores[table].lengths, reached(codec, table, scores)), trained)
        self.done.reach(codec, table, scores, fixed)

    def at_hours(
        self, codec: LinkedCodec, table: str, scores: Mapping[str, TableScores], fixed: Tensor, now: int, seed: Seed
    ) -> None:
        for column in timed(codec, table, now) if table in self._coded else ():
            if (found := hours_of(codec, table, column, scores, self._coded)) is not None:
                self._hours[table, column] = found
        self.done.at_hours(codec, table, scores, fixed, now, seed)

    def weigh(self, part: Part, scores: Tensor, asked: Tensor, share: float = 1.0) -> None:
        """Levels that come too seldom in scores [n, C] drawn, where they were asked for, will come more often, by this share
        of what is missing."""
        if part not in self._namings:
            return
        drawn, of = self._counts(part, scores, asked)
        one = 1 / of.clamp(min=1)  # a cell more of each, so that what nobody had is not infinitely far
        moved = (self._aimed(part, asked) + one).log() - (drawn / of.clamp(min=1) + one).log()
        self.tilts[part] += share * torch.where(of >= FEWEST, moved, 0.0).clamp(-FARTHEST, FARTHEST)

    def last(self, table: str, scores: Tensor, asked: Tensor, kin: Kin) -> None:
        """What lasts too little over the rows of a patient in scores [R, w] drawn, where they were asked for, lasts more."""
        if table in self._lasting:
            self._lasting[table].weigh(scores.numpy(), asked.numpy(), kin)

    @property
    def lasting(self) -> dict[str, Lasting]:
        return {table: of.done(self._trained[table, "rows"].shape[1]) for table, of in self._lasting.items() if of.share}

    @property
    def done(self) -> LinkedCalibration:
        tilts = {part: tilt.clone() for part, tilt in self.tilts.items()}
        return LinkedCalibration(self._maps, tilts, SHARPER, self._reaches, self.lasting, self._hours, self._shapes)

    def _aimed(self, part: Part, asked: Tensor) -> Tensor:
        """[levels], the share of each among those trained on, were as many of them of each class as of what was drawn."""
        aims, of_aims = self._aims[part]
        shares = (aims / of_aims.clamp(min=1)).split([len(naming.field) for naming in self._namings[part]])
        parts = [torch.zeros(0)]
        for naming, share in zip(self._namings[part], shares, strict=True):
            if naming.expected is None:
                parts.append(share)
                continue
            here = asked[:, naming.first].float()
            classes = torch.from_numpy(self.drawn[part])
            of_class = torch.zeros(naming.expected.shape[1], here.shape[1]).index_add(0, classes, here)
            among = naming.shares(share.clamp(min=1e-9).log()[:, None] + naming.expected).exp()
            whole = of_class.sum(0).clamp(min=1)[naming.field]
            parts.append((among * of_class[:, naming.field].T).sum(1) / whole)
        return torch.cat(parts)

    def _counts(self, part: Part, scores: Tensor, asked: Tensor) -> Tensor:
        """[2, levels], how many cells are at each level, and how many are at any of its field."""
        counts = [torch.zeros(2, 0)]
        for naming in self._namings[part]:
            of = asked[:, naming.first][:, naming.field].float()
            counts.append(torch.stack([(naming.levels(scores.float()) * of).sum(0), of.sum(0)]))
        return torch.cat(counts, 1)


@dataclass(frozen=True, eq=False)
class Weighing(Stages):
    """Stages that are drawn again and again, until levels come as often as they should."""

    fitting: Fitting = field(kw_only=True)

    def draw(
        self,
        table: str,
        children: Sequence[str],
        units: np.ndarray,
        scores: Mapping[str, TableScores],
        stage: int,
        seed: Seed,
    ) -> None:
        made = {
            (child, what): getattr(scores[child], what) for child in (children or (table,)) for what in ("groups", "rows")
        }
        before = {part: cells.clone() for part, cells in made.items()}
        for turn, share in enumerate(MOVED):
            for part, cells in made.items():
                cells.copy_(before[part])
            network = tilted(cast(Network, self.denoiser), self.codec, self.fitting.done)
            told = network, self.codec, self.sampler, self.grid, self.fitting.lasting
            Stages(*told).draw(table, children, units, scores, stage, (*seed, turn))
            for (child, what), cells in made.items():
                part = child, "group" if what == "groups" else what
                self.fitting.drawn[part] = self.codec.known_by(*part, scores, by_own(stage))
                asked = (before[child, what].isnan() & ~cells.isnan())[0]
                if share:
                    self.fitting.weigh(part, cells[0].nan_to_num(), asked, share)
                if share and what == "rows" and stage > 3 and len(cells[0]):
                    self.fitting.last(child, cells[0].nan_to_num(), asked, self.kin(child, scores))


def _as_many(drawn: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """float64 [n], what each of those trained on counts for as many to be of each class as of those drawn."""
    count = int(max(drawn.max(initial=0), trained.max(initial=0))) + 1
    of_drawn, of_trained = (np.bincount(of, minlength=count) for of in (drawn, trained))
    weights = (of_drawn / np.maximum(of_trained, 1))[trained]
    return weights if weights.any() else np.ones(len(trained))


def _quantile(y: np.ndarray, at: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The quantiles of y [n] that count for so much; linear between the middles of their shares."""
    order = np.argsort(y, kind="stable")
    upto = np.cumsum(weights[order])
    return np.interp(at, (upto - weights[order] / 2) / upto[-1], y[order])
