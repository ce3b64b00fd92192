"""How much of what is drawn of rows is one for all rows of a patient.

    numbers   eps_i = rho^(1/2) u + (1 - rho)^(1/2) e_i,                u, e_i ~ N(0, 1)
    levels    eps_i = u with probability rho^(1/2), else e_i;  the chance by which a level is drawn likewise

is the noise from which a cell of row i is made, where u is one for all rows of the patient, or for those of one latent
class, stay or test. What a row is by itself is as it was, for its noise is N(0, 1) as before; but where the network knows
too little of a patient, and would draw a pulse of 60 after one of 120, the next is near the one before, and a drug comes
again.

    c = share of the variance of a score that is one for those rows       (intraclass correlation, Fisher 1925)
        or of pairs of those rows that are of one level
    rho -> rho + (c_trained - c_drawn) / slope,      slope of c_drawn over rho: 1 - c_drawn at first, then as it was seen
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from reverie.process.randomness import generator
from reverie.records.intervals import Floats
from reverie.records.levels import Indices

__all__ = ["Cell", "Kin", "Lasting", "LastingFit"]

LEAST, MOVED, FLATTER = 0.05, 0.1, 0.3
"""The smallest slope at first; by how much rho must differ for one to be seen; and how much flatter it may be then."""
MOST, PAIRED, CLEARER = 0.99, 100, 0.1
"""The largest rho; rows with another of the same patient from which it is told; and by how much c of rows that are alike
is larger where u is one for those alone."""
Address = tuple[int | str, ...]
"""A seed and an address under it, see process/randomness.py."""


@dataclass(frozen=True, eq=False)
class Kin:
    """Which rows of a table are of one patient, and which of those are alike.

    Attributes:
        groups: int64 [R] each, the group of each row: the patient; patient and latent class; the rows above up to the
            patient; patient and test, where numbers have one.
        counts: how many groups of each kind there may be.
        early: how many of these kinds are known before values are drawn: all but tests.
    """

    groups: tuple[Indices, ...]
    counts: tuple[int, ...]
    early: int

    @classmethod
    def of(
        cls,
        patient: Indices,
        patients: int,
        of_class: Indices,
        above: Sequence[tuple[Indices, int]] = (),
        tests: Sequence[Indices] = (),
    ) -> Self:
        """Of int64 [R] each: the patient of each row, of so many; its class; the row above it, of so many; and its test."""

        def told(apart: Indices) -> tuple[Indices, int]:
            count = int(apart.max(initial=0)) + 1
            return patient * count + apart, patients * count

        early = ((patient, patients), told(of_class), *above)
        groups, counts = zip(*early, *map(told, tests), strict=True)
        return cls(groups, counts, len(early))

    def shared(self, values: Floats, there: np.ndarray, kind: int, levels: bool = False) -> tuple[float, int]:
        """(c, rows with another) of scores [R], or of levels, in groups of a kind, where they are there; each row counts
        alike."""
        of, z = self.groups[kind][there], values[there]
        n = np.bincount(of, minlength=1)
        paired = int(n[n > 1].sum())
        if not paired:
            return 0.0, 0
        if levels:
            _, which, count = np.unique(np.stack([of, z.astype(np.int64)]), axis=1, return_inverse=True, return_counts=True)
            others = n[of] - 1
            some = others > 0
            return float(((count[which.ravel()] - 1)[some] / others[some]).mean()), paired
        z = z - z.mean()
        total, squares = np.bincount(of, z), np.bincount(of, z * z)
        variance, some = squares.sum() / len(z), n > 1
        return (
            float(((total[some] ** 2 - squares[some]) / (n[some] - 1)).sum() / paired / variance) if variance else 0.0
        ), paired


@dataclass(frozen=True, eq=False)
class Lasting:
    """rho of the channels of the rows of a table.

    Attributes:
        share: float64 [w], rho.
        kind: int64 [w], for which groups of Kin u is one.
        level: bool [w], whether they tell levels.
    """

    share: Floats
    kind: Indices
    level: np.ndarray

    def of_noise(self, noise: Tensor, kin: Kin, rows: np.ndarray, address: Address, uniform: bool = False) -> Tensor:
        """Noise [n, w] of some rows, N(0, 1), or chances of levels in [0, 1), made to last over those of a group."""
        out, what = noise.clone(), "chance" if uniform else "noise"
        for kind, (of, count) in enumerate(zip(kin.groups, kin.counts, strict=True)):
            for level in (True,) if uniform else (False, True):
                channels = np.flatnonzero((self.share > 0) & (self.kind == kind) & (self.level == level))
                if not len(channels):
                    continue
                randomness = generator(int(address[0]), *address[1:], kind, what, int(level))
                one = (torch.rand if uniform else torch.randn)(count, len(channels), generator=randomness)[of[rows]]
                rho = torch.from_numpy(self.share[channels]).float()
                if level:  # the same rows are made again by noise and by chance, and in all that they tell
                    again = generator(int(address[0]), *address[1:], kind, "again")
                    copied = torch.rand(len(of), generator=again)[rows, None] < rho.sqrt()
                    out[:, channels] = torch.where(copied, one, noise[:, channels])
                else:
                    out[:, channels] = rho.sqrt() * one + (1 - rho).sqrt() * noise[:, channels]
        return out

    @property
    def config(self) -> dict[str, Any]:
        share, kind, level = self.share.round(4).tolist(), self.kind.tolist(), self.level.astype(int).tolist()
        return {"share": share, "kind": kind, "level": level}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        kind, level = np.array(config["kind"], dtype=np.int64), np.array(config["level"], dtype=bool)
        return cls(np.array(config["share"], dtype=np.float64), kind, level)


@dataclass(frozen=True, eq=False)
class Cell:
    """A number, or one of some levels.

    Attributes:
        channels: int64, those that tell it.
        level: whether it is one of some levels.
        late: whether it is drawn when the test is known.
    """

    channels: Indices
    level: bool
    late: bool


@dataclass
class LastingFit:
    """rho as it is found.

    Attributes:
        cells: of the rows of a table.
        aims: by cell and kind of group, c of those trained on.
        kind: by cell, for which groups u is one.
        share: by cell, rho.
        seen: by cell, rho and c of what was drawn before, and the slope of one over the other.
    """

    cells: Sequence[Cell]
    aims: dict[int, dict[int, float]]
    kind: dict[int, int] = field(default_factory=dict)
    share: dict[int, float] = field(default_factory=dict)
    seen: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, cells: Sequence[Cell], values: Floats, kin: Kin) -> Self:
        """From values [R, cells] of those trained on, scores of numbers and numbers of levels, NaN where not known."""
        aims = {}
        for number, cell in enumerate(cells):
            z, there = values[:, number], ~np.isnan(values[:, number])
            kinds = range(len(kin.groups) if cell.late and not cell.level else kin.early)
            told = {kind: kin.shared(z, there, kind, cell.level) for kind in kinds}
            if enough := {kind: c for kind, (c, paired) in told.items() if paired >= PAIRED}:
                aims[number] = enough
        return cls(cells, aims)

    def weigh(self, values: Floats, asked: np.ndarray, kin: Kin) -> None:
        """Moves rho by what is drawn, values [R, cells], where it was asked for, bool [R, w]."""
        for number, aims in self.aims.items():
            cell = self.cells[number]
            z, there = values[:, number], asked[:, cell.channels[0]]
            if number not in self.kind:  # for levels that of which most is missing, told by all rows that have another
                told = {kind: kin.shared(z, there, kind, cell.level) for kind in aims}
                lacking = {
                    k: (aims[k] - c) * paired if cell.level else aims[k] - CLEARER * (k > 0)
                    for k, (c, paired) in told.items()
                }
                self.kind[number] = max(lacking, key=lambda k: lacking[k])
            kind = self.kind[number]
            drawn, paired = kin.shared(z, there, kind, cell.level)
            if paired < PAIRED:
                continue
            rho = self.share.get(number, 0.0)
            before, was, slope = self.seen.get(number, (rho, drawn, max(1 - drawn, LEAST)))
            if rho - before > MOVED:
                slope = float(np.clip((drawn - was) / (rho - before), slope * FLATTER, slope))
            self.seen[number] = rho, drawn, slope
            self.share[number] = float(np.clip(rho + (aims[kind] - drawn) / slope, 0.0, MOST))

    def done(self, width: int) -> Lasting:
        share, kind, level = np.zeros(width), np.zeros(width, dtype=np.int64), np.zeros(width, dtype=bool)
        for number, cell in enumerate(self.cells):
            share[cell.channels] = self.share.get(number, 0.0)
            kind[cell.channels], level[cell.channels] = self.kind.get(number, 0), cell.level
        return Lasting(share, kind, level)
