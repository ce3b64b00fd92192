"""Randomness as a function of its address.

A draw belongs to (seed, what it is for, counters), e.g. (0, "noise", step): no generator's state has to be kept, so a
run resumes exactly and work can be shared among any number of workers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reverie.errors import UsageError

__all__ = ["Generators", "draw", "generator", "sub_seed", "uniform"]

Generators = torch.Generator | Sequence[torch.Generator]
"""One generator for a batch, or one for each of its samples."""


def sub_seed(seed: int, *address: int | str) -> int:
    """A 63-bit seed for the stream at `address` under `seed`; different addresses give independent streams."""
    digest = hashlib.blake2b(repr((int(seed), *address)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, *address: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator at the beginning of the stream at `address` under `seed`."""
    return torch.Generator(device).manual_seed(sub_seed(seed, *address))


def draw(like: Tensor, generator: Generators) -> Tensor:
    """Standard normal noise of the shape, dtype and device of `like`.

    With a sequence of generators, row i is drawn from the i-th, so a sample does not depend on its batch. Noise is drawn
    where the generator lives and moved, so a CPU generator gives the same noise whatever the device of `like`.
    """
    return _drawn(torch.randn, like, generator)


def uniform(like: Tensor, generator: Generators) -> Tensor:
    """Uniform numbers in [0, 1), otherwise as `draw`."""
    return _drawn(torch.rand, like, generator)


def _drawn(law: Callable[..., Tensor], like: Tensor, generator: Generators) -> Tensor:
    if isinstance(generator, torch.Generator):
        return law(like.shape, generator=generator, dtype=like.dtype, device=generator.device).to(like.device)
    if len(generator) != len(like):
        raise UsageError(f"{len(generator)} generators were given for a batch of {len(like)}; give one each, or one.")
    rows = [law(like.shape[1:], generator=g, dtype=like.dtype, device=g.device) for g in generator]
    return torch.stack(rows).to(like.device)
