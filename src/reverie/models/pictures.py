"""A model of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from reverie.denoisers.denoiser import Denoiser
from reverie.denoisers.wrappers import Clipped
from reverie.errors import UsageError
from reverie.images import ImageCodec
from reverie.models.model import Model
from reverie.process.randomness import Shard, draw, generator
from reverie.samplers import named, sample, time_grid

__all__ = ["SHARD", "PictureModel"]

SHARD = 64
"""Pictures are made in shards of this size, each with its own randomness: picture i is a function of (seed, i)."""


class PictureModel(Model[ImageCodec]):
    """Makes new pictures."""

    def sample(
        self,
        count: int,
        seed: int = 0,
        sampler: str = "dpmpp",
        steps: int = 20,
        spacing: str = "trailing",
        clip: bool = False,
        on_step: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> np.ndarray:
        """`count` new pictures, uint8 [count, H, W, C].

        Args:
            seed: the same seed gives the same pictures, the first ones too if more are asked for (a last shard that is cut
                short may round differently, by one grey level).
            sampler: "dpmpp", "dpmpp_sde", "ddim", "angular", "ancestral" or "heun"; its own settings follow, e.g. eta=0.5.
            steps, spacing: the time grid, see samplers.time_grid.
            clip: keep every x_0-hat inside [-1, 1].
            on_step: called with (sampler steps done, in all).
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise UsageError(f"count must be a whole number above 0, not {count!r}.")
        shards = self.shards(count, seed, sampler, steps, spacing, clip, on_step, **settings)
        return np.concatenate(list(shards))

    def shards(
        self,
        count: int,
        seed: int,
        sampler: str,
        steps: int,
        spacing: str,
        clip: bool = False,
        on_step: Callable[[int, int], None] | None = None,
        **settings: Any,
    ) -> Iterator[np.ndarray]:
        """The pictures of `sample`, SHARD at a time, in memory that does not grow with their number."""
        rule = named(sampler, **settings)
        grid = time_grid(self.process.schedule, steps, spacing)  # pyright: ignore[reportArgumentType]
        denoiser: Denoiser = Clipped(self.denoiser) if clip else self.denoiser
        device = next(self.denoiser.module.parameters()).device
        total = -(-count // SHARD) * (len(grid) - 1)
        for number, first in enumerate(range(0, count, SHARD)):
            rows = min(SHARD, count - first)
            like = torch.empty(rows, *self.codec.shape, device=device)
            x = draw(like, Shard(generator(seed, "start", number), SHARD))
            noise = Shard(generator(seed, "steps", number), SHARD)
            before = number * (len(grid) - 1)
            told = None if on_step is None else lambda done, _, before=before: on_step(before + done, total)
            yield self.codec.decode(sample(denoiser, rule, grid, x, noise, on_step=told))
