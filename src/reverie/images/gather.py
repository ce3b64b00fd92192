"""Many picture files to one array of one size: in memory, or in a cache that is read by memory map.

The cache is a folder of arrays, each under a key of what it was made of: the names, sizes and times of the files, and what
they were brought to. A second reading decodes nothing, and a set may be larger than memory. An array that is not what was
written is made again.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reverie.errors import DataError
from reverie.files import write_atomically, writing
from reverie.images.pictures import read_picture
from reverie.images.sizing import Fit, resized

__all__ = ["MAX_BYTES", "Many", "gathered"]

MAX_BYTES = 4 * 2**30
"""The largest set held in memory."""

Allocate = Callable[[tuple[int, ...]], np.ndarray]


@dataclass(frozen=True, eq=False)
class Many:
    """Pictures that were not decoded yet.

    Attributes:
        name: of all of them, for messages.
        count: how many there are.
        files: the files that they are in.
        each: goes through them in order, as (what errors call it, a file or its content).
    """

    name: str
    count: int
    files: tuple[Path, ...]
    each: Callable[[], Iterable[tuple[str, Path | bytes]]]


def gathered(
    many: Many, size: tuple[int, int] | None, fit: Fit, channels: int | None, cache: Path | None = None
) -> np.ndarray:
    """uint8 [N, H, W, C] of all pictures, colour if any has colour and `channels` does not say; from the cache, mapped."""
    if cache is None:
        return _filled(many, size, fit, channels, lambda shape: _in_memory(shape, many.name))
    file = Path(cache) / f"pictures-{_key(many, size, fit, channels)}.npy"
    if (kept := _kept(file)) is not None:
        return kept
    with writing(file) as temporary:
        pixels = _filled(many, size, fit, channels, lambda shape: _mapped(temporary, shape))
        pixels.flush()  # pyright: ignore[reportAttributeAccessIssue]
        seal = {"shape": list(pixels.shape), "crc32": zlib.crc32(pixels.data)}
        del pixels
    write_atomically(file.with_suffix(".json"), json.dumps(seal) + "\n")
    return np.load(file, mmap_mode="r", allow_pickle=False)


def _key(many: Many, size: tuple[int, int] | None, fit: Fit, channels: int | None) -> str:
    stats = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in many.files]
    return hashlib.sha256(repr((stats, size, fit, channels)).encode()).hexdigest()[:32]


def _kept(file: Path) -> np.ndarray | None:
    """The array of the cache, mapped, if it is there and whole."""
    try:
        seal = json.loads(file.with_suffix(".json").read_text())
        pixels = np.load(file, mmap_mode="r", allow_pickle=False)
        whole = pixels.dtype == np.uint8 and list(pixels.shape) == seal["shape"] and zlib.crc32(pixels.data) == seal["crc32"]
        return pixels if whole else None
    except Exception:  # a damaged header is parsed as Python text, and fails in as many ways
        return None


def _filled(many: Many, size: tuple[int, int] | None, fit: Fit, channels: int | None, allocate: Allocate) -> np.ndarray:
    pictures = _brought(many, size, fit, channels)
    first_name, first = next(pictures)
    pixels = allocate((many.count, *first.shape))
    pixels[0] = first
    for i, (name, picture) in enumerate(pictures, start=1):
        if picture.shape[:2] != first.shape[:2]:
            raise DataError(
                f"{first_name} is {_show(first)} but {name} is {_show(picture)}: pictures must have one size; "
                "give size=... to bring all to a square of that many pixels."
            )
        if picture.shape[2] > first.shape[2]:  # the first colour among grey: all become colour
            return _filled(many, size, fit, picture.shape[2], allocate)
        pixels[i] = picture  # grey among colour is repeated
    return pixels


def _brought(many: Many, size: tuple[int, int] | None, fit: Fit, channels: int | None) -> Iterator[tuple[str, np.ndarray]]:
    for name, source in many.each():
        yield name, resized(read_picture(source, channels, name=name), size, fit)


def _in_memory(shape: tuple[int, ...], name: str) -> np.ndarray:
    count, height, width, channels = shape
    if count * height * width * channels > MAX_BYTES:
        raise DataError(
            f"{name} holds {count:,} pictures of {width} x {height}, too many for memory: give size=..., or a cache folder."
        )
    return np.empty(shape, np.uint8)


def _mapped(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    return np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)


def _show(picture: np.ndarray) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"
