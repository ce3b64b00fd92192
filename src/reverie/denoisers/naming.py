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

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["SHARP", "Cells", "Leveled", "Named", "Naming", "Seen"]

LEAST, SHARP = 1e-30, 1e-3
"""The smallest probability; and the deviation by which a score that is given is known."""


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
            here = [number for number, of in enumerate(self.leveled) if of.stage == stage]
            own = here.index(self.class_field) if self.class_field in here else None
            out.append(Cells(self.width, tuple(self.leveled[n] for n in here), own, self.classes_above, expected))
        return out


@dataclass(frozen=True, eq=False)
class Seen:
    """What noisy scores of R rows say.

    Attributes:
        log: float32 [levels, R], log P(k | x), up to a constant of each field and row.
        share: float32 [levels, R], P(k | x).
        mass: [P, R], the probability of each interval of a channel.
        ends: [E, R], how far the ends of intervals are from the mean, in deviations.
    """

    log: Tensor
    share: Tensor
    mass: Tensor
    ends: Tensor


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
    """The levels of some cells; it has no weights.

    Levels, intervals and ends of intervals come first in its tensors and rows last, so that what goes from one to the other
    are whole lines of rows.
    """

    def __init__(self, cells: Cells) -> None:
        super().__init__()
        intervals: dict[tuple[int, float, float], int] = {}
        ends: dict[tuple[int, float], int] = {}
        paths: list[list[int]] = []
        for field in cells.leveled:
            for lower, upper in zip(field.lower, field.upper, strict=True):
                both = [(c, float(a), float(b)) for c, a, b in zip(field.channels, lower, upper, strict=True)]
                paths.append([intervals.setdefault(e, len(intervals)) for e in both if not all(map(math.isinf, e[1:]))])
        for channel, *both in intervals:
            for end in both:
                if not math.isinf(end):
                    ends.setdefault((channel, end), len(ends))
        sides = [[ends.get((c, end), len(ends) + (end > 0)) for end in both] for c, *both in intervals]
        under: list[list[int]] = [[] for _ in intervals]
        for level, path in enumerate(paths):
            for interval in path:
                under[interval].append(level)
        of_channel = [[i for i, (c, *_) in enumerate(intervals) if c == channel] for channel in range(cells.width)]
        sizes = [len(field.lower) for field in cells.leveled]
        self.runs = [(size, len(list(same))) for size, same in itertools.groupby(sizes)]
        whose, share = torch.full((cells.width,), len(sizes)), torch.zeros(cells.width)
        for number, field in enumerate(cells.leveled):
            whose[list(field.channels)] = number
            share[list(field.channels)] = 1 / len(field.channels)
        self._constant("end", torch.tensor([end for _, end in ends], dtype=torch.float32)[:, None])
        self._constant("end_channel", torch.tensor([c for c, _ in ends], dtype=torch.long))
        self._constant("below", torch.tensor([low for low, _ in sides], dtype=torch.long))
        self._constant("above", torch.tensor([high for _, high in sides], dtype=torch.long))
        for name, bags in (("path", paths), ("under", under), ("of_channel", of_channel)):
            self._constant(name, torch.tensor([i for bag in bags for i in bag], dtype=torch.long))
            self._constant(f"{name}_first", torch.tensor([0, *map(len, bags)], dtype=torch.long).cumsum(0)[:-1])
        self._constant("field", torch.tensor([n for n, size in enumerate(sizes) for _ in range(size)], dtype=torch.long))
        self._constant("named", share > 0)
        self._constant("whose", whose)
        self._constant("share", share)
        within = torch.full((cells.width, len(paths)), len(intervals))
        channels = torch.tensor([c for c, *_ in intervals], dtype=torch.long)
        level, told = (
            torch.tensor(of, dtype=torch.long)
            for of in ([k for k, path in enumerate(paths) for _ in path], [i for path in paths for i in path])
        )
        within[channels[told], level] = told
        self._constant("within", within)
        self._constant("first", torch.tensor([f.channels[0] for f in cells.leveled], dtype=torch.long))
        self._constant("expected", None if cells.expected is None else torch.from_numpy(cells.expected).T.contiguous())

    def _constant(self, name: str, value: Tensor | None) -> None:
        self.register_buffer(name, value, persistent=False)

    end: Tensor
    end_channel: Tensor
    below: Tensor
    above: Tensor
    field: Tensor
    whose: Tensor
    share: Tensor
    named: Tensor
    first: Tensor
    within: Tensor
    expected: Tensor | None

    @torch.no_grad()
    def by_class(self, of: Tensor | None) -> Tensor | None:
        """log P(k | class) / P(k) [levels, R] of rows known by such classes, int64 [R]: the same at all steps of a sampler.
        None where no class says anything."""
        return None if of is None or self.expected is None else self.expected.index_select(1, of)

    @torch.no_grad()
    def seen(self, x: Tensor, signal: Tensor, noise: Tensor, by_class: Tensor | None = None) -> Seen:
        """What scores x [R, w] of so much signal and noise say, and `by_class`."""
        mean, deviation = (of.T.contiguous().index_select(0, self.end_channel) for of in (signal * x, noise))
        ends = torch.sub(self.end, mean).div_(deviation)
        twice = self._sides(torch.erf(ends * math.sqrt(0.5)), -1.0, 1.0)
        mass = (twice.index_select(0, self.above) - twice.index_select(0, self.below)).mul_(0.5).clamp_(min=LEAST)
        log = self._sums("path", mass.log())
        share = log.exp() if by_class is None else self.softmax(log.add_(by_class))
        return Seen(log, share, mass, ends)

    @torch.no_grad()
    def levels(self, x_0: Tensor) -> Tensor:
        """bool [R, levels], which level clean scores [R, w] are."""
        higher = self._sides((x_0.T.contiguous().index_select(0, self.end_channel) > self.end).float(), 1.0, 0.0)
        outside = higher.index_select(0, self.above) + 1 - higher.index_select(0, self.below)
        return (self._sums("path", outside) == 0).T

    def known_levels(self, x_0: Tensor, known: Tensor) -> Tensor:
        """bool [R, levels], which level clean scores [R, w] are, of those that are known, bool [R, w]."""
        return self.levels(x_0) & known[:, self.first][:, self.field]

    def shares(self, logits: Tensor) -> Tensor:
        """log-probabilities [levels, R] of logits, which sum to 1 over the levels of each field."""
        return torch.cat([part.log_softmax(1).flatten(0, 1) for part in self._of_fields(logits)])

    def softmax(self, logits: Tensor) -> Tensor:
        """The probabilities themselves."""
        return torch.cat([part.softmax(1).flatten(0, 1) for part in self._of_fields(logits)])

    def drawn(self, logits: Tensor, chance: Tensor) -> Tensor:
        """int64 [fields, R], one level of each field, among all levels: that in which its chance in [0, 1), [R, fields],
        lies where their probabilities are laid end to end."""
        first, told, out = 0, chance.T.clamp(1e-6, 1 - 1e-6), [torch.zeros(0, len(chance), dtype=torch.long)]
        for part, chances in zip(self._of_fields(logits), told.split([count for _, count in self.runs]), strict=True):
            (count, size, _), upto = part.shape, part.softmax(1).cumsum(1)
            below = (upto <= chances[:, None] * upto[:, -1:]).sum(1)
            out.append(below + (first + size * torch.arange(count))[:, None])
            first += count * size
        return torch.cat(out)

    def _of_fields(self, of_levels: Tensor) -> list[Tensor]:
        """[levels, R] -> [fields, levels of each, R] of fields of one size after the other."""
        parts = of_levels.split([size * count for size, count in self.runs])
        return [part.view(count, size, -1) for part, (size, count) in zip(parts, self.runs, strict=True)]

    def surprise(self, shares: Tensor, x_0: Tensor) -> Tensor:
        """-log of the share of the level that clean scores are, spread over the channels [R, w] of its field."""
        told = torch.where(self.levels(x_0).T, shares, 0.0)
        of_field = [part.sum(1) for part in self._of_fields(told)]
        nothing = shares.new_zeros(1, shares.shape[1])
        return -torch.cat([*of_field, nothing]).index_select(0, self.whose).T * self.share

    def mean(self, shares: Tensor, seen: Seen, x: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
        """The mean of the clean scores [R, w] where levels have these probabilities [levels, R]."""
        density = self._sides(torch.exp(-0.5 * seen.ends * seen.ends) / math.sqrt(2 * math.pi), 0.0, 0.0)
        moved = density.index_select(0, self.below) - density.index_select(0, self.above)
        moved = self._sums("under", shares) * moved / seen.mass
        return torch.addcmul(signal * x, self._sums("of_channel", moved).T, noise)

    def mean_at(self, level: Tensor, seen: Seen, x: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
        """The same where each field is of one level, int64 [fields, R]."""
        said, rows = signal * x, level.shape[1]
        if not len(seen.ends) or not rows:
            return said
        channels = self.named.nonzero().squeeze(1)
        at = level.index_select(0, self.whose[channels]) + (channels * self.within.shape[1])[:, None]
        interval = self.within.flatten()[at]
        here = interval.clamp(max=len(self.below) - 1)

        def density(end: Tensor) -> Tensor:
            ends = seen.ends.gather(0, end.clamp(max=len(seen.ends) - 1))
            return torch.where(end < len(seen.ends), torch.exp(-0.5 * ends * ends), 0.0)

        moved = (density(self.below[here]) - density(self.above[here])) / seen.mass.gather(0, here)
        moved = torch.where(interval < len(self.below), moved / math.sqrt(2 * math.pi), 0.0)
        said[:, channels] += moved.T * noise[:, channels]
        return said

    def _sides(self, of_ends: Tensor, lowest: float, highest: float) -> Tensor:
        """What is of ends [E, R] with what is at either end of everything, as `below` and `above` count."""
        line = (1, of_ends.shape[1])
        return torch.cat([of_ends, of_ends.new_full(line, lowest), of_ends.new_full(line, highest)])

    def _sums(self, name: str, parts: Tensor) -> Tensor:
        """Sums of lines of `parts`: of "path" those of the intervals of each level, of "under" those of the levels of each
        interval, of "of_channel" those of the intervals of each channel."""
        first = getattr(self, f"{name}_first")
        if not parts.shape[1]:
            return parts.new_zeros(len(first), 0)
        return F.embedding_bag(getattr(self, name), parts, first, mode="sum")
