"""Pictures brought to one size.

crop     the largest centred part of the wanted shape, resized: nothing is distorted, the edges of the longer side are lost
pad      the whole picture, resized to fit inside, a colour around it (white unless another is asked for): nothing is lost
stretch  the whole picture, resized to the size: nothing is lost, the shape is distorted
"""

from __future__ import annotations

from typing import Literal, SupportsIndex, get_args

import numpy as np
from PIL import Image, ImageColor

from reverie.errors import UsageError, unknown

__all__ = ["FITS", "Fit", "Pad", "Size", "check_pad", "check_size", "resized"]

Size = int | tuple[int, int]
"""The side of a square, or (height, width), in pixels."""

Fit = Literal["crop", "pad", "stretch"]
FITS: tuple[str, ...] = get_args(Fit)

Pad = str
"""A colour around padded pictures: a name such as white or black, or #rrggbb; of pictures with alpha also transparent."""

LONGEST = 4096


def check_size(size: Size | None, fit: str = "crop") -> tuple[int, int] | None:
    """(height, width). Raises UsageError for sides outside 1..4096 and for an unknown fit."""
    if fit not in FITS:
        raise unknown("fit", fit, FITS)
    if size is None:
        return None
    sides = (*size,) if isinstance(size, tuple | list) else (size, size)
    whole = all(isinstance(s, SupportsIndex) and not isinstance(s, bool) for s in sides)
    if len(sides) != 2 or not whole or not all(1 <= int(s) <= LONGEST for s in sides):
        raise UsageError(f"size must be a whole number of pixels from 1 to {LONGEST}, or (height, width), not {size!r}.")
    return int(sides[0]), int(sides[1])


def check_pad(pad: Pad | None, fit: str) -> None:
    """Raises UsageError for a colour that is none, and for one where nothing is padded."""
    if pad is None:
        return
    if fit != "pad":
        raise UsageError(
            f"`pad` is the colour around padded pictures, and these are brought to size by {fit}: say `fit` pad."
        )
    _colour(pad, 4)


def _colour(pad: Pad, channels: int) -> np.ndarray:
    """The colour uint8 [C]: of other than grey, colour and alpha its luma in every channel."""
    if pad == "transparent" and channels != 4:
        raise UsageError("transparent is a `pad` of pictures with alpha: ask for 4 `channels`, or for another colour.")
    try:
        rgba = (255, 255, 255, 0) if pad == "transparent" else (*ImageColor.getrgb(pad), 255)[:4]
    except ValueError:
        raise UsageError(f"the pad colour is a name such as white or black, or #rrggbb, not {pad!r}.") from None
    if channels in (3, 4):
        return np.array(rgba[:channels], np.uint8)
    red, green, blue = rgba[:3]
    return np.full(channels, (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16, np.uint8)  # as Pillow's convert("L")


def resized(picture: np.ndarray, size: tuple[int, int] | None, fit: Fit = "crop", pad: Pad = "white") -> np.ndarray:
    """uint8 or uint16 [H, W, C] brought to (height, width); without a size the picture itself."""
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
    page = np.empty((*size, picture.shape[2]), picture.dtype)
    page[:] = _colour(pad, picture.shape[2]) * picture.dtype.type(1 if picture.dtype == np.uint8 else 257)
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
    if picture.dtype != np.uint8 or picture.shape[2] not in (1, 3, 4):
        return _each_scaled(picture, size, kernel)
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).resize((size[1], size[0]), kernel)
    return np.asarray(image).reshape(*size, picture.shape[2])


def _each_scaled(picture: np.ndarray, size: tuple[int, int], kernel: Image.Resampling) -> np.ndarray:
    """The same channel by channel, for what Pillow has no kind of picture for; colours weigh as much as their alpha."""
    most = np.iinfo(picture.dtype).max
    channels = picture.astype(np.float32)
    alpha = channels[:, :, 3:] / most if picture.shape[2] == 4 else None
    if alpha is not None:
        channels[:, :, :3] *= alpha
    scaled = (Image.fromarray(each).resize((size[1], size[0]), kernel) for each in np.moveaxis(channels, 2, 0))
    made = np.stack([np.asarray(each) for each in scaled], 2)
    if alpha is not None:
        made[:, :, :3] /= np.maximum(made[:, :, 3:] / most, 1 / most)
    return np.rint(made.clip(0, most)).astype(picture.dtype)
