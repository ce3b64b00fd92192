"""Rows of cells, one or several in a token: read into numbers, and written from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from reverie.denoisers.kinds import Segment
from reverie.denoisers.naming import SHARP, Cells, Naming, Seen

__all__ = ["Noisy", "Reading", "Rows", "Writing"]


@dataclass(frozen=True, eq=False)
class Some:
    """Rows that have cells of a part, see Cells.parts.

    Attributes:
        which: int64 [n], rising.
        observed, asked: bool [n, w].
        known: float [fields, n], 1 where a row has the cell of a field.
        by_class: what classes say of levels, see Naming.by_class, worked out once for all steps of a sampler.
    """

    which: Tensor
    observed: Tensor
    asked: Tensor
    known: Tensor
    by_class: dict[Naming, Tensor | None] = field(default_factory=dict)

    def levels(self, signal: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Signal and noise [n, w] of each cell, where so much [n, 1] is of those asked for; what is given is known all but
        exactly, of what is not nothing is known."""
        signal = torch.where(self.asked, signal, self.observed.to(signal.dtype))
        return signal, torch.where(self.asked, noise.clamp(min=SHARP), torch.where(self.observed, SHARP, 1.0))


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of cells of some tokens, what is given of them and what is asked: the same at all steps of a sampler.

    Attributes:
        at: int64 [n], the places of the tokens in the list.
        segment: where in a token they are.
        given: [R, w], 0 where nothing is.
        asked: bool [R, w].
        some, marks: int64 [S], the rows that have any cell; and float [S, 2 w], which of these are given and asked for.
        parts: of each part of their cells, the rows that are asked for any of it, and the others that have any.
        wanted: int64 [W], the rows that are asked for anything.
        tokens: int64 [T], the places in the list of the tokens that have such rows.
        token: int64 [W], which of these each is in.
        named: bool [W, w], the cells asked for that are named.
        of: int64 [R], the class that each row is known by, see Cells.expected; None where there are none.
    """

    at: Tensor
    segment: Segment
    given: Tensor
    asked: Tensor
    some: Tensor
    marks: Tensor
    parts: list[tuple[Some, Some]]
    wanted: Tensor
    tokens: Tensor
    token: Tensor
    named: Tensor
    of: Tensor | None

    @classmethod
    def told(
        cls,
        at: Tensor,
        segment: Segment,
        given: Tensor,
        observed: Tensor,
        asked: Tensor,
        namings: Iterable[nn.Module],
        of: Tensor | None,
    ) -> Rows:
        """Those of tokens at such places, of what is given of all [P, C], which of it is, and which is asked for."""
        given, observed, asked = (segment.of(cells, at) for cells in (given, observed, asked))
        there, named, parts = observed | asked, torch.zeros_like(asked), list[tuple[Some, Some]]()
        for naming in namings:
            assert isinstance(naming, Naming)
            here, wanted = there[:, naming.first], asked[:, naming.first].any(1)
            both = wanted.nonzero().squeeze(1), (here.any(1) & ~wanted).nonzero().squeeze(1)
            first, rest = (Some(i, observed[i], asked[i], here[i].T.to(given.dtype).contiguous()) for i in both)
            parts.append((first, rest))
            named |= asked & naming.named & wanted[:, None]
        some, wanted = (each.any(1).nonzero().squeeze(1) for each in (there, asked))
        marks = torch.cat([observed[some], asked[some]], 1).to(given.dtype)
        tokens, token = torch.unique_consecutive(wanted // segment.count, return_inverse=True)
        return cls(at, segment, given, asked, some, marks, parts, wanted, at[tokens], token, named[wanted], of)

    def noisy(
        self, x: Tensor, signal: Tensor, noise: Tensor, x_0: Tensor | None = None, chance: Tensor | None = None
    ) -> Noisy:
        """At a step, of [P, C] and [P, 1] of all tokens."""
        state = torch.where(self.asked, self.segment.of(x, self.at), self.given)
        signal, noise = (of.index_select(0, self.at).repeat_interleave(self.segment.count, 0) for of in (signal, noise))
        clean, chance = (None if cells is None else self.segment.of(cells, self.at) for cells in (x_0, chance))
        return Noisy(state, signal, noise, clean, chance)

    def left(self, tokens: Tensor) -> Tensor:
        """[W, inner] of [T, count * inner]."""
        slots = tokens.view(len(tokens) * self.segment.count, -1)
        return slots.index_select(0, self.token * self.segment.count + self.wanted % self.segment.count)

    def places(self, all_tokens: Tensor, channels: int) -> Tensor:
        """int64 [W w], where in [B, N, C] their cells lie, the tokens of the list being at such places of [B, N]."""
        token = all_tokens.index_select(0, self.tokens.index_select(0, self.token))
        first = token * channels + self.segment.first + self.wanted % self.segment.count * self.segment.cells.width
        return (first[:, None] + torch.arange(self.segment.cells.width, device=token.device)).flatten()


@dataclass(frozen=True, eq=False)
class Noisy:
    """Rows at a step.

    Attributes:
        state: [R, w], noisy where asked for.
        signal, noise: [R, 1], of the cells asked for.
        clean: [R, w] as they are, in training; else None.
        chance: [R, w] in [0, 1), where levels are drawn rather than their mean told; else None.
    """

    state: Tensor
    signal: Tensor
    noise: Tensor
    clean: Tensor | None = None
    chance: Tensor | None = None

    def __getitem__(self, rows: Tensor) -> Noisy:
        state, signal, noise = (x.index_select(0, rows) for x in (self.state, self.signal, self.noise))
        clean, chance = (None if x is None else x.index_select(0, rows) for x in (self.clean, self.chance))
        return Noisy(state, signal, noise, clean, chance)

    def moved(self, mean: Tensor, variance: Tensor) -> Tensor:
        """By how much scores [R, w] N(mean, variance) are elsewhere than N(0, 1), as far as the noisy ones tell."""
        whole = self.signal.square() * variance + self.noise.square()
        expected = mean + variance * self.signal * (self.state - self.signal * mean) / whole
        return expected - self.signal * self.state


class Reading(nn.Module):
    """Rows of cells -> [R, inner]: the levels that scores say as what each means, and numbers as they are."""

    def __init__(self, cells: Cells, inner: int) -> None:
        super().__init__()
        self.namings, self.inner = nn.ModuleList(map(Naming, cells.parts)), inner
        self.means = nn.ParameterList(nn.Parameter(torch.empty(part.levels, inner)) for part in cells.parts)
        for means in self.means:
            nn.init.normal_(means, std=0.5)
        self.cells = nn.Linear(3 * cells.width, inner)

    def given(self, rows: Rows) -> Tensor:
        """What is read of the parts of rows of which nothing is asked: the same at all steps of a sampler."""
        whole = rows.given.new_zeros(len(rows.given), self.inner)
        for number, (_, some) in enumerate(rows.parts):
            if len(some.which):
                one = rows.given.new_ones(len(some.which), 1)
                _, means = self._read(number, some, rows, rows.given[some.which], *some.levels(one, one))
                whole = whole.index_add(0, some.which, means.to(whole.dtype))
        return whole

    def forward(self, rows: Rows, noisy: Noisy, given: Tensor) -> tuple[Tensor, list[Seen | None]]:
        """What rows are, of which so much is `given`; and what the scores of each part of their cells say, of the rows that
        are asked for any there."""
        own = self.cells(torch.cat([noisy.state.index_select(0, rows.some), rows.marks], 1))
        whole, found = given.to(own.dtype).index_add(0, rows.some, own), list[Seen | None]()
        for number, (some, _) in enumerate(rows.parts):
            seen = None
            if len(some.which):
                one = noisy[some.which]
                seen, means = self._read(number, some, rows, one.state, *some.levels(one.signal, one.noise))
                whole = whole.index_add(0, some.which, means.to(whole.dtype))
            found.append(seen)
        return whole, found

    def _read(
        self, number: int, some: Some, rows: Rows, state: Tensor, signal: Tensor, noise: Tensor
    ) -> tuple[Seen, Tensor]:
        naming = self.namings[number]
        assert isinstance(naming, Naming)
        if naming not in some.by_class:
            of = None if rows.of is None else rows.of.index_select(0, some.which)
            some.by_class[naming] = naming.by_class(of)
        seen = naming.seen(state, signal, noise, some.by_class[naming])
        return seen, (seen.share * some.known.index_select(0, naming.field)).T @ self.means[number]


class Writing(nn.Module):
    """[R, inner] -> what is said of the cells that are asked for, which `reading` reads."""

    def __init__(self, cells: Cells, inner: int, reading: Reading) -> None:
        super().__init__()
        self.namings = reading.namings
        self.bend = nn.Sequential(nn.Linear(inner, 2 * inner), nn.SiLU(), nn.Linear(2 * inner, inner), nn.SiLU())
        self.levels = nn.ModuleList(nn.Linear(inner, part.levels) for part in cells.parts)
        self.cells = nn.Linear(inner, cells.width)
        spread = None if cells.spread is None else torch.from_numpy(cells.spread)
        self.register_buffer("spread", spread, persistent=False)
        for last in (*self.levels, self.cells):
            nn.init.zeros_(last.weight)  # pyright: ignore[reportArgumentType]
            nn.init.zeros_(last.bias)  # pyright: ignore[reportArgumentType]

    spread: Tensor | None

    def forward(self, z: Tensor, rows: Rows, noisy: Noisy, found: Sequence[Seen | None]) -> tuple[Tensor, ...]:
        """(numbers, clean scores of what is named, in training how surprising the true level is), [W, w] of rows that are
        asked for anything.

        Args:
            found: what Reading found of each part.
        """
        z = z + self.bend(z)
        numbers = torch.where(rows.asked.index_select(0, rows.wanted), self.cells(z).float(), 0.0)
        clean, surprise = torch.zeros_like(numbers), torch.zeros_like(numbers)
        if self.spread is not None and rows.of is not None:
            mean, variance = self.spread.index_select(0, rows.of.index_select(0, rows.wanted)).unbind(1)
            moved = noisy[rows.wanted].moved(mean, variance)
            clean = torch.where(rows.asked.index_select(0, rows.wanted) & ~rows.named, moved, 0.0)
        for naming, levels, seen, (some, _) in zip(self.namings, self.levels, found, rows.parts, strict=True):
            assert isinstance(naming, Naming) and isinstance(levels, nn.Linear)
            if seen is None:
                continue
            mine, one = torch.searchsorted(rows.wanted, some.which), noisy[some.which]
            more = torch.addmm(levels.bias[:, None], levels.weight, z.index_select(0, mine).T)
            logits, noisy_one = more.float() + seen.log, (one.state, *some.levels(one.signal, one.noise))
            if one.clean is not None:
                shares = naming.shares(logits)
                surprise = surprise.index_add(0, mine, naming.surprise(shares, one.clean))
            with torch.no_grad():
                if one.chance is None:
                    mean = naming.mean(naming.softmax(logits), seen, *noisy_one)
                else:
                    mean = naming.mean_at(naming.drawn(logits, one.chance[:, naming.first]), seen, *noisy_one)
            clean = clean.index_add(0, mine, torch.where(naming.named, mean, 0.0))
        return (numbers, clean) if noisy.clean is None else (numbers, clean, surprise)
