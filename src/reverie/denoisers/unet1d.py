"""The one-dimensional U-Net of the clinical recipe, over series of any length and of different lengths in one batch.

mix     two linear layers at each time on its own, in and out
block   x + conv(SiLU(norm(conv(SiLU(FiLM(norm(x), e))))))     3 taps, groups of 8 (Wu and He 2018), FiLM (Perez et al. 2018)
levels  block, halved by a convolution of 4 taps; two blocks in the middle; doubled by its transpose, cut to the skip, added
e(t)    sines and cosines of t, then an MLP for each level on each way: FiLM starts as the identity

A record's answer does not depend on how far it is padded: where nothing is present the state is 0 before every convolution,
and is not counted by the norms. A position of a coarser level is present where any that it stands for is.

Source: Health Gym v3 (its account in prose gives kernels, order and widths; its 7.4 M weights and 176 GFLOP a step fix the
rest). Changed here: odd lengths are rounded up, not down, so that one visit is enough. The last layer does not start at
zero, as is common: it made the loss of this recipe fall at half the rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.denoisers.condition_mask import ConditionMask, check_condition_mask
from reverie.denoisers.conditions import Condition
from reverie.denoisers.declaration import RecordNetwork
from reverie.denoisers.taps import Taps
from reverie.denoisers.unet_parts import Sinusoids

__all__ = ["SeriesUNet", "SeriesUNetConfig"]

EPS = 1e-5
"""Added to a group's variance."""


class SeriesUNetConfig(RecordNetwork, frozen=True):
    """The size of a series U-Net; the defaults are the published ones.

    Attributes:
        width: channels throughout; a multiple of `groups`.
        embedding: sines and cosines of the time step; even.
        levels: how often the length is halved.
        groups: groups of the normalisation.
    """

    codec: ClassVar[Mapping[str, Any]] = {"stages": False, "statics": "repeated"}
    answers = "a series-unet answers for whole visits at once"
    usual: ClassVar[Mapping[str, Any]] = {"sampler": "dpmpp_sde", "steps": 20}
    """It makes errors that a sampler without noise keeps: with noise, 20 steps are as good as the published 500, and better
    than any number without."""
    recipes: ClassVar[Mapping[str, Any]] = {
        "health-gym": {
            "schedule": {"name": "linear", "steps": 500, "beta_min": 1e-4, "beta_max": 0.01},
            "codec": {"numbers": "box-cox", "levels": "one-hot", "statics": "repeated", "stages": False},
            "training": {
                "batch": 128,
                "steps": 6000,
                "optimizer": "adam",
                "learning_rate": 1e-3,
                "warmup": 0,
                "decay": "constant",
                "predict": "noise",
                "timesteps": "uniform",
                "reconstruction": 20.0,
                "blend": True,
                "holdout": 0.2,
                "aside": 0.1,
            },
        }
    }
    """The clinical recipe as published (Health Gym v3), reconstruction term and blend included."""

    kind: Literal["series-unet"] = "series-unet"
    width: int = Field(256, ge=4, le=2048)
    embedding: int = Field(128, ge=2, le=2048)
    levels: int = Field(3, ge=1, le=8)
    groups: int = Field(8, ge=1, le=64)

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % self.groups:
            raise ValueError(f"width must be a multiple of groups, but {self.width} is not one of {self.groups}")
        if self.embedding % 2:
            raise ValueError(f"embedding must be even, for it is sines and cosines, but it is {self.embedding}")
        return self

    def build(self, channels: int, out_channels: int) -> SeriesUNet:
        return SeriesUNet(channels, out_channels, self)

    def activations(self, part: int, tokens: float, longest: int) -> float:
        return 130 * part * longest * self.width


class SeriesUNet(nn.Module):
    """(x_t [B, N, C], t [B], condition) -> [B, N, C] over records, or (x_t [B, L, C], t [B]) over series of whole length.

    Of a record only the visits are its series: what stands in token 0 is answered with 0, as is all that is not asked for.
    """

    def __init__(self, channels: int, out_channels: int, config: SeriesUNetConfig) -> None:
        super().__init__()
        self.state_shape = (None, channels)
        width, levels = config.width, range(config.levels)
        self.sinusoids = Sinusoids(config.embedding)
        self.enter = Mix(channels, width, width)
        self.down = nn.ModuleList(Block(config) for _ in levels)
        self.shrink = nn.ModuleList(Taps("half", width, width) for _ in levels)
        self.middle = nn.ModuleList(Block(config) for _ in range(2))
        self.grow = nn.ModuleList(Taps("double", width, width) for _ in levels)
        self.up = nn.ModuleList(Block(config) for _ in levels)
        self.film = nn.ModuleList(Film(config) for _ in range(2 * config.levels + 1))
        self.last = Taps("same", width, width)
        self.leave = Mix(width, width, out_channels)

    def check(self, condition: Condition | None, count: int) -> None:
        """Raises UsageError for a condition of another kind."""
        if condition is not None:
            check_condition_mask(condition, count)

    def forward(self, x_t: Tensor, t: Tensor, condition: ConditionMask | None = None) -> Tensor:
        if condition is None:
            return self.series(x_t, t)
        visits = self.series(condition.state(x_t)[:, 1:], t, condition.attention_mask[:, 1:])
        return torch.where(condition.target_mask, F.pad(visits, (0, 0, 1, 0)), 0.0)

    def series(self, x: Tensor, t: Tensor, present: Tensor | None = None) -> Tensor:
        """x [B, L, channels], t [B], present [B, L] or None (all) -> [B, L, out_channels]; L >= 1; 0 where not present."""
        e = self.sinusoids(t).to(x.dtype)
        films = [film(e) for film in self.film]
        levels = len(self.down)
        presence = [Presence.of(present, x)]
        x = presence[0].keep(self.enter(presence[0].keep(x.transpose(0, 1))).to(x.dtype))
        skips: list[Tensor] = []
        for block, shrink, film in zip(self.down, self.shrink, films, strict=False):
            x = block(x, film, presence[-1])
            skips.append(x)
            presence.append(presence[-1].halved())
            x = presence[-1].keep(shrink(x))
        for block in self.middle:
            x = block(x, films[levels], presence[-1])
        for block, grow, film in zip(self.up, self.grow, films[levels + 1 :], strict=True):
            presence.pop()
            skip = skips.pop()
            x = presence[-1].keep(grow(x)[: len(skip)]) + skip
            x = block(x, film, presence[-1])
        return presence[0].keep(self.leave(self.last(x)).to(x.dtype)).transpose(0, 1)


