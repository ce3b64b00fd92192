"""Rows of cells, one or several in a token: read into numbers, and written from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reverie.denoisers.event_mask import EventMask
from reverie.denoisers.kinds import Segment
from reverie.denoisers.naming import SHARP, Cells, Named, Naming, Seen
from reverie.denoisers.packing import Packing

__all__ = ["Answer", "Reading", "Told", "Writing"]


class Reading(nn.Module):
    """Rows of cells -> [R, inner]: the levels that scores say as what each means, and numbers as they are."""

    def __init__(self, cells: Cells, inner: int) -> None:
        super().__init__()
        self.namings, self.inner = nn.ModuleList(map(Naming, cells.parts)), inner
        self.means = nn.ParameterList(nn.Parameter(torch.empty(part.levels, inner)) for part in cells.parts)
        for means in self.means:
            nn.init.normal_(means, std=0.5)
        self.cells = nn.Linear(3 * cells.width, inner)

    def forward(self, rows: Told, of: Tensor | None = None) -> tuple[Tensor, list[Seen]]:
        """What rows are; and what the scores of each part of their cells say, of the rows that have any there.

        Args:
            of: int64 [R], the class that each is known by, see Cells.expected.
        """
        there, found = rows.observed | rows.asked, []
        some = there.any(1).nonzero().squeeze(1)
        one = rows[some]
        own = self.cells(torch.cat([one.state, one.observed.to(one.state.dtype), one.asked.to(one.state.dtype)], 1))
        whole = own.new_zeros(len(there), self.inner).index_copy(0, some, own)
        for naming, means in zip(self.namings, self.means, strict=True):
            here = there[:, naming.first]  # pyright: ignore[reportArgumentType]
            some = here.any(1).nonzero().squeeze(1)
            one = rows[some]
            here_of = None if of is None else of.index_select(0, some)
            seen: Seen = naming.seen(some, one.state, *one.levels(), here_of)  # pyright: ignore[reportCallIssue]
            known = here.index_select(0, some)[:, naming.field]  # pyright: ignore[reportArgumentType]
            whole = whole.index_add(0, some, ((seen.log.exp() * known) @ means).to(whole.dtype))
            found.append(seen)
        return whole, found


class Writing(nn.Module):
    """[R, inner] -> what is said of the cells that are asked for."""

    def __init__(self, cells: Cells, inner: int) -> None:
        super().__init__()
        self.namings = nn.ModuleList(map(Naming, cells.parts))
        self.bend = nn.Sequential(nn.Linear(inner, 2 * inner), nn.SiLU(), nn.Linear(2 * inner, inner), nn.SiLU())
        self.levels = nn.ModuleList(nn.Linear(inner, part.levels) for part in cells.parts)
        self.cells = nn.Linear(inner, cells.width)
        spread = None if cells.spread is None else torch.from_numpy(cells.spread)
        self.register_buffer("spread", spread, persistent=False)
        for last in (*self.levels, self.cells):
            nn.init.zeros_(last.weight)  # pyright: ignore[reportArgumentType]
            nn.init.zeros_(last.bias)  # pyright: ignore[reportArgumentType]

    spread: Tensor | None

    def forward(
        self, z: Tensor, rows: Told, which: Tensor, found: Sequence[Seen], of: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """(numbers, clean scores of what is named, in training how surprising the true level is, what is named), [R, w].

        Args:
            which: int64 [R], rising, the rows among those that were read.
            found: what Reading found of each part.
            of: int64 [R], the class that each row is known by, see Cells.spread.
        """
        z = z + self.bend(z)
        numbers = self.cells(z).float()
        clean, named = torch.zeros_like(numbers), torch.zeros_like(rows.asked)
        if self.spread is not None and of is not None:
            clean = torch.where(rows.asked, moved(rows, *self.spread.index_select(0, of).unbind(1)), 0.0)
        surprise = torch.zeros_like(numbers)
        for naming, levels, seen in zip(self.namings, self.levels, found, strict=True):
            assert isinstance(naming, Naming)
            mine = rows.asked[:, naming.first].any(1).nonzero().squeeze(1)
            if not len(mine):
                continue
            one, of = rows[mine], seen.of(which.index_select(0, mine))
            shares = naming.shares(levels(z.index_select(0, mine)).float() + of.log)
            with torch.no_grad():
                said = shares if one.chance is None else naming.drawn(shares, one.chance[:, naming.first])
                mean = naming.mean(said, of, one.state, *one.levels())
            clean = clean.index_add(0, mine, torch.where(naming.named, mean, 0.0))
            named[mine] |= naming.named & one.asked
            if one.clean is not None:
                surprise = surprise.index_add(0, mine, naming.surprise(shares, one.clean))
        return (numbers, clean, named) if rows.clean is None else (numbers, clean, surprise, named)


def moved(rows: Told, mean: Tensor, variance: Tensor) -> Tensor:
    """By how much scores [R, w] N(mean, variance) are elsewhere than N(0, 1), as far as the noisy ones tell."""
    signal, noise, x = rows.signal, rows.noise, rows.state
    whole = signal.square() * variance + noise.square()
    return mean + variance * signal * (x - signal * mean) / whole - signal * x


@dataclass(frozen=True, eq=False)
class Told:
    """Rows of cells, of R tokens or of their rows.

    Attributes:
        state: [R, w], noisy where asked for.
        observed, asked: bool [R, w].
        signal, noise: [R, 1], of the cells asked for.
        clean: [R, w] as they are, in training; else None.
        chance: [R, w] in [0, 1), where levels are to be drawn rather than their mean told; else None.
    """

    state: Tensor
    observed: Tensor
    asked: Tensor
    signal: Tensor
    noise: Tensor
    clean: Tensor | None
    chance: Tensor | None = None

    @classmethod
    def of(
        cls, condition: EventMask, x_t: Tensor, signal: Tensor, noise: Tensor, x_0: Tensor | None, chance: Tensor | None
    ) -> Told:
        pack, owner = condition.order.packing.pack, condition.order.packing.owner
        signal, noise = (x.float().expand(len(x_t))[owner, None] for x in (signal, noise))
        clean = None if x_0 is None else pack(x_0).float()
        masks = pack(condition.observed_mask), pack(condition.target_mask)
        return cls(
            pack(condition.state(x_t)).float(), *masks, signal, noise, clean, None if chance is None else pack(chance)
        )

    def rows(self, at: Tensor, segment: Segment) -> Told:
        """Those of the tokens at these places that a segment is of."""
        width, last = segment.cells.width, segment.first + segment.count * segment.cells.width

        def cut(cells: Tensor) -> Tensor:
            return cells.index_select(0, at)[:, segment.first : last].reshape(-1, width)

        signal, noise = (x.index_select(0, at).repeat_interleave(segment.count, 0) for x in (self.signal, self.noise))
        clean, chance = (None if x is None else cut(x) for x in (self.clean, self.chance))
        return Told(cut(self.state), cut(self.observed), cut(self.asked), signal, noise, clean, chance)

    def __getitem__(self, rows: Tensor) -> Told:
        def some(x: Tensor) -> Tensor:
            return x.index_select(0, rows)

        clean, chance = (None if x is None else some(x) for x in (self.clean, self.chance))
        own = (some(x) for x in (self.state, self.observed, self.asked, self.signal, self.noise))
        return Told(*own, clean, chance)

    def levels(self) -> tuple[Tensor, Tensor]:
        """Signal and noise [R, w] of each cell; what is given is known all but exactly, of what is not nothing is known."""
        signal = torch.where(self.asked, self.signal, self.observed.float())
        return signal, torch.where(self.asked, self.noise.clamp(min=SHARP), torch.where(self.observed, SHARP, 1.0))


@dataclass(frozen=True, eq=False)
class Answer:
    """What is said so far, of P tokens of C channels."""

    parts: tuple[Tensor, ...]

    @classmethod
    def empty(cls, tokens: int, like: Tensor, judged: bool) -> Answer:
        shape = (tokens, like.shape[2])
        named = torch.zeros(shape, dtype=torch.bool, device=like.device)
        return cls((*(torch.zeros(shape, device=like.device) for _ in range(2 + judged)), named))

    def put(self, token: Tensor, slot: Tensor, segment: Segment, said: tuple[Tensor, ...]) -> None:
        width = segment.cells.width
        place = (segment.first + slot * width)[:, None] + torch.arange(width, device=token.device)
        for part, values in zip(self.parts, said, strict=True):
            part[token[:, None], place] = values.to(part.dtype)

    def padded(self, packing: Packing, asked: Tensor) -> Named:
        numbers, clean, *surprise, named = (packing.pad(part) for part in self.parts)
        return Named(torch.where(asked, numbers, 0.0), clean, named.bool(), surprise[0] if surprise else None)
