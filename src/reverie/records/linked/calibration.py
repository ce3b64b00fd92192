"""What the network gets wrong of the scores of linked tables, put right channel by channel.

    z -> F_trained^-1(F_drawn(z)),   monotone, through the middles of equal shares of both

F_trained is that of the patients trained on: N(0, 1) of all values of a channel, as codes make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

__all__ = ["Fitting", "LinkedCalibration"]

KNOTS, FEWEST = 33, 100
"""Knots of a map, and drawn cells from which one is made."""
REACH = 6.0


@dataclass(frozen=True, eq=False)
class LinkedCalibration:
    """Maps by (table, "group" | "rows"): knots [C, 2, KNOTS], drawn scores and what they become; NaN where there is none."""

    maps: Mapping[tuple[str, str], np.ndarray]

    def __call__(self, table: str, what: str, scores: Tensor, asked: Tensor) -> Tensor:
        """Scores [n, C] with the cells asked put right."""
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
        return {f"{table}\n{what}": _nested(knots) for (table, what), knots in self.maps.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        maps = {}
        for key, of in config.items():
            table, what = key.split("\n")
            none = [[np.nan] * KNOTS] * 2
            maps[table, what] = np.array([one or none for one in of], dtype=np.float64).reshape(len(of), 2, KNOTS)
        return cls(maps)


class Fitting:
    """The calibration as it is fitted: what is drawn at each stage is put right before what follows is drawn.

    Args:
        trained: by (table, "group" | "rows"), the scores [n, C] of the patients trained on; NaN where not known.
    """

    def __init__(self, trained: Mapping[tuple[str, str], Tensor]) -> None:
        self._trained = {key: scores.numpy() for key, scores in trained.items()}
        self._maps: dict[tuple[str, str], np.ndarray] = {}

    def __call__(self, table: str, what: str, scores: Tensor, asked: Tensor) -> Tensor:
        theirs = self._trained[table, what]
        knots = self._maps.setdefault((table, what), np.full((theirs.shape[1], 2, KNOTS), np.nan))
        at = (np.arange(KNOTS) + 0.5) / KNOTS
        for c in np.flatnonzero(asked.any(0).numpy()) if len(scores) else ():
            x, y = scores[asked[:, c], c].double().numpy(), theirs[:, c][~np.isnan(theirs[:, c])]
            if min(len(x), len(y)) >= FEWEST:
                knots[c] = np.maximum.accumulate(np.quantile(x, at)) + 1e-9 * np.arange(KNOTS), np.quantile(y, at)
        return self.done(table, what, scores, asked)

    @property
    def done(self) -> LinkedCalibration:
        return LinkedCalibration(self._maps)


def _nested(knots: np.ndarray) -> list[Any]:
    return [None if np.isnan(one[0, 0]) else np.round(one, 5).tolist() for one in knots]
