"""Files of 16 bits a channel in colour or with alpha, which Pillow decodes to the high byte of each number.

    v = 256 high + low,    u = round(v / 257)

The high byte alone is floor(v / 256), one below the rounded number for half of all v. Pillow finds the high byte by an order
of bytes that it is told; told the other one, the same decoder gives the low bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["is_sixteen", "lies_in_planes", "sixteen"]

_OTHER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_KINDS = ("RGB", "RGBA")
_GREY_WITH_ALPHA = "LA;16B"


def is_sixteen(image: Image.Image) -> bool:
    """Whether an image that was opened and not loaded has 16 bits a channel, of which Pillow keeps 8."""
    kind, _, order = _raw(image).partition(";16")
    return (kind in _KINDS and kind == image.mode and order in _OTHER) or _raw(image) == _GREY_WITH_ALPHA


def lies_in_planes(image: Any) -> bool:
    """Whether this is a TIFF of more than 8 bits whose channels are kept one after the other, which Pillow reads as of 8."""
    tags = getattr(image, "tag_v2", {})
    return tags.get(_PLANES) == 2 and max(tags.get(_BITS, (8,))) > 8


_PLANES, _BITS = 284, 258


def sixteen(image: Image.Image, again: Image.Image) -> np.ndarray:
    """uint16 [H, W, C] of the image, upright if it says how it is to be turned: grey with alpha, colour, colour with alpha.

    `again` is the same file opened once more, and neither is loaded yet. Raises whatever decoding raises.
    """
    wide = _bytes_of_both(image, again)
    key = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(key, tuple):  # one colour, of 16 bits a channel, stands for nothing at all
        alpha = np.where((wide == np.array(key, np.uint16)).all(2, keepdims=True), 0, 65535).astype(np.uint16)
        wide = np.concatenate([wide, alpha], 2)
    return _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1), lambda upright: upright)(wide)


_ORIENTATION = 0x0112
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.transpose(1, 0, 2),
    6: lambda x: x.transpose(1, 0, 2)[:, ::-1],
    7: lambda x: x[::-1, ::-1].transpose(1, 0, 2),
    8: lambda x: x.transpose(1, 0, 2)[::-1],
}
"""By what EXIF calls the place of the first row and column."""


def _bytes_of_both(image: Image.Image, again: Image.Image) -> np.ndarray:
    """uint16 [H, W, C], as the file has it."""
    if _raw(image) == _GREY_WITH_ALPHA:  # four bytes a pixel, which are those of RGBA as they come
        _set_raw(again, "RGBA")
        again._mode = "RGBA"
        bytes_ = np.asarray(again).astype(np.uint16)
        return bytes_[:, :, 0::2] << 8 | bytes_[:, :, 1::2]
    raw = _raw(image)
    _set_raw(again, raw[:-1] + _OTHER[raw[-1]])
    return np.asarray(image).astype(np.uint16) << 8 | np.asarray(again)


def _raw(image: Any) -> str:
    """How the bytes of the file are laid out, as Pillow calls it; empty where it does not say."""
    tiles = getattr(image, "tile", None)
    args = tiles[0].args if tiles else None
    raw = args if isinstance(args, str) else args[0] if isinstance(args, tuple | list) and args else ""
    return raw if isinstance(raw, str) else ""


def _set_raw(image: Any, raw: str) -> None:
    image.tile = [tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:])) for tile in image.tile]
