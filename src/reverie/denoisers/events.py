"""A network over a unit of linked tables: tokens of several kinds, each with the rows of cells that it holds.

g   = read_kind(cells) + near(g before, g after)              a row: what its scores say of levels (naming.py), its numbers
h   = W_kind [g, ...] + place + left + when                   a token knows what it is, where it stands and when it was
h  += mix(film(norm(h), e(t)))                                tokens of a unit see each other (Vaswani et al. 2017), those
                                                              beside them, and the row that they hang on
h  += mlp(film(norm(h), e(t)))
out = write_kind(film(norm(g + W'_kind h)))                   each row: how likely its levels are beyond that, and numbers

Only tokens that exist are computed, in one long list. Units are mixed with others of like length, so that neither padding
nor a long one costs more than its own square.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers.conditions import Condition
from reverie.denoisers.event_mask import EventMask, Looks, check_event_mask
from reverie.denoisers.kinds import Segment, TokenKind
from reverie.denoisers.naming import Cells, Named, Naming
from reverie.denoisers.packing import of_tokens
from reverie.denoisers.rows import Reading, Rows, Writing
from reverie.denoisers.seeing import Seeing, moments
from reverie.denoisers.tokens import Block, TokenNetwork, waves

__all__ = ["EventNetwork", "EventNetworkConfig"]


class EventNetworkConfig(TokenNetwork, frozen=True):
    """The size of a network over events.

    Attributes:
        kind: "events".
        inner: numbers in a row, of which a token holds one or several.
        dropout: share of activations dropped in training.
    """

    of = "linked"
    answers = "a network over events answers in stages"
    recipes: ClassVar[Mapping[str, Any]] = {
        "linked": {
            "codec": {},
            "network": {},
            "training": {
                "optimizer": "muon",
                "learning_rate": 5e-3,
                "batch": 40,
                "steps": 1500,
                "weight_decay": 0.1,
                "precision": "fp32",
                "holdout": 0.2,
                "aside": 0.1,
                "judge_every": 150,  # a judgement takes as long as seven steps
                "patience": 7,
            },
        }
    }

    kind: Literal["events"] = "events"
    width: int = Field(128, ge=8, le=2048)
    inner: int = Field(64, ge=4, le=1024)
    dropout: float = Field(0.1, ge=0, lt=1)

    def build(self, channels: Sequence[TokenKind] | int, out_channels: Any) -> EventNetwork:
        """`channels` are the kinds of tokens; or how many numbers the only one has."""
        return EventNetwork((TokenKind.plain(channels),) if isinstance(channels, int) else channels, self)

    def example(self, batch: int, channels: int, length: int) -> tuple[tuple[int, ...], Condition | None]:
        shape = (batch, 1 + length, channels)
        asked, here = torch.ones(shape, dtype=torch.bool), torch.ones(shape[:2], dtype=torch.bool)
        place = torch.arange(1.0 + length).expand(shape[:2])
        kind, hours = torch.zeros(shape[:2], dtype=torch.long), torch.full(shape[:2], torch.nan)
        nothing = torch.zeros(shape)
        return shape, EventMask(
            nothing, torch.zeros_like(asked), asked, here, kind, place, length - place, hours, torch.zeros_like(kind)
        )

    def activations(self, part: int, tokens: float, longest: int) -> float:
        return self.layers * (30 + 5 * self.expansion) * self.width * tokens


class EventNetwork(nn.Module):
    """(x_t [B, N, C], t [B], condition, signal [B], noise [B]) -> Named [B, N, C].

    Args:
        kinds: of tokens.
    """

    check = staticmethod(check_event_mask)
    names_levels = True

    def __init__(self, kinds: Sequence[TokenKind], config: EventNetworkConfig) -> None:
        super().__init__()
        width, inner = config.width, config.inner
        self.segments = [kind.segments for kind in kinds]
        self.answered = [kind.what != "told" for kind in kinds]
        cells = {segment.name: segment.cells for segments in self.segments for segment in segments}
        reading = {name: Reading(of, inner) for name, of in cells.items()}
        self.read = nn.ModuleDict(reading)
        self.write = nn.ModuleDict({name: Writing(of, inner, reading[name]) for name, of in cells.items()})
        self.near = nn.ModuleDict({name: nn.Linear(2 * inner, inner, bias=False) for name in cells})
        fields = {name: of.leveled[of.class_field] for name, of in cells.items() if of.class_field is not None}
        self.classes = nn.ModuleDict({name: Naming(Cells(cells[name].width, (field,))) for name, field in fields.items()})
        self.classes_above = {name: of.classes_above for name, of in cells.items()}
        self.slot = nn.Embedding(max((one.count for of in self.segments for one in of), default=1), inner)
        slots = [sum(segment.count for segment in segments) for segments in self.segments]
        some = [(str(kind), inner * count) for kind, count in enumerate(slots) if count]
        self.enter = nn.ModuleDict({kind: nn.Linear(size, width) for kind, size in some})
        self.leave = nn.ModuleDict({kind: nn.Linear(width, size) for kind, size in some if self.answered[int(kind)]})
        self.kind = nn.Embedding(len(kinds), width)
        self.place = nn.Linear(64, width)
        self.when = nn.Linear(49, width)
        self.embed = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.blocks = nn.ModuleList(
            Block(width, config.expansion, config.dropout, lambda: Seeing(width, config.heads)) for _ in range(config.layers)
        )
        self.film, self.inner_film = nn.Linear(width, 2 * width), nn.Linear(width, 2 * inner)
        for film in (self.film, self.inner_film):
            nn.init.zeros_(film.weight)
            nn.init.zeros_(film.bias)

    def forward(
        self,
        x_t: Tensor,
        t: Tensor,
        condition: EventMask,
        signal: Tensor,
        noise: Tensor,
        x_0: Tensor | None = None,
        chance: Tensor | None = None,
    ) -> Named:
        """What it says of the cells that are asked for; with x_0 what its error is, too; with chances, uniform in [0, 1)
        like x_t, levels are drawn by them rather than their mean told."""
        order, packing = condition.order, condition.order.packing
        x, clean, chance = (None if of is None else packing.pack(of).float() for of in (x_t, x_0, chance))
        assert x is not None
        signal, noise = (level.float().expand(len(x_t))[packing.owner, None] for level in (signal, noise))
        known, read, entered = self._known(condition), [], []
        for kind, rows, given in known.asked:
            segment, at, noisy = rows.segment, rows.at, rows.noisy(x, signal, noise, clean, chance)
            own, seen = self.read[segment.name](rows, noisy, given)
            own = self._beside(segment, own, order.before[at], order.after[at])
            read.append((noisy, own.flatten(0, 1), seen))
            entered.append(self.enter[str(kind)](own.flatten(1)).to(known.h.dtype))
        h = known.h.index_add(0, known.at, torch.cat(entered)) if entered else known.h
        one = x_t.shape[0] > 1 and t.stride(0) == 0
        e = self.embed(waves(t[:1] if one else t, 64, 1e4).to(x_t.dtype))
        owner = None if one else packing.owner
        *earlier, last = self.blocks
        for block in earlier:
            h = block(h, e, owner, packing, order.all_look)
        h = last(h, e, owner, packing, known.looks, only=known.only)  # of the others nobody asks any more
        owner = None if owner is None else owner.index_select(0, known.only)
        scale, shift = of_tokens(self.film(e), owner).chunk(2, 1)
        h = torch.addcmul(shift, F.layer_norm(h, h.shape[1:]), 1 + scale)
        film, said = of_tokens(self.inner_film(e), owner).expand(len(h), -1), list[tuple[Tensor, ...]]()
        each = (of.split([len(rows.tokens) for _, rows, _ in known.asked]) for of in (h, film))
        for (kind, rows, _), (noisy, own, seen), out, of in zip(known.asked, read, *each, strict=True):
            scale, shift = of.index_select(0, rows.token).chunk(2, 1)
            z = own.index_select(0, rows.wanted) + rows.left(self.leave[str(kind)](out))
            z = torch.addcmul(shift, F.layer_norm(z, z.shape[1:]), 1 + scale)
            said.append(self.write[rows.segment.name](z, rows, noisy, seen))
        parts = zip(*said, strict=True) if said else [()] * (2 if x_0 is None else 3)
        output, clean, *surprise = (known.laid_out(part, x_t) for part in parts)
        return Named(output, clean, known.named, surprise[0] if surprise else None)

    def _known(self, condition: EventMask) -> Known:
        """What is known of a question whatever is drawn."""
        order, packing = condition.order, condition.order.packing
        if (known := order.known.get(id(self))) is not None and torch.is_inference_mode_enabled():
            return known
        place, left, hours = (x.flatten()[packing.token] for x in (condition.place, condition.left, condition.hours))
        dtype = condition.values.dtype
        stands = torch.cat([waves(place, 32, 1e3), waves(left, 32, 1e3)], -1).to(dtype)
        h = self.place(stands) + self.when(moments(hours).to(dtype))
        h = h + self.kind(condition.kind.flatten()[packing.token])
        observed, asked = packing.pack(condition.observed_mask), packing.pack(condition.target_mask)
        given = torch.where(observed, packing.pack(condition.values), 0.0).float()
        found = list[tuple[int, Rows, Tensor]]()
        of = torch.zeros_like(packing.token)  # 1 + the class of tokens that are one row of known class
        for kind, at in order.kinds:
            for segment in self.segments[kind]:
                if segment.name in self.classes and segment.count == 1:
                    of[at] = self._class(segment, segment.of(given, at), segment.of(observed, at))
        for kind, at in order.kinds:
            entered = list[Tensor]()
            for segment in self.segments[kind]:
                reading = self.read[segment.name]
                assert isinstance(reading, Reading)
                classed = self._classed(at, segment, given, observed, of[order.above[at]]) if self.classes else None
                rows = Rows.told(at, segment, given, observed, asked, reading.namings, classed)
                if len(rows.wanted):  # and so the only one of an answered kind
                    found.append((kind, rows, reading.given(rows)))
                    continue
                own, _ = reading(rows, rows.noisy(given, given[:, :1], given[:, :1]), reading.given(rows))
                if self.answered[kind]:
                    own = self._beside(segment, own, order.before[at], order.after[at])
                entered.append(own.view(len(at), -1))
            if entered:
                h = h.index_add(0, at, self.enter[str(kind)](torch.cat(entered, 1)).to(h.dtype))
        none = packing.token[:0]
        at, only = torch.cat([none, *(rows.at for _, rows, _ in found)]), torch.cat([none, *(r.tokens for _, r, _ in found)])
        places = torch.cat([none, *(rows.places(packing.token, condition.values.shape[2]) for _, rows, _ in found)])
        named = torch.zeros_like(condition.target_mask).flatten()
        named[places] = torch.cat([named[:0], *(rows.named.flatten() for _, rows, _ in found)])
        known = Known(h, found, at, only, order.looks(only), places, named.view(condition.target_mask.shape))
        if torch.is_inference_mode_enabled():  # elsewhere the same question may be asked again of other weights
            order.known[id(self)] = known
        return known

    def _class(self, segment: Segment, given: Tensor, observed: Tensor) -> Tensor:
        """int64 [R], 1 + the class of rows of known class, 0 of others."""
        naming = cast(Naming, self.classes[segment.name])
        return (1 + naming.levels(given).int().argmax(1)) * observed[:, naming.first].squeeze(1)

    def _classed(self, at: Tensor, segment: Segment, given: Tensor, observed: Tensor, above: Tensor) -> Tensor:
        """int64 [R], the class that rows are known by: their own, else that of the row above, int64 [tokens]."""
        of = above.repeat_interleave(segment.count)
        if segment.name not in self.classes:
            return of
        own = self._class(segment, segment.of(given, at), segment.of(observed, at))
        return torch.where(own > 0, self.classes_above[segment.name] + own, of)

    def tilted(self, sharper: float, tilts: Mapping[str, Tensor]) -> EventNetwork:
        """One that says of levels, beyond what their scores say, `sharper` times as much, and `tilts` more: [levels]
        by the name of a segment, see records/linked/calibration.py. It shares all other weights: it cannot be trained."""
        said = [cast(Writing, self.write[name]).levels for name in tilts]
        other = _apart(self, said)
        for name, tilt in tilts.items():
            levels = [cast(nn.Linear, last) for last in cast(Writing, other.write[name]).levels]
            for last, more in zip(levels, tilt.split([last.out_features for last in levels]), strict=True):
                last.weight.data.mul_(sharper)
                last.bias.data.mul_(sharper).add_(more.to(last.bias))
        return other

    def blocks_in(self, dtype: torch.dtype) -> EventNetwork:
        """One whose blocks multiply in another dtype, and that shares all else: it cannot be trained."""
        other = _apart(self, [part for block in self.blocks for part in (cast(Block, block).mix, cast(Block, block).mlp)])
        for block in other.blocks:
            cast(Block, block).mix.to(dtype)
            cast(Block, block).mlp.to(dtype)
        return other

    def _beside(self, segment: Segment, own: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """What rows [R, inner] are, and what each is told of the rows before and after it of its kind: [n, count, inner]."""
        own = own.view(len(before), segment.count, -1)
        last = torch.roll(own[:, -1:], 1, 0) * before.to(own.dtype)[:, :, None]
        first = torch.roll(own[:, :1], -1, 0) * after.to(own.dtype)[:, :, None]
        around = torch.cat([torch.cat([last, own[:, :-1]], 1), torch.cat([own[:, 1:], first], 1)], -1)
        return own + (self.near[segment.name](around).to(own.dtype) + self.slot.weight[: segment.count].to(own.dtype))


def _apart(network: EventNetwork, parts: Sequence[nn.Module]) -> EventNetwork:
    """A copy that shares all with the network but these parts."""
    own = {id(each) for part in parts for each in (*part.modules(), *part.parameters(), *part.buffers())}
    modules = [each for each in network.modules() if own.isdisjoint(map(id, each.modules()))]
    shared = [each for each in (*modules, *network.parameters(), *network.buffers()) if id(each) not in own]
    return copy.deepcopy(network, {id(each): each for each in shared})


@dataclass(frozen=True, eq=False)
class Known:
    """What a network knows of a question whatever is drawn: the same at all steps of a sampler.

    Attributes:
        h: [P, width], of the tokens, with all that is in those of kinds of which nothing is asked.
        asked: of the others, the kind, its rows, and what is read of what is given of them.
        at: int64, the places in the list of the tokens of these, one kind after the other.
        only: int64, those of these that have anything that is asked for.
        looks: of these alone.
        places: int64, where in [B, N, C] the cells of their rows lie that are asked for anything.
        named: bool [B, N, C], the cells asked for that are named.
    """

    h: Tensor
    asked: list[tuple[int, Rows, Tensor]]
    at: Tensor
    only: Tensor
    looks: Looks
    places: Tensor
    named: Tensor

    def laid_out(self, said: Sequence[Tensor], like: Tensor) -> Tensor:
        """float [B, N, C], what is said of the cells at `places`; 0 elsewhere."""
        nothing = torch.zeros(like.numel(), device=like.device)
        return nothing.index_copy(0, self.places, torch.cat([nothing[:0], *(of.flatten() for of in said)])).view(like.shape)
