"""Rows of cells, one or several in a token: read into numbers, and written from them."""

from __future__ import annotations

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
        self.naming, self.inner = Naming(cells), inner
        self.means = nn.Parameter(torch.empty(max(cells.levels, 1), inner))
        nn.init.normal_(self.means, std=0.5)
        self.cells = nn.Linear(3 * cells.width, inner)

    def forward(self, rows: Told) -> tuple[Tensor, Seen]:
        there = rows.observed | rows.asked
        some = there.any(1).nonzero().squeeze(1)
        x = rows.state.index_select(0, some)
        asked, here = rows.asked.index_select(0, some), there.index_select(0, some)
        seen = self.naming.seen(x, *rows.levels(some))
        told = torch.cat([x, (here & ~asked).to(x.dtype), asked.to(x.dtype)], 1)
        own = self.cells(told)
        if self.naming.count:
            known = here[:, self.naming.first][:, self.naming.field]
            own = own + (seen.log.exp() * known).to(own.dtype) @ self.means.to(own.dtype)
        whole = own.new_zeros(len(there), self.inner).index_copy(0, some, own)
        return whole, seen.spread(some, len(there))


class Writing(nn.Module):
    """[R, inner] -> what is said of the cells that are asked for."""

    def __init__(self, cells: Cells, inner: int) -> None:
        super().__init__()
        self.naming = Naming(cells)
        self.bend = nn.Sequential(nn.Linear(inner, 2 * inner), nn.SiLU(), nn.Linear(2 * inner, inner), nn.SiLU())
        self.levels, self.cells = nn.Linear(inner, max(cells.levels, 1)), nn.Linear(inner, cells.width)
        for last in (self.levels, self.cells):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, z: Tensor, rows: Told, seen: Seen) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        """(numbers, clean scores of what is named, how surprising the true level is, what is named), [R, w] each."""
        naming, named = self.naming, self.naming.named & rows.asked
        z = z + self.bend(z)
        numbers = self.cells(z).float()
        if not naming.count:
            return numbers, numbers, None if rows.clean is None else torch.zeros_like(numbers), named
        shares = naming.shares(self.levels(z).float() + seen.log)
        with torch.no_grad():
            clean = naming.mean(shares, seen, rows.state, *rows.levels())
        surprise = None if rows.clean is None else naming.surprise(shares, rows.clean)
        return numbers, clean, surprise, named


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

    def levels(self, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Signal and noise [R, w] of each cell; what is given is known all but exactly, of what is not nothing is known."""
        one = self if rows is None else self[rows]
        signal = torch.where(one.asked, one.signal, one.observed.float())
        return signal, torch.where(one.asked, one.noise.clamp(min=SHARP), torch.where(one.observed, SHARP, 1.0))


@dataclass(frozen=True, eq=False)
class Answer:
    """What is said so far, of P tokens of C channels."""

    parts: tuple[Tensor, ...]

    @classmethod
    def empty(cls, tokens: int, like: Tensor, judged: bool) -> Answer:
        shape = (tokens, like.shape[2])
        named = torch.zeros(shape, dtype=torch.bool, device=like.device)
        return cls((*(torch.zeros(shape, device=like.device) for _ in range(2 + judged)), named))

    def put(self, token: Tensor, slot: Tensor, segment: Segment, said: tuple[Tensor | None, ...]) -> None:
        width = segment.cells.width
        place = (segment.first + slot * width)[:, None] + torch.arange(width, device=token.device)
        for part, values in zip(self.parts, (x for x in said if x is not None), strict=True):
            part[token[:, None], place] = values.to(part.dtype)

    def padded(self, packing: Packing, asked: Tensor) -> Named:
        numbers, clean, *surprise, named = (packing.pad(part) for part in self.parts)
        return Named(torch.where(asked, numbers, 0.0), clean, named.bool(), surprise[0] if surprise else None)
