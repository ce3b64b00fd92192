"""Randomness as a function of its address.

A draw belongs to (seed, what it is for, counters), e.g. (0, "noise", step): no generator's state has to be kept, so a
run resumes exactly and work can be shared among any number of workers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex

import torch
from torch import Tensor

from reverie.errors import UsageError

__all__ = ["Again", "Generators", "Shard", "check_seed", "draw", "generator", "sub_seed", "uniform"]


@dataclass(frozen=True, eq=False)
class Shard:
    """A generator that always draws for `rows` samples, of which a batch takes the first: the last shard of many, cut short,
    gets the noise that it would get whole."""

    generator: torch.Generator
    rows: int


@dataclass(eq=False)
class Again:
    """Generators whose noise is written where the last of it was, for one who is done with that: new memory costs more than
    the arithmetic of a step."""

    generator: torch.Generator | Shard | Sequence[torch.Generator]
    last: Tensor | None = None


Generators = torch.Generator | Shard | Sequence[torch.Generator]
"""One generator for a batch, one for a shard of which the batch may be a part, or one for each sample."""


def check_seed(seed: Any) -> None:
    """Raises UsageError unless it is a whole number, 0 or above, which every generator takes."""
    if not isinstance(seed, SupportsIndex) or int(seed) < 0:
        raise UsageError(f"a seed is a whole number, 0 or above, not {seed!r}.")


def sub_seed(seed: int, *address: int | str) -> int:
    """A 63-bit seed for the stream at `address` under `seed`; different addresses give independent streams.

    Raises UsageError for a seed that is no whole number, 0 or above.
    """
    check_seed(seed)
    digest = hashlib.blake2b(repr((int(seed), *address)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, *address: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator at the beginning of the stream at `address` under `seed`."""
    return torch.Generator(device).manual_seed(sub_seed(seed, *address))


def draw(like: Tensor, generator: Generators | Again) -> Tensor:
    """Standard normal noise of the shape, dtype and device of `like`.

    With a sequence of generators, row i is drawn from the i-th, so a sample does not depend on its batch. Noise is drawn
    where the generator lives and moved, so a CPU generator gives the same noise whatever the device of `like`.
    """
    if not isinstance(generator, Again):
        return _drawn(torch.randn, like, generator)
    last = generator.last
    fits = last is not None and (last.shape, last.dtype, last.device) == (like.shape, like.dtype, like.device)
    generator.last = _drawn(torch.randn, like, generator.generator, last if fits else None)
    return generator.last


def uniform(like: Tensor, generator: Generators) -> Tensor:
    """Uniform numbers in [0, 1), otherwise as `draw`."""
    return _drawn(torch.rand, like, generator)


def _drawn(law: Callable[..., Tensor], like: Tensor, generator: Generators, out: Tensor | None = None) -> Tensor:
    """Written to `out` where it is of one generator that lives there."""
    match generator:
        case torch.Generator():
            return _from(law, like.shape, like, generator, out)
        case Shard():
            if len(like) > generator.rows:
                raise UsageError(f"a shard of {generator.rows} rows cannot serve a batch of {len(like)}.")
            whole = out if len(like) == generator.rows else None
            return _from(law, (generator.rows, *like.shape[1:]), like, generator.generator, whole)[: len(like)]
    if not isinstance(generator, Sequence):
        raise UsageError(f"a draw is of a generator, e.g. torch.Generator().manual_seed(0), not of {generator!r:.40}.")
    if len(generator) != len(like):
        raise UsageError(f"{len(generator)} generators were given for a batch of {len(like)}; give one each, or one.")
    rows = [None] * len(like) if out is None or any(g.device != like.device for g in generator) else out.unbind()
    drawn = [_from(law, like.shape[1:], like, g, row) for g, row in zip(generator, rows, strict=True)]
    return torch.stack(drawn) if out is None or rows[0] is None else out


def _from(
    law: Callable[..., Tensor], shape: Sequence[int], like: Tensor, generator: torch.Generator, out: Tensor | None = None
) -> Tensor:
    if out is not None and generator.device == like.device:
        return law(shape, generator=generator, out=out)
    return law(shape, generator=generator, dtype=like.dtype, device=generator.device).to(like.device)
