"""Folders and archives of .npy files that are a picture each: [H, W], [H, W, C] or [C, H, W].

Floats of a set are on one scale: [-1, 1] if any of them is negative, else [0, 1].
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from reverie.images.layouts import CHANNELS, LONGEST, ROWS_OF
from reverie.images.levels import is_signed, range_of, to_levels
from reverie.images.npy import array_of, head_of
from reverie.images.trees import File

__all__ = ["NPY", "are_pictures", "levels_of", "notes_of"]

NPY = (".npy",)


def are_pictures(files: Sequence[File], channels: int | None) -> bool:
    """Whether each of several files is one picture by its shape, rather than many, or labels; only headers are read."""
    shapes = []
    for file in files:
        try:
            source = file.read()
            with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as content:
                shape, dtype = head_of(content)
        except Exception:  # which reading it names
            return False
        if dtype.kind not in "biuf":
            return False
        shapes.append(shape)
    usual = {*CHANNELS, *(() if channels is None else (channels,))}
    return len(shapes) > 1 and all(_is_picture(shape, usual) for shape in shapes)


def levels_of(files: Sequence[File], name: str, bits: int) -> Iterator[tuple[str, np.ndarray]]:
    """Each file's array as levels, and what errors call it."""
    signed = any(array.dtype.kind == "f" and array.size and is_signed(array) for _, array in _arrays(files, name))
    for called, array in _arrays(files, name):
        yield called, to_levels(array, called, signed, bits)


def notes_of(files: Sequence[File], name: str, bits: int) -> tuple[str, ...]:
    """The notes on the range of all, see levels.range_of."""
    ends: dict[np.dtype, list[np.generic]] = {}
    for _, array in _arrays(files, name):
        if array.size and array.dtype.kind in "uif":
            ends.setdefault(array.dtype, []).extend((array.min(), array.max()))
    return tuple(note for dtype, seen in ends.items() for note in range_of(np.array(seen, dtype), name, bits))


def _arrays(files: Sequence[File], name: str) -> Iterator[tuple[str, np.ndarray]]:
    for file in files:
        called = f"{name}/{file.path}"
        yield called, array_of(file.read(), called)


def _is_picture(shape: tuple[int, ...], channels: set[int]) -> bool:
    match shape:
        case (_, width):
            return 0 < max(shape) <= LONGEST * min(shape) and width not in ROWS_OF and min(shape) > 1
        case (first, _, last):
            return 0 not in shape and (last in channels or first in (1, 3))
    return False
