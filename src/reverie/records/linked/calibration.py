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

__all__ = ["LinkedCalibration"]

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

    @classmethod
    def fit(cls, drawn: Mapping[tuple[str, str], list[Tensor]], trained: Mapping[tuple[str, str], Tensor]) -> Self:
        """From scores that were drawn, and those of the trained patients, NaN where not known."""
        maps = {}
        at = (np.arange(KNOTS) + 0.5) / KNOTS
        for key, parts in drawn.items():
            ours, theirs = torch.cat(parts).numpy(), trained[key].numpy()
            knots = np.full((ours.shape[1], 2, KNOTS), np.nan)
            for c in range(ours.shape[1]):
                x, y = ours[:, c][~np.isnan(ours[:, c])], theirs[:, c][~np.isnan(theirs[:, c])]
                if min(len(x), len(y)) >= FEWEST:
                    knots[c] = np.maximum.accumulate(np.quantile(x, at)), np.quantile(y, at)
                    knots[c, 0] += 1e-9 * np.arange(KNOTS)
            maps[key] = knots
        return cls(maps)

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


def _nested(knots: np.ndarray) -> list[Any]:
    return [None if np.isnan(one[0, 0]) else np.round(one, 5).tolist() for one in knots]
