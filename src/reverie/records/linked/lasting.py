"""How much of what is drawn of rows is one for all rows of a patient.

    eps_i = rho^(1/2) u + (1 - rho)^(1/2) e_i,      u, e_i ~ N(0, 1)

is the noise from which a score of row i is made, where u is one for all rows of the patient, or for those of one latent
class. What a row is by itself is as it was, for its noise is N(0, 1) as before; but where the network knows too little of a
patient, and would draw a pulse of 60 after one of 120, the next is near the one before.

    c = share of the variance of a score that is one for those rows       (intraclass correlation, Fisher 1925)
    rho -> rho + (c_trained - c_drawn) / slope,      slope of c_drawn over rho: 1 - c_drawn at first, then as it was seen
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from reverie.records.intervals import Floats
from reverie.records.levels import Indices

__all__ = ["Kin", "Lasting", "LastingFit"]

LEAST, MOVED, FLATTER = 0.05, 0.1, 0.3
"""The smallest slope at first; by how much rho must differ for one to be seen; and how much flatter it may be then."""
MOST, PAIRED, CLEARER = 0.99, 100, 0.1
"""The largest rho; rows with another of the same patient from which it is told; and by how much c of rows of one class is
larger where u is one for those alone."""


@dataclass(frozen=True, eq=False)
class Kin:
    """Which rows are of one patient, and of one class.

    Attributes:
        patient, of_class: int64 [R].
        patients, classes: how many there are.
    """

    patient: Indices
    of_class: Indices
    patients: int
    classes: int

    @property
    def both(self) -> Indices:
        return self.patient * self.classes + self.of_class

    def shared(self, scores: Floats, there: np.ndarray, by_class: bool) -> tuple[float, int]:
        """(c, rows with another) of scores [R], of the rows where they are there; each row counts alike."""
        of = (self.both if by_class else self.patient)[there]
        z = scores[there] - (scores[there].mean() if there.any() else 0.0)
        n, total, squares = (np.bincount(of, weights) for weights in (np.ones(len(z)), z, z * z))
        some = n > 1
        paired, variance = n[some].sum(), squares.sum() / max(len(z), 1)
        if not paired or not variance:
            return 0.0, 0
        return float(((total[some] ** 2 - squares[some]) / (n[some] - 1)).sum() / paired / variance), int(paired)


@dataclass(frozen=True, eq=False)
class Lasting:
    """rho of the channels of the rows of a table.

    Attributes:
        share: float64 [w], rho.
        by_class: bool [w], whether u is one for the rows of one class alone.
    """

    share: Floats
    by_class: np.ndarray

    def of_noise(self, noise: Tensor, kin: Kin, rows: np.ndarray, generator: torch.Generator) -> Tensor:
        """Noise [n, w] of some rows, N(0, 1), made to last over those of a patient."""
        out = noise.clone()
        for by_class, of, many in ((False, kin.patient, kin.patients), (True, kin.both, kin.patients * kin.classes)):
            channels = np.flatnonzero((self.share > 0) & (self.by_class == by_class))
            if len(channels):
                rho = torch.from_numpy(self.share[channels]).float()
                one = torch.randn(many, len(channels), generator=generator)[of[rows]]
                out[:, channels] = rho.sqrt() * one + (1 - rho).sqrt() * noise[:, channels]
        return out

    @property
    def config(self) -> dict[str, Any]:
        return {"share": self.share.round(4).tolist(), "by_class": self.by_class.astype(int).tolist()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        return cls(np.array(config["share"], dtype=np.float64), np.array(config["by_class"], dtype=bool))


@dataclass
class LastingFit:
    """rho as it is found.

    Attributes:
        aims: by channel, c of those trained on and whether of rows of one class.
        share: by channel, rho.
        seen: by channel, rho and c of what was drawn before, and the slope of one over the other.
    """

    aims: dict[int, tuple[float, bool]]
    share: dict[int, float] = field(default_factory=dict)
    seen: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, scores: Floats, channels: Indices, kin: Kin) -> Self:
        """From scores [R, w] of those trained on, NaN where not known, of channels that are numbers."""
        aims = {}
        for c in channels.tolist():
            z, there = scores[:, c], ~np.isnan(scores[:, c])
            (c_all, paired), (c_class, few) = (kin.shared(z, there, by_class) for by_class in (False, True))
            by_class = kin.classes > 1 and few >= PAIRED and c_class > c_all + CLEARER
            if max(paired, few) >= PAIRED:
                aims[c] = (c_class if by_class else c_all), by_class
        return cls(aims)

    def weigh(self, scores: Floats, asked: np.ndarray, kin: Kin) -> None:
        """Moves rho by what is drawn, scores [R, w], where it was asked for."""
        for c, (aim, by_class) in self.aims.items():
            drawn, paired = kin.shared(scores[:, c], asked[:, c], by_class)
            if paired < PAIRED:
                continue
            rho = self.share.get(c, 0.0)
            before, was, slope = self.seen.get(c, (rho, drawn, max(1 - drawn, LEAST)))
            if rho - before > MOVED:
                slope = float(np.clip((drawn - was) / (rho - before), slope * FLATTER, slope))
            self.seen[c] = rho, drawn, slope
            self.share[c] = float(np.clip(rho + (aim - drawn) / slope, 0.0, MOST))

    def done(self, width: int) -> Lasting:
        share, by_class = np.zeros(width), np.zeros(width, dtype=bool)
        for c, rho in self.share.items():
            share[c], by_class[c] = rho, self.aims[c][1]
        return Lasting(share, by_class)
