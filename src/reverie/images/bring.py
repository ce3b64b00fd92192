"""What all pictures of a set are brought to: a size, a number of channels, the bits of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reverie.images.image_set import ImageSet
from reverie.images.levels import check_bits, to_bits
from reverie.images.pictures import Picture, as_channels, check_channels, read_picture
from reverie.images.sizing import Fit, Pad, Size, check_pad, check_size, resized

__all__ = ["Bring", "lost_of"]

BRIGHTEST, DIM = "brightest", 32
"""The highest level of those that lost bits; below this, as of 12 bits kept in 16, all is nearly black."""


@dataclass(frozen=True)
class Bring:
    """What pictures are brought to. `size` is (height, width), `channels` their number; None stays as it is."""

    size: tuple[int, int] | None = None
    fit: Fit = "crop"
    channels: int | None = None
    pad: Pad = "white"
    bits: int | None = None

    @classmethod
    def of(cls, size: Size | None, fit: Fit, channels: int | None, pad: Pad | None, bits: int | None) -> Bring:
        """Raises UsageError for what pictures cannot be brought to."""
        check_channels(channels, alpha=True)
        check_pad(pad, fit)
        check_bits(bits)
        return cls(check_size(size, fit), fit, channels, "white" if pad is None else pad, bits)

    @property
    def depth(self) -> int:
        """Bits of a channel of what is read: 8 unless 16 are asked for."""
        return self.bits or 8

    @property
    def key(self) -> tuple[Any, ...]:
        """What an array in a cache depends on."""
        more = (*(() if self.pad == "white" else (self.pad,)), *(() if self.depth == 8 else (self.depth,)))
        return (self.size, self.fit, self.channels, *more)

    def one(self, source: Picture, name: str, channels: int | None = None, lost: Counter[str] | None = None) -> np.ndarray:
        """One picture, read and brought, in these channels if none are asked for; what it lost that nobody asked it to lose
        is counted."""
        losses: set[str] = set()
        picture = read_picture(source, self.channels or channels, name=name, bits=self.depth, on_loss=losses.add)
        if lost is not None:
            asked = {"bits": self.bits, "alpha": self.channels}
            lost.update(loss for loss in losses if asked[loss] is None)
            if "bits" in losses:
                lost[BRIGHTEST] = max(lost[BRIGHTEST], int(picture.max()))
        return resized(picture, self.size, self.fit, self.pad)

    def alone(self, source: Picture, name: str) -> ImageSet:
        """One picture as a set."""
        lost: Counter[str] = Counter()
        return ImageSet(self.one(source, name, lost=lost)[None], name=name, notes=lost_of(lost, 1))

    def array(self, pictures: ImageSet) -> ImageSet:
        """A set that was an array, brought: alpha is laid over white unless it is asked for, as that of files is."""
        flat = self.channels is None and pictures.pixels.shape[3] == 4
        return (replace(self, channels=3) if flat else self)(pictures)

    def __call__(self, pictures: ImageSet) -> ImageSet:
        """All pictures of a set, brought."""
        pixels = pictures.pixels if self.bits is None else to_bits(pictures.pixels, self.bits)
        if self.channels is not None and self.channels != pixels.shape[3]:
            pixels = np.stack([as_channels(picture, self.channels, pictures.name) for picture in pixels])
        if self.size is not None and pixels.shape[1:3] != self.size:
            pixels = np.stack([resized(picture, self.size, self.fit, self.pad) for picture in pixels])
        return pictures if pixels is pictures.pixels else replace(pictures, pixels=pixels)


def lost_of(lost: Mapping[str, int], count: int) -> tuple[str, ...]:
    """The notes on what some of `count` pictures lost, see pictures.LOSSES."""
    brightest = lost.get(BRIGHTEST, DIM)
    dim = f", none of which is brighter than {brightest} of 255" if brightest < DIM else ""
    said = {
        "bits": f"Of 16 bits a channel 8 are kept in {{}} of {{}} pictures{dim}: `bits=16` keeps them all.",
        "alpha": "Alpha is laid over white in {} of {} pictures: `channels=4` keeps it.",
    }
    return tuple(words.format(f"{lost[loss]:,}", f"{count:,}") for loss, words in said.items() if lost.get(loss))
