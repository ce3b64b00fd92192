"""Pictures brought to one size.

crop     the largest centred part of the wanted shape, resized: nothing is distorted, the edges of the longer side are lost
pad      the whole picture, resized to fit inside, white around it: nothing is lost
stretch  the whole picture, resized to the size: nothing is lost, the shape is distorted
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from PIL import Image

from reverie.errors import UsageError, unknown

__all__ = ["FITS", "Fit", "Size", "check_size", "resized"]

Size = int | tuple[int, int]
"""The side of a square, or (height, width), in pixels."""

Fit = Literal["crop", "pad", "stretch"]
FITS: tuple[str, ...] = get_args(Fit)

LONGEST = 4096
WHITE = 255


def check_size(size: Size | None, fit: str = "crop") -> tuple[int, int] | None:
    """(height, width). Raises UsageError for sides outside 1..4096 and for an unknown fit."""
    if fit not in FITS:
        raise unknown("fit", fit, FITS)
    if size is None:
        return None
    sides = (*size,) if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2 or any(isinstance(s, bool) or not isinstance(s, int) or not 1 <= s <= LONGEST for s in sides):
        raise UsageError(f"size must be a whole number of pixels from 1 to {LONGEST}, or (height, width), not {size!r}.")
    return sides


def resized(picture: np.ndarray, size: tuple[int, int] | None, fit: Fit = "crop") -> np.ndarray:
    """uint8 [H, W, C] brought to (height, width); without a size the picture itself."""
    if size is None or picture.shape[:2] == size:
        return picture
    if fit == "stretch":
        return _scaled(picture, size)
    (height, width), (high, wide) = picture.shape[:2], size
    scale = (min if fit == "crop" else max)(height / high, width / wide)
    if fit == "crop":
        part = max(1, round(high * scale)), max(1, round(wide * scale))
        return _scaled(_centre(picture, part), size)
    inside = _scaled(picture, (max(1, round(height / scale)), max(1, round(width / scale))))
    page = np.full((*size, picture.shape[2]), WHITE, np.uint8)
    _centre(page, inside.shape[:2])[:] = inside
    return page


def _centre(picture: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A view of the middle of a picture."""
    top, left = (picture.shape[0] - size[0]) // 2, (picture.shape[1] - size[1]) // 2
    return picture[top : top + size[0], left : left + size[1]]


def _scaled(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if picture.shape[:2] == size:
        return picture
    shrinks = picture.shape[0] > size[0] or picture.shape[1] > size[1]
    kernel = Image.Resampling.LANCZOS if shrinks else Image.Resampling.BICUBIC
    picture = np.ascontiguousarray(picture)
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).resize((size[1], size[0]), kernel)
    return np.asarray(image).reshape(*size, picture.shape[2])
