"""Cells that are one of some levels: what a noisy score says of each, exactly, to which a network adds what all else says.

    level k  <=>  a_i < z_i < b_i for the channels i that tell it,  z ~ N(0, 1)          (records/intervals.py)
    x = a z + s eps,  a^2 + s^2 = 1     =>     z given x ~ N(a x, s^2)
    P(k | x) = prod_i [Phi((b_i - a x_i) / s) - Phi((a_i - a x_i) / s)]                  the answer of independent cells
    P(k | x, all else) ~ P(k | x) exp(r_k)                                               r of the network, 0 at first
    E[z_i | x, all else] = sum_k P(k | ...) E[z_i | x, a_i < z_i < b_i]

So the network learns what goes with what alone, by the log-probability of the level (as Dieleman et al. 2022 and Graves et
al. 2023 do for embeddings and for parameters of distributions), and its answer is the mean that samplers ask for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["SHARP", "Cells", "Leveled", "Named", "Naming", "Seen"]

FAR, LEAST, SHARP = 60.0, 1e-30, 1e-3
"""The end of what has none; the smallest probability; and the deviation by which a score that is given is known."""


@dataclass(frozen=True, eq=False)
class Leveled:
    """Levels that some channels tell.

    Attributes:
        channels: which [w].
        lower, upper: [k, w], the ends of the scores of each level; infinite where a channel says nothing of it.
        stage: in which they are made.
    """

    channels: tuple[int, ...]
    lower: np.ndarray
    upper: np.ndarray
    stage: int = 0


@dataclass(frozen=True, eq=False)
class Cells:
    """The channels of a row.

    Attributes:
        width: how many.
        leveled: those that tell levels; all others are numbers.
        class_field: which of them is the latent class of the row, if it has one.
        classes_above: how many latent classes the row that it hangs on may be of.
        expected: float32 [1 + classes above + own, levels], log P(k | class) / P(k), 0 in the first, which is of no class
            that is known; None where no class tells anything.
        spread: float32 [1 + classes above + own, 2, width], of the scores of each class mean and variance; 0 and 1 in the
            first, and of what tells levels.
    """

    width: int
    leveled: tuple[Leveled, ...] = ()
    class_field: int | None = None
    classes_above: int = 0
    expected: np.ndarray | None = None
    spread: np.ndarray | None = None

    @property
    def levels(self) -> int:
        return sum(len(of.lower) for of in self.leveled)

    @property
    def parts(self) -> list[Cells]:
        """Those of each stage alone, as rows have those of a later stage in some questions only."""
        stage_of = np.repeat([of.stage for of in self.leveled], [len(of.lower) for of in self.leveled])
        out = []
        for stage in sorted({of.stage for of in self.leveled}):
            expected = None if self.expected is None else self.expected[:, stage_of == stage]
            out.append(Cells(self.width, tuple(of for of in self.leveled if of.stage == stage), expected=expected))
        return out


@dataclass(frozen=True, eq=False)
class Seen:
    """What noisy scores of R rows say.

    Attributes:
        rows: int64 [R], rising, which rows they are of those there are.
        log: float32 [R, levels], log P(k | x).
        mass, low, high: [R, P], of each interval of a channel its probability and its ends, from the mean, in deviations.
    """

    rows: Tensor
    log: Tensor
    mass: Tensor
    low: Tensor
    high: Tensor

    def of(self, rows: Tensor) -> Seen:
        """Of some of these rows, rising."""
        place = torch.searchsorted(self.rows, rows)
        return Seen(rows, *(x.index_select(0, place) for x in (self.log, self.mass, self.low, self.high)))


@dataclass(frozen=True, eq=False)
class Named:
    """What a network says that names levels, [B, ...] each.

    Attributes:
        output: what it predicts of numbers, as the kind of its prediction says.
        clean: the mean of the clean scores of what it names; of numbers, what their classes move it by.
        where: bool, what that is.
        surprise: in training, -log of the probability that it gave the level that is there, at each of its channels.
    """

    output: Tensor
    clean: Tensor
    where: Tensor
    surprise: Tensor | None


class Naming(nn.Module):
    """The levels of some cells; it has no weights."""

    def __init__(self, cells: Cells) -> None:
        super().__init__()
        intervals: dict[tuple[int, float, float], int] = {}
        of_level: list[list[int]] = []
        of_field: list[int] = []
        for number, field in enumerate(cells.leveled):
            for lower, upper in zip(field.lower, field.upper, strict=True):
                ends = [(c, float(a), float(b)) for c, a, b in zip(field.channels, lower, upper, strict=True)]
                of_level.append([intervals.setdefault(e, len(intervals)) for e in ends if not all(map(math.isinf, e[1:]))])
                of_field.append(number)
        deepest = max(map(len, of_level), default=0)
        spare = len(intervals)  # an interval that holds everything
        ends = np.array([(a, b) for _, a, b in intervals] or np.zeros((0, 2))).clip(-FAR, FAR)
        whose, share = torch.full((cells.width,), len(cells.leveled)), torch.zeros(cells.width)
        for number, field in enumerate(cells.leveled):
            whose[list(field.channels)] = number
            share[list(field.channels)] = 1 / len(field.channels)
        self.count = len(cells.leveled)
        self._constant("channel", torch.tensor([c for c, _, _ in intervals], dtype=torch.long))
        self._constant("lower", torch.from_numpy(ends[:, 0]).float())
        self._constant("upper", torch.from_numpy(ends[:, 1]).float())
        paths = [row + [spare] * (deepest - len(row)) for row in of_level]
        self._constant("path", torch.tensor(paths, dtype=torch.long).reshape(len(paths), deepest).T.contiguous())
        self._constant("field", torch.tensor(of_field, dtype=torch.long))
        self._constant("named", share > 0)
        self._constant("whose", whose)
        self._constant("share", share)
        self._constant("first", torch.tensor([f.channels[0] for f in cells.leveled], dtype=torch.long))
        self._constant("expected", None if cells.expected is None else torch.from_numpy(cells.expected))

    def _constant(self, name: str, value: Tensor | None) -> None:
        self.register_buffer(name, value, persistent=False)

    channel: Tensor
    lower: Tensor
    upper: Tensor
    path: Tensor
    field: Tensor
    whose: Tensor
    share: Tensor
    named: Tensor
    first: Tensor
    expected: Tensor | None

    @torch.no_grad()
    def seen(self, rows: Tensor, x: Tensor, signal: Tensor, noise: Tensor, of: Tensor | None = None) -> Seen:
        """What scores x [R, w] of so much signal and noise say, of rows of such classes, int64 [R]; `rows` are which they
        are."""
        mean, deviation = (signal * x)[:, self.channel], noise[:, self.channel]
        low, high = (self.lower - mean) / deviation, (self.upper - mean) / deviation
        mirrored = low > 0  # the differences of what is near 0, not near 1
        mass = torch.special.ndtr(torch.where(mirrored, -low, high)) - torch.special.ndtr(torch.where(mirrored, -high, low))
        mass = mass.clamp(min=LEAST)
        logs = torch.cat([mass.log(), mass.new_zeros(len(mass), 1)], 1)
        log = logs[:, self.path[0]] if len(self.path) else logs[:, :0]
        for step in self.path[1:]:
            log = log + logs[:, step]
        if of is not None and self.expected is not None:
            log = self.shares(log + self.expected.index_select(0, of))
        return Seen(rows, log, mass, low, high)

    @torch.no_grad()
    def levels(self, x_0: Tensor) -> Tensor:
        """bool [R, levels], which level clean scores [R, w] are."""
        z = x_0[:, self.channel]
        inside = torch.cat([(z > self.lower) & (z <= self.upper), z.new_ones(len(z), 1, dtype=torch.bool)], 1)
        found = inside[:, self.path[0]]
        for step in self.path[1:]:
            found = found & inside[:, step]
        return found

    def shares(self, logits: Tensor) -> Tensor:
        """log-probabilities [R, levels] of logits, which sum to 1 over the levels of each field."""
        most = logits.new_full((len(logits), self.count), -math.inf)
        most = most.scatter_reduce(1, self.field.expand_as(logits), logits.detach(), "amax")
        total = logits.new_zeros(len(logits), self.count).index_add(1, self.field, (logits - most[:, self.field]).exp())
        return logits - (most + total.log())[:, self.field]

    def drawn(self, shares: Tensor, chance: Tensor) -> Tensor:
        """log-probabilities [R, levels] of one level of each field alone: that in which its chance in [0, 1), [R, fields],
        lies where shares are laid end to end."""
        p = shares.double().exp()
        upto = p.cumsum(1) - self.field  # each field before adds up to 1
        chance = chance.double().clamp(1e-9, 1 - 1e-9)[:, self.field]
        inside = (upto > chance) & (upto - p <= chance)
        return torch.where(inside, 0.0, -math.inf).to(shares)

    def surprise(self, shares: Tensor, x_0: Tensor) -> Tensor:
        """-log of the share of the level that clean scores are, spread over the channels [R, w] of its field."""
        told = torch.where(self.levels(x_0), shares, 0.0)
        of_field = shares.new_zeros(len(shares), self.count + 1).index_add(1, self.field, told)
        return -of_field[:, self.whose] * self.share

    def mean(self, shares: Tensor, seen: Seen, x: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
        """The mean of the clean scores [R, w] where levels have these shares."""
        each = shares.exp()
        part = each.new_zeros(len(each), len(self.channel) + 1)
        for step in self.path:
            part = part.index_add(1, step, each)
        moved = part[:, :-1] * (_density(seen.low) - _density(seen.high)) / seen.mass * noise[:, self.channel]
        return (signal * x).index_add(1, self.channel, moved)


def _density(z: Tensor) -> Tensor:
    return torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
