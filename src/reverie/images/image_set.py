"""A set of pictures of one size, as whatever reads pictures gives it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reverie.errors import DataError
from reverie.images.layouts import MOST_CHANNELS

if TYPE_CHECKING:
    from reverie.images.conditions import Told

__all__ = ["ImageSet"]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures of one size.

    Attributes:
        pixels: uint8 or uint16 [N, H, W, C], N >= 1; C = 1 (grey), 3 (colour), 4 (colour and alpha), or another number up
            to 64.
        labels: int64 [N], each an index into `classes`, or None.
        classes: the names of the classes; empty without labels.
        name: where the pictures are from, for messages and cards.
        notes: what of the source was left out, in sentences.
        path: of the file or folder they were read from, absolute; None for the bundled digits and for arrays.
        files: of pictures that are files the path of each, in the folder or archive; empty for others.
        told: what a table tells of each, classes among it; None without one.
    """

    pixels: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    name: str = "pictures"
    notes: tuple[str, ...] = ()
    path: Path | None = None
    files: tuple[str, ...] = ()
    told: Told | None = None

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype not in (np.uint8, np.uint16) or len(shape) != 4 or shape[3] > MOST_CHANNELS or 0 in shape:
            raise DataError(
                f"{self.name}: a set of pictures is uint8 or uint16 [N, H, W, C], not {self.pixels.dtype} {shape}."
            )
        if self.labels is not None:
            if self.labels.shape != (len(self),) or self.labels.dtype != np.int64:
                raise DataError(f"{self.name} has {len(self)} pictures, so it needs {len(self)} labels in one int64 row.")
            if self.labels.min() < 0 or self.labels.max() >= len(self.classes):
                raise DataError(f"{self.name}: labels must index its {len(self.classes)} classes.")
        if self.told is not None and self.told.count != len(self):
            raise DataError(f"{self.name} has {len(self):,} pictures, and {self.told.name} tells of {self.told.count:,}.")

    def __len__(self) -> int:
        return len(self.pixels)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the pixels, their shape and the labels: equal for equal data, wherever it was read from."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        if self.labels is not None:
            digest.update(repr(("labels", len(self.classes))).encode())
            digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        return digest.hexdigest()
