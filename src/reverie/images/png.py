"""A picture as PNG or as a data URL, small or at once.

Noise cannot be compressed: where a picture is mostly noise, trying takes ten times as long as all else and saves nothing.
Such a picture is stored, in a PNG whose one zlib stream is not compressed (RFC 2083, section 4.1).
"""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
from PIL import Image

__all__ = ["data_url", "png", "stored"]

_GREY, _RGB = 0, 2


def png(pixels: np.ndarray, level: int = 6) -> bytes:
    """uint8 [H, W, 1 or 3] as a compressed PNG; level 1 takes half the time of 6, for 7 % more bytes of a photograph."""
    image = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=level)
    return buffer.getvalue()


def stored(pixels: np.ndarray) -> bytes:
    """uint8 [H, W, 1 or 3] as a PNG that is not compressed."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, _GREY if channels == 1 else _RGB, 0, 0, 0)
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows.tobytes(), 0)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def data_url(pixels: np.ndarray, noisy: bool = False) -> str:
    """uint8 [H, W, 1 or 3] as a PNG data URL; a noisy picture is stored, others are for one reply."""
    content = stored(pixels) if noisy else png(pixels, level=1)
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
