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

    def forward(self, rows: Told) -> tuple[Tensor, list[Seen | None]]:
        """What rows are; and what the scores of each part of their cells say, of the rows that are asked for any there."""
        there, found = rows.observed | rows.asked, list[Seen | None]()
        some = there.any(1).nonzero().squeeze(1)
        one = rows[some]
        own = self.cells(torch.cat([one.state, one.observed.to(one.state.dtype), one.asked.to(one.state.dtype)], 1))
        whole = own.new_zeros(len(there), self.inner).index_copy(0, some, own)
        for naming, means in zip(self.namings, self.means, strict=True):
            assert isinstance(naming, Naming)
            here, asked = there[:, naming.first], rows.asked[:, naming.first].any(1)
            kinds = [which.nonzero().squeeze(1) for which in (asked, here.any(1) & ~asked)]
            for which, wanted in zip(kinds, (True, False), strict=True):
                seen = None
                if len(which):
                    one = rows[which]
                    seen = naming.seen(which, one.state, *one.levels())
                    known = here.index_select(0, which).T.float().contiguous().index_select(0, naming.field)
                    whole = whole.index_add(0, which, (seen.log.exp().mul_(known).T @ means).to(whole.dtype))
                if wanted:
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
        for last in (*self.levels, self.cells):
            nn.init.zeros_(last.weight)  # pyright: ignore[reportArgumentType]
            nn.init.zeros_(last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, z: Tensor, rows: Told, which: Tensor, found: Sequence[Seen | None]) -> tuple[Tensor, ...]:
        """(numbers, clean scores of what is named, in training how surprising the true level is, what is named), [R, w].

        Args:
            which: int64 [R], rising, the rows among those that were read.
            found: what Reading found of each part that is asked for.
        """
        z = z + self.bend(z)
        numbers = self.cells(z).float()
        clean, named = torch.zeros_like(numbers), torch.zeros_like(rows.asked)
        surprise = torch.zeros_like(numbers)
        for naming, levels, seen in zip(self.namings, self.levels, found, strict=True):
            assert isinstance(naming, Naming) and isinstance(levels, nn.Linear)
            if seen is None:
                continue
            mine = torch.searchsorted(which, seen.rows)
            one = rows[mine]
            said = torch.addmm(levels.bias[:, None], levels.weight, z.index_select(0, mine).T)
            shares = naming.shares(said.float() + seen.log)
            with torch.no_grad():
                mean = naming.mean(shares, seen, one.state, *one.levels())
            clean = clean.index_add(0, mine, torch.where(naming.named, mean, 0.0))
            named[mine] |= naming.named & one.asked
            if one.clean is not None:
                surprise = surprise.index_add(0, mine, naming.surprise(shares, one.clean))
        return (numbers, clean, named) if rows.clean is None else (numbers, clean, surprise, named)


@dataclass(frozen=True, eq=False)
class Told:
    """Rows of cells, of R tokens or of their rows.

    Attributes:
        state: [R, w], noisy where asked for.
        observed, asked: bool [R, w].
        signal, noise: [R, 1], of the cells asked for.
        clean: [R, w] as they are, in training; else None.
    """

    state: Tensor
    observed: Tensor
    asked: Tensor
    signal: Tensor
    noise: Tensor
    clean: Tensor | None

    @classmethod
    def of(cls, condition: EventMask, x_t: Tensor, signal: Tensor, noise: Tensor, x_0: Tensor | None) -> Told:
        pack, owner = condition.order.packing.pack, condition.order.packing.owner
        signal, noise = (x.float().expand(len(x_t))[owner, None] for x in (signal, noise))
        clean = None if x_0 is None else pack(x_0).float()
        masks = pack(condition.observed_mask), pack(condition.target_mask)
        return cls(pack(condition.state(x_t)).float(), *masks, signal, noise, clean)

    def rows(self, at: Tensor, segment: Segment) -> Told:
        """Those of the tokens at these places that a segment is of."""
        width, last = segment.cells.width, segment.first + segment.count * segment.cells.width

        def cut(cells: Tensor) -> Tensor:
            return cells.index_select(0, at)[:, segment.first : last].reshape(-1, width)

        signal, noise = (x.index_select(0, at).repeat_interleave(segment.count, 0) for x in (self.signal, self.noise))
        clean = None if self.clean is None else cut(self.clean)
        return Told(cut(self.state), cut(self.observed), cut(self.asked), signal, noise, clean)

    def __getitem__(self, rows: Tensor) -> Told:
        def some(x: Tensor) -> Tensor:
            return x.index_select(0, rows)

        clean = None if self.clean is None else some(self.clean)
        return Told(some(self.state), some(self.observed), some(self.asked), some(self.signal), some(self.noise), clean)

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
