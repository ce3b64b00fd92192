"""The picture that a study is about, at a size that a screen can show.

A study keeps many states of its picture, so a large one is first reduced: the longer side to at most LARGEST pixels, or
fewer. Bundled are the digits, as digits:0, digits:1, ..., and two photographs, china and flower.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import numpy as np
from torch import Tensor

from reverie.drawing.pictures import visible
from reverie.errors import UsageError
from reverie.images import ImageCodec, bundled, read_picture
from reverie.images.bundled import PHOTOGRAPHS
from reverie.images.pictures import Picture
from reverie.images.sizing import resized

__all__ = ["LARGEST", "PHOTOGRAPHS", "Subject", "bundled_like", "is_bundled", "photograph", "reduced", "subject"]

LARGEST = 512
_BUNDLED_SIDE = 256


@dataclass(frozen=True, eq=False)
class Subject:
    """One picture to study: its name, its pixels [H, W, C], and the shape it had before it was reduced.

    Pixels are uint8, or uint16 where 16 bits were asked for.
    """

    name: str
    pixels: np.ndarray
    original_shape: tuple[int, ...]

    @property
    def codec(self) -> ImageCodec:
        return ImageCodec(*self.pixels.shape, bits=8 * self.pixels.itemsize)

    @property
    def x_0(self) -> Tensor:
        """float64 [1, C, H, W] in [-1, 1]."""
        return self.codec.encode(self.pixels[None]).double()

    @property
    def power(self) -> float:
        """P = mean of x_0^2 over all pixels and channels, x_0 in [-1, 1]."""
        return float((self.x_0**2).mean())


def subject(
    source: Picture | Subject = "digits",
    channels: int | None = None,
    largest: int = LARGEST,
    name: str | None = None,
    bits: int = 8,
) -> Subject:
    """The picture of a source.

    Args:
        source: "digits" or "digits:3" (a bundled digit by its index), "china", "flower", or whatever read_picture reads.
        channels: 1 or 3, or 4 for colour and alpha, which is laid over white otherwise, or an array's own; as it is, as
            far as it can be seen, if left out.
        largest: the longer side, to which a larger picture is reduced.
        name: what the picture is called; by default as it was given.
        bits: of a channel, 8 or 16.
    """
    if isinstance(source, Subject):
        return source
    if isinstance(source, str) and is_bundled(source):
        pixels = read_picture(photograph(source) if source in PHOTOGRAPHS else _digit(source), channels, bits=bits)
    else:
        if isinstance(source, str) and (meant := bundled_like(source)) and not Path(source).exists():
            raise UsageError(f"there is no file {source}: did you mean {meant}, which is bundled?")
        pixels = read_picture(source, channels, bits=bits)
    called = name or (str(source) if isinstance(source, str | Path) else "the picture")
    return Subject(called, _shrunk(visible(pixels) if bits == 8 and channels is None else pixels, largest), pixels.shape)


def is_bundled(name: str) -> bool:
    """Whether a name is that of a bundled picture rather than a file's."""
    return name in PHOTOGRAPHS or name == "digits" or name.startswith("digits:")


def bundled_like(name: str) -> str:
    """The bundled picture that a name may have meant, or else ""."""
    word, mark, index = name.partition(":")
    near = get_close_matches(word.lower(), ("digits", *PHOTOGRAPHS), n=1, cutoff=0.7)
    return f"{near[0]}{mark if near[0] == 'digits' else ''}{index if near[0] == 'digits' else ''}" if near else ""


@cache
def photograph(name: str) -> np.ndarray:
    """One of the two photographs that ship with scikit-learn, uint8 [H, W, 3], its longer side 256 pixels."""
    return reduced(bundled.photograph(name), _BUNDLED_SIDE)


def _digit(source: str) -> np.ndarray:
    digits, _ = bundled.digits()
    index = source.partition(":")[2] or "0"
    if not index.isascii() or not index.isdigit() or len(index) > 6 or int(index) >= len(digits):
        raise UsageError(f"{source!r} names no bundled digit: their indices are 0..{len(digits) - 1}, e.g. digits:3.")
    return digits[int(index)]


def reduced(pixels: np.ndarray, largest: int) -> np.ndarray:
    """What is visible of pixels [H, W, C], uint8, the longer side at most `largest`."""
    return _shrunk(visible(pixels), largest)


def _shrunk(pixels: np.ndarray, largest: int) -> np.ndarray:
    height, width, _ = pixels.shape
    if max(height, width) <= largest:
        return pixels
    shrink = largest / max(height, width)
    return resized(pixels, (max(1, round(height * shrink)), max(1, round(width * shrink))), "stretch")
