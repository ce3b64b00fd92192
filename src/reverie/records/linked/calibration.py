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

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor

from reverie.denoisers.events import EventNetwork
from reverie.denoisers.network import Network
from reverie.records.linked.codec import LinkedCodec
from reverie.records.linked.daytimes import DayTimes, moved, timed
from reverie.records.linked.lasting import Lasting
from reverie.records.linked.scores import TableScores
from reverie.records.linked.shapes import Shapes
from reverie.records.linked.spans import Reach
from reverie.records.linked.stages import Seed

__all__ = ["KNOTS", "LinkedCalibration", "Part", "tilted"]

KNOTS = 129
"""Of a map."""
REACH = 6.0
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
        shapes: by table and stage, of numbers in latent classes, see shapes.py.
    """

    maps: Mapping[Part, np.ndarray]
    tilts: Mapping[Part, Tensor] = field(default_factory=dict)
    sharper: float = 1.0
    reaches: Mapping[str, Reach] = field(default_factory=dict)
    lasting: Mapping[str, Lasting] = field(default_factory=dict)
    hours: Mapping[Part, DayTimes] = field(default_factory=dict)
    shapes: Mapping[tuple[str, int], Shapes] = field(default_factory=dict)

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

    def __call__(self, table: str, stage: int, scores: Tensor, asked: Tensor, of: np.ndarray) -> Tensor:
        """Scores [n, C] with the cells asked put right that have a map.

        Args:
            stage: the one they were drawn in.
            of: int64 [n], the latent class that each row or group is known by then, see Layout.known_by.
        """
        if (knots := self.maps.get((table, "rows" if stage > 3 else "group"))) is None or not len(scores):
            return scores
        out = scores.double().numpy().copy()
        if (shapes := self.shapes.get((table, stage))) is not None:
            out = shapes(out, asked.numpy(), of)
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
        shapes = {f"{table}\n{stage}": one.config for (table, stage), one in self.shapes.items()}
        return {**told, "lasting": lasting, "hours": hours, "shapes": shapes}

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
        shapes = {}
        for key, of in config.get("shapes", {}).items():
            table, stage = _part(key)
            shapes[table, int(stage)] = Shapes.from_config(of)
        return cls(maps, tilts, float(config["sharper"]), reaches, lasting, hours, shapes)


def tilted(network: Network, codec: LinkedCodec, right: LinkedCalibration) -> Network:
    """A network over events with how often it says each level put right: for all that it draws itself."""
    if not right.tilts:
        return network
    numbers = {table: number for number, table in enumerate(codec.codecs)}
    names = {part: f"{'group' if part[1] == 'group' else 'row'}_{numbers[part[0]]}" for part in right.tilts}
    module = cast(EventNetwork, network.module).tilted(right.sharper, {names[part]: of for part, of in right.tilts.items()})
    return replace(network, module=module)


def _part(key: str) -> Part:
    table, what = key.split("\n")
    return table, what


def _nested(knots: np.ndarray) -> list[Any]:
    return [None if np.isnan(one[0, 0]) else np.round(one, 5).tolist() for one in knots]