@dataclass(frozen=True, eq=False)
class Presence:
    """Which positions are there: absent bool [L, B, 1] and how many are not [B, 1]; absent is None where all are there."""

    absent: Tensor | None
    count: Tensor | float

    @classmethod
    def of(cls, present: Tensor | None, x: Tensor) -> Presence:
        """Of the mask [B, N] of x [B, N, C]; full masks take the fast path."""
        if present is None or bool(present.all()):
            return cls(None, float(x.shape[1]))
        return cls._some(present.T[:, :, None])

    @classmethod
    def _some(cls, there: Tensor) -> Presence:
        return cls(~there, there.sum(0).clamp(min=1))

    def halved(self) -> Presence:
        """At the next coarser level."""
        if self.absent is None:
            return Presence(None, float(-(-int(self.count) // 2)))
        pairs = F.pad(self.absent, (0, 0, 0, 0, 0, len(self.absent) % 2), value=True).unflatten(0, (-1, 2))
        return self._some(~pairs.all(1))

    def keep(self, x: Tensor) -> Tensor:
        """x [L, B, C], 0 where absent."""
        return x if self.absent is None else x.masked_fill(self.absent, 0.0)


class Mix(nn.Module):
    """Two linear layers with SiLU between them, at each time on its own."""

    def __init__(self, channels: int, width: int, out_channels: int) -> None:
        super().__init__()
        self.first = nn.Linear(channels, width)
        self.second = nn.Linear(width, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.silu(self.first(x)))


class Film(nn.Module):
    """e [B, E] -> (scale, shift) [B, C] each; (1, 0) at first."""

    def __init__(self, config: SeriesUNetConfig) -> None:
        super().__init__()
        self.first = nn.Linear(config.embedding, 2 * config.width)
        self.second = nn.Linear(2 * config.width, 2 * config.width)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, e: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.second(F.silu(self.first(e))).to(e.dtype).chunk(2, 1)
        return 1 + scale, shift


class Norm(nn.Module):
    """Each record's groups of channels to mean 0 and variance 1 over what is present; then FiLM; then SiLU."""

    def __init__(self, config: SeriesUNetConfig) -> None:
        super().__init__()
        self.groups = config.groups
        self.weight = nn.Parameter(torch.ones(config.width))
        self.bias = nn.Parameter(torch.zeros(config.width))

    def forward(self, x: Tensor, presence: Presence, film: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """x [L, B, C], 0 where absent, as is the answer."""
        each = x.shape[2] // self.groups

        def mean(sums: Tensor) -> Tensor:
            return sums.unflatten(1, (self.groups, each)).sum(2) / (presence.count * each)

        centre = mean(x.sum(0))
        spread = mean((x * x).sum(0)) - centre * centre
        scale = torch.rsqrt(spread.clamp(min=0) + EPS).repeat_interleave(each, 1) * self.weight
        shift = self.bias - centre.repeat_interleave(each, 1) * scale
        if film is not None:
            scale, shift = scale * film[0], shift * film[0] + film[1]
        return presence.keep(F.silu(torch.addcmul(shift, x, scale)))


class Block(nn.Module):
    """A residual block: FiLM after the first of its two norms."""

    def __init__(self, config: SeriesUNetConfig) -> None:
        super().__init__()
        self.norms = nn.ModuleList(Norm(config) for _ in range(2))
        self.taps = nn.ModuleList(Taps("same", config.width, config.width) for _ in range(2))

    def forward(self, x: Tensor, film: tuple[Tensor, Tensor], presence: Presence) -> Tensor:
        h = presence.keep(self.taps[0](self.norms[0](x, presence, film)))
        return x + presence.keep(self.taps[1](self.norms[1](h, presence)))
