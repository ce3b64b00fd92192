"""Pictures in a drawing: each pixel of a small one is a square.

What is shown of pictures that no screen shows: of two channels the first, of more than four the first three; of 16 bits a
channel 8, u = round(v / 257).
"""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["data_url", "resized", "visible"]

SMALL = 128
"""Pixels a side up to which a pixel is drawn as a square."""


def visible(pixels: np.ndarray) -> np.ndarray:
    """uint8 [..., 1, 3 or 4] of pictures [..., C] of 8 or 16 bits; most are so already, and are given back as they are."""
    if pixels.shape[-1] not in (1, 3, 4):
        pixels = pixels[..., : 1 if pixels.shape[-1] == 2 else 3]
    return pixels if pixels.dtype == np.uint8 else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def data_url(pixels: Any) -> str:
    """A picture [H, W, C], see visible, or lists of them, as a PNG within a URL."""
    buffer = io.BytesIO()
    _image(pixels).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def resized(pixels: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """The picture in this size, (width, height)."""
    small = max(pixels.shape[:2]) <= SMALL
    return _image(pixels).resize(size, Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS)


def _image(pixels: Any) -> Image.Image:
    array = np.asarray(pixels)
    array = visible(array if array.dtype == np.uint16 else array.astype(np.uint8, copy=False))
    return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
