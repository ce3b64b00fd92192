"""Many picture files to one array of one size: in memory, or in a cache that is read by memory map.

The cache is a folder of arrays, each under a key of what it was made of: the names, sizes and times of the files, and what
they were brought to. A second reading decodes nothing, and a set may be larger than memory. An array that is not what was
written is made again.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reverie.errors import DataError
from reverie.files import write_atomically, writing
from reverie.images.bring import Bring, lost_of
from reverie.images.pictures import Picture

__all__ = ["MAX_BYTES", "Many", "gathered"]

MAX_BYTES = 4 * 2**30
"""The largest set held in memory."""

Allocate = Callable[[tuple[int, ...], np.dtype], np.ndarray]


@dataclass(frozen=True, eq=False)
class Many:
    """Pictures that were not decoded yet.

    Attributes:
        name: of all of them, for messages.
        count: how many there are.
        files: the files that they are in.
        each: goes through them in order, as (what errors call it, a file, its content or its pixels).
    """

    name: str
    count: int
    files: tuple[Path, ...]
    each: Callable[[], Iterable[tuple[str, Picture]]]


def gathered(many: Many, bring: Bring, cache: Path | None = None) -> tuple[np.ndarray, tuple[str, ...]]:
    """[N, H, W, C] of all pictures, colour if any has colour and `bring` does not say; from the cache, mapped. And notes on
    what they lost."""
    lost: Counter[str] = Counter()
    if cache is None:
        pixels = _filled(many, bring, lambda shape, dtype: _in_memory(shape, dtype, many.name), lost)
        return pixels, lost_of(lost, many.count)
    file = Path(cache) / f"pictures-{_key(many, bring)}.npy"
    if (kept := _kept(file)) is not None:
        return kept[0], lost_of(kept[1], many.count)
    with writing(file) as temporary:
        pixels = _filled(many, bring, lambda shape, dtype: _mapped(temporary, shape, dtype), lost)
        pixels.flush()  # pyright: ignore[reportAttributeAccessIssue]
        seal = {"shape": list(pixels.shape), "crc32": zlib.crc32(pixels.data), "lost": lost}
        del pixels
    write_atomically(file.with_suffix(".json"), json.dumps(seal) + "\n")
    return np.load(file, mmap_mode="r", allow_pickle=False), lost_of(lost, many.count)


def _key(many: Many, bring: Bring) -> str:
    stats = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in many.files]
    return hashlib.sha256(repr((stats, *bring.key)).encode()).hexdigest()[:32]


def _kept(file: Path) -> tuple[np.ndarray, dict[str, int]] | None:
    """The array of the cache, mapped, if it is there and whole, and what was lost when it was made."""
    try:
        seal = json.loads(file.with_suffix(".json").read_text())
        pixels = np.load(file, mmap_mode="r", allow_pickle=False)
        whole = (
            pixels.dtype in (np.uint8, np.uint16)
            and list(pixels.shape) == seal["shape"]
            and zlib.crc32(pixels.data) == seal["crc32"]
        )
        return (pixels, seal.get("lost", {})) if whole else None
    except Exception:  # a damaged header is parsed as Python text, and fails in as many ways
        return None


def _filled(many: Many, bring: Bring, allocate: Allocate, lost: Counter[str], colour: int | None = None) -> np.ndarray:
    lost.clear()
    pictures = ((name, bring.one(source, name, colour, lost)) for name, source in many.each())
    first_name, first = next(pictures)
    pixels = allocate((many.count, *first.shape), first.dtype)
    pixels[0] = first
    for i, (name, picture) in enumerate(pictures, start=1):
        if picture.shape[:2] != first.shape[:2]:
            raise DataError(
                f"{first_name} is {_show(first)} but {name} is {_show(picture)}: pictures must have one size; "
                "say to what `size` to bring all, a square of 32 pixels as `size=32`."
            )
        if picture.shape[2] > first.shape[2]:  # the first colour among grey: all become colour
            return _filled(many, bring, allocate, lost, picture.shape[2])
        pixels[i] = picture  # grey among colour is repeated
    return pixels


def _in_memory(shape: tuple[int, ...], dtype: np.dtype, name: str) -> np.ndarray:
    count, height, width, channels = shape
    if count * height * width * channels * dtype.itemsize > MAX_BYTES:
        raise DataError(
            f"{name} holds {count:,} pictures of {width} x {height}, too many for memory: bring them to a "
            "smaller `size`, or name a folder as `cache`."
        )
    return np.empty(shape, dtype)


def _mapped(file: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return np.lib.format.open_memmap(file, mode="w+", dtype=dtype, shape=shape)


def _show(picture: np.ndarray) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"
