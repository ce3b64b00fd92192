"""How much of what is drawn of rows is one for all rows of a patient.

    eps_i = rho^(1/2) u + (1 - rho)^(1/2) e_i,      u, e_i ~ N(0, 1)

is the noise from which a score of row i is made, where u is one for all rows of the patient, or for those of one latent
class or of one test. What a row is by itself is as it was, for its noise is N(0, 1) as before; but where the network knows
too little of a patient, and would draw a pulse of 60 after one of 120, the next is near the one before.

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
"""The largest rho; rows with another of the same patient from which it is told; and by how much c of rows that are alike
is larger where u is one for those alone."""


@dataclass(frozen=True, eq=False)
class Kin:
    """Which rows of a table are of one patient, and which of those are alike.

    Attributes:
        groups: int64 [R] each, the group of each row: the patient; patient and latent class; patient and test, if there is.
        counts: how many groups of each kind there may be.
    """

    groups: tuple[Indices, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, patient: Indices, patients: int, *alike: Indices) -> Self:
        """Of the patient of each row, and int64 [R] each by which rows of a patient are told apart."""
        many = [int(one.max(initial=0)) + 1 for one in alike]
        groups = (patient, *(patient * n + one for one, n in zip(alike, many, strict=True)))
        return cls(groups, (patients, *(patients * n for n in many)))

    def shared(self, scores: Floats, there: np.ndarray, kind: int) -> tuple[float, int]:
        """(c, rows with another) of scores [R] in groups of a kind, where they are there; each row counts alike."""
        of = self.groups[kind][there]
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
        kind: int64 [w], for which groups of Kin u is one.
    """

    share: Floats
    kind: Indices

    def of_noise(self, noise: Tensor, kin: Kin, rows: np.ndarray, generator: torch.Generator) -> Tensor:
        """Noise [n, w] of some rows, N(0, 1), made to last over those of a group."""
        out = noise.clone()
        for kind, (of, count) in enumerate(zip(kin.groups, kin.counts, strict=True)):
            channels = np.flatnonzero((self.share > 0) & (self.kind == kind))
            if len(channels):
                rho = torch.from_numpy(self.share[channels]).float()
                one = torch.randn(count, len(channels), generator=generator)[of[rows]]
                out[:, channels] = rho.sqrt() * one + (1 - rho).sqrt() * noise[:, channels]
        return out

    @property
    def config(self) -> dict[str, Any]:
        return {"share": self.share.round(4).tolist(), "kind": self.kind.tolist()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        return cls(np.array(config["share"], dtype=np.float64), np.array(config["kind"], dtype=np.int64))


@dataclass
class LastingFit:
    """rho as it is found.

    Attributes:
        aims: by channel, c of those trained on, and of which groups.
        share: by channel, rho.
        seen: by channel, rho and c of what was drawn before, and the slope of one over the other.
    """

    aims: dict[int, tuple[float, int]]
    share: dict[int, float] = field(default_factory=dict)
    seen: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, scores: Floats, channels: Indices, kin: Kin) -> Self:
        """From scores [R, w] of those trained on, NaN where not known, of channels that are numbers."""
        aims = {}
        for c in channels.tolist():
            z, there = scores[:, c], ~np.isnan(scores[:, c])
            told = [kin.shared(z, there, kind) for kind in range(len(kin.groups))]
            enough = [kind for kind, (_, paired) in enumerate(told) if paired >= PAIRED]
            if enough:
                best = max(enough, key=lambda kind: told[kind][0] - CLEARER * (kind > 0))
                aims[c] = told[best][0], best
        return cls(aims)

    def weigh(self, scores: Floats, asked: np.ndarray, kin: Kin) -> None:
        """Moves rho by what is drawn, scores [R, w], where it was asked for."""
        for c, (aim, kind) in self.aims.items():
            drawn, paired = kin.shared(scores[:, c], asked[:, c], kind)
            if paired < PAIRED:
                continue
            rho = self.share.get(c, 0.0)
            before, was, slope = self.seen.get(c, (rho, drawn, max(1 - drawn, LEAST)))
            if rho - before > MOVED:
                slope = float(np.clip((drawn - was) / (rho - before), slope * FLATTER, slope))
            self.seen[c] = rho, drawn, slope
            self.share[c] = float(np.clip(rho + (aim - drawn) / slope, 0.0, MOST))

    def done(self, width: int) -> Lasting:
        share, kind = np.zeros(width), np.zeros(width, dtype=np.int64)
        for c, rho in self.share.items():
            share[c], kind[c] = rho, self.aims[c][1]
        return Lasting(share, kind)
