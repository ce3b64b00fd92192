"""What all pictures of a set are brought to: a size, a number of channels, the bits of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reverie.images.image_set import ImageSet
from reverie.images.levels import check_bits, to_bits
from reverie.images.pictures import Picture, as_channels, check_channels, read_picture
from reverie.images.sizing import Fit, Pad, Size, check_pad, check_size, resized

__all__ = ["Bring"]


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

    def one(self, source: Picture, name: str, channels: int | None = None) -> np.ndarray:
        """One picture, read and brought, in these channels if none are asked for."""
        picture = read_picture(source, self.channels or channels, name=name, bits=self.depth)
        return resized(picture, self.size, self.fit, self.pad)

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
