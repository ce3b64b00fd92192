"""The picture that a study is about, at a size that a screen can show.

A study keeps many states of its picture, so a large one is first reduced: the longer side to at most LARGEST pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from reverie.errors import UsageError
from reverie.images import ImageCodec, read_images, read_picture
from reverie.images.pictures import Picture

__all__ = ["LARGEST", "Subject", "subject"]

LARGEST = 512


@dataclass(frozen=True, eq=False)
class Subject:
    """One picture to study: its name, its pixels uint8 [H, W, C], and the shape it had before it was reduced."""

    name: str
    pixels: np.ndarray
    original_shape: tuple[int, ...]

    @property
    def codec(self) -> ImageCodec:
        return ImageCodec(*self.pixels.shape)

    @property
    def x_0(self) -> Tensor:
        """float64 [1, C, H, W] in [-1, 1]."""
        return self.codec.encode(self.pixels[None]).double()

    @property
    def power(self) -> float:
        """P = mean of x_0^2 over all pixels and channels, x_0 in [-1, 1]."""
        return float((self.x_0**2).mean())


def subject(source: Picture | Subject = "digits", channels: int | None = None) -> Subject:
    """The picture of a source: "digits" or "digits:3" (a bundled digit by its index), or whatever read_picture reads."""
    if isinstance(source, Subject):
        return source
    if isinstance(source, str) and (source == "digits" or source.startswith("digits:")):
        pixels, name = _digit(source, channels), source
    else:
        pixels = read_picture(source, channels)
        name = str(source) if isinstance(source, str | Path) else "the picture"
    return Subject(name, _reduced(pixels), pixels.shape)


def _digit(source: str, channels: int | None) -> np.ndarray:
    digits = read_images("digits", channels=channels).pixels
    index = source.partition(":")[2] or "0"
    if not index.isascii() or not index.isdigit() or int(index) >= len(digits):
        raise UsageError(f"{source!r} names no bundled digit: their indices are 0..{len(digits) - 1}, e.g. digits:3.")
    return digits[int(index)]


def _reduced(pixels: np.ndarray) -> np.ndarray:
    height, width, channels = pixels.shape
    if max(height, width) <= LARGEST:
        return pixels
    shrink = LARGEST / max(height, width)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(size[1], size[0], channels)
