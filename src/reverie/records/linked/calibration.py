"""What the network gets wrong of linked tables where it draws them itself, put right.

    levels    P(k | ...) ~ P(k | evidence) exp(SHARPER r_k + b_k),   b_k = log(share trained / share drawn), in turns
    numbers   z -> F_trained^-1(F_drawn(z)), monotone, through the middles of equal shares of both

both among those trained on as if as many of them were of each latent class as of what was drawn: how often a kind of stay
comes is one matter, put right where stays are drawn, and what goes with it another.

r_k is what the network adds to what the noisy scores say of level k (denoisers/naming.py). A network that has seen few
patients says too little of what goes with what, and of many cells in a row it is little each time: so r_k is enlarged, as
guidance enlarges the difference to what says less (Ho and Salimans 2022; Karras et al. 2024), where the less that is said
is what each cell says alone. b_k then brings each level as often as it was. F_trained is that of the patients trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.events import EventNetwork
from reverie.denoisers.naming import Cells, Naming
from reverie.denoisers.network import Network
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.daytimes import DayTimes, hours_of, moved, timed
from reverie.records.linked.lasting import Kin, Lasting, LastingFit
from reverie.records.linked.scores import TableScores
from reverie.records.linked.spans import Reach, reached
from reverie.records.linked.stages import Seed, Stages

__all__ = ["Fitting", "LinkedCalibration", "Weighing", "tilted"]

KNOTS, FEWEST = 129, 100
"""Knots of a map, and drawn cells from which one is made."""
REACH = 6.0
SHARPER = 1.3
"""By measurement, see benchmarks/results/linked_quality.txt."""
MOVED, FARTHEST = (1.0, 0.6, 0.4, 0.0), 2.0
"""By how much of what is missing each turn moves how often a level comes, less and less, as what is drawn has chance in it,
and at most."""
Part = tuple[str, str]
"""A table, and its "group" or "rows"."""


@dataclass(frozen=True, eq=False)
class LinkedCalibration:
    """What puts right what is drawn.

    Attributes:
        maps: of numbers, knots [C, 2, K], drawn scores and what they become; NaN where there is none.
        tilts: b of all levels, float32 [levels].
        sharper: by what r is multiplied.
        reaches: by table, how far its rows reach from the first of a group to the last, see spans.py.
        lasting: by table, how much of the noise of its rows is one for all of a patient, see lasting.py.
        hours: by table and column of times, at what time of the day they are, see daytimes.py.
    """

    maps: Mapping[Part, np.ndarray]
    tilts: Mapping[Part, Tensor] = field(default_factory=dict)
    sharper: float = 1.0
    reaches: Mapping[str, Reach] = field(default_factory=dict)
    lasting: Mapping[str, Lasting] = field(default_factory=dict)
    hours: Mapping[Part, DayTimes] = field(default_factory=dict)

    def at_hours(
        self, codec: LinkedCodec, table: str, scores: Mapping[str, TableScores], fixed: Tensor, now: int, seed: Seed
    ) -> None:
        """Moves the rows of a table, or what other columns say of them, after stage `now`, to hours at which there are any;
        what is fixed, [R, w], stays."""
        for column in timed(codec, table, now):
            if (of := self.hours.get((table, column))) is not None:
                moved(codec, table, column, scores, fixed, of, seed)

    def reach(self, codec: LinkedCodec, table: str, scores: Mapping[str, TableScores], fixed: Tensor) -> None:
        """Puts right how far the rows of the groups of a table reach, in their scores; rows that are fixed, [R, w], stay."""
        if table in self.reaches:
            self.reaches[table].put_right(codec, table, scores, fixed)

    def __call__(self, table: str, what: str, scores: Tensor, asked: Tensor) -> Tensor:
        """Scores [n, C] with the cells asked put right that have a map."""
        if (knots := self.maps.get((table, what))) is None or not len(scores):
            return scores
        out = scores.double().numpy().copy()
        for c in range(out.shape[1]):
            x, y = knots[c]
            if np.isnan(x[0]):
                continue
            z = out[:, c]
            inside = np.interp(z, x, y)
            out[:, c] = np.where(z < x[0], z + y[0] - x[0], np.where(z > x[-1], z + y[-1] - x[-1], inside))
        return torch.where(asked, torch.from_numpy(np.clip(out, -REACH, REACH)).float(), scores)

    @property
    def config(self) -> dict[str, Any]:
        tilts = {"\n".join(part): [round(float(b), 5) for b in of] for part, of in self.tilts.items()}
        maps = {"\n".join(part): _nested(knots) for part, knots in self.maps.items()}
        reaches = {table: of.config for table, of in self.reaches.items()}
        lasting = {table: of.config for table, of in self.lasting.items()}
        hours = {"\n".join(of): one.config for of, one in self.hours.items()}
        told = {"maps": maps, "tilts": tilts, "sharper": self.sharper, "reaches": reaches}
        return {**told, "lasting": lasting, "hours": hours}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        if "maps" not in config:  # of runs from before levels were put right by themselves
            config = {"maps": config, "tilts": {}, "sharper": 1.0}
        maps = {}
        for key, of in config["maps"].items():
            knots = next((len(one[0]) for one in of if one), 1)
            none = [[np.nan] * knots] * 2
            maps[_part(key)] = np.array([one or none for one in of], dtype=np.float64).reshape(len(of), 2, knots)
        tilts = {_part(key): torch.tensor(of, dtype=torch.float32) for key, of in config["tilts"].items()}
        reaches = {table: Reach.from_config(of) for table, of in config.get("reaches", {}).items()}
        lasting = {table: Lasting.from_config(of) for table, of in config.get("lasting", {}).items()}
        hours = {_part(key): DayTimes.from_config(of) for key, of in config.get("hours", {}).items()}
        return cls(maps, tilts, float(config["sharper"]), reaches, lasting, hours)


def tilted(network: Network, codec: LinkedCodec, right: LinkedCalibration) -> Network:
    """A network over events with how often it says each level put right: for all that it draws itself."""
    if not right.tilts:
        return network
    numbers = {table: number for number, table in enumerate(codec.codecs)}
    names = {part: f"{'group' if part[1] == 'group' else 'row'}_{numbers[part[0]]}" for part in right.tilts}
    module = cast(EventNetwork, network.module).tilted(right.sharper, {names[part]: of for part, of in right.tilts.items()})
    return replace(network, module=module)


class Fitting:
    """The calibration as it is fitted: each stage is put right before what follows is drawn.

    Args:
        trained: by part, the scores [n, C] of the patients trained on; NaN where not known.
        cells: of each part, which levels its channels tell.
        known_by: (table, "group" or "rows", whether by their own) -> int64 [n], the latent classes they are known by, see
            Layout.known_by.
        coded: by table, the patients trained on; without them it is not looked at how far rows reach.
        kin: of a table, which of its rows are of one patient; without it no noise is made to last.

    Attributes:
        drawn: of each part drawn last, the same of it, and whether by its own.
    """

    def __init__(
        self,
        trained: Mapping[Part, Tensor],
        cells: Mapping[Part, Cells],
        known_by: Callable[[str, str, bool], np.ndarray],
        coded: Mapping[str, TableScores] | None = None,
        kin: Callable[[str], Kin] | None = None,
    ) -> None:
        self._trained = {part: scores.numpy() for part, scores in trained.items()}
        self._known_by, self._coded = known_by, coded or {}
        self.drawn: dict[Part, tuple[np.ndarray, bool]] = {}
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
        self.tilts = {part: torch.zeros(of.levels) for part, of in cells.items() if of.levels}

    def __call__(self, table: str, what: str, scores: Tensor, asked: Tensor) -> Tensor:
        part = table, what
        for naming in self._namings.get(part, ()):
            asked = asked & ~naming.named
        theirs = self._trained[part]
        knots = self._maps.setdefault(part, np.full((theirs.shape[1], 2, KNOTS), np.nan))
        at = (np.arange(KNOTS) + 0.5) / KNOTS
        of, own = self.drawn.get(part, (np.zeros(0, dtype=np.int64), False))
        of = of if len(of) == len(scores) else np.zeros(len(scores), dtype=np.int64)
        whose = self._known_by(table, what, own) if of.any() else np.zeros(len(theirs), dtype=np.int64)
        for c in np.flatnonzero(asked.any(0).numpy()) if len(scores) else ():
            mine, there = asked[:, c].numpy(), ~np.isnan(theirs[:, c])
            x, y = scores[mine, c].double().numpy(), theirs[there, c]
            if min(len(x), len(y)) >= FEWEST:
                as_many = _as_many(of[mine], whose[there])
                knots[c] = np.maximum.accumulate(np.quantile(x, at)) + 1e-9 * np.arange(KNOTS), _quantile(y, at, as_many)
        return self.done(table, what, scores, asked)

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
        return LinkedCalibration(self._maps, tilts, SHARPER, self._reaches, self.lasting, self._hours)

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
            classes = torch.from_numpy(self.drawn[part][0])
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
                own = stage not in (2, 3)
                self.fitting.drawn[part] = self.codec.known_by(*part, scores, own), own
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


def _part(key: str) -> Part:
    table, what = key.split("\n")
    return table, what


def _nested(knots: np.ndarray) -> list[Any]:
    return [None if np.isnan(one[0, 0]) else np.round(one, 5).tolist() for one in knots]
