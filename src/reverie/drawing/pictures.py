"""Pictures in a drawing: each pixel of a small one is a square."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["data_url", "resized"]

SMALL = 128
"""Pixels a side up to which a pixel is drawn as a square."""


def data_url(pixels: Any) -> str:
    """A picture of uint8 [H, W, 1 or 3], or lists of them, as a PNG within a URL."""
    buffer = io.BytesIO()
    _image(pixels).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def resized(pixels: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """The picture in this size, (width, height)."""
    small = max(pixels.shape[:2]) <= SMALL
    return _image(pixels).resize(size, Image.Resampling.NEAREST if small else Image.Resampling.LANCZOS)


def _image(pixels: Any) -> Image.Image:
    array = np.asarray(pixels, np.uint8)
    return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
