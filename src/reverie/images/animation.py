"""The reverse process as a moving picture: what x_t looks like on the left, what the model takes x_0 to be on the right."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from reverie.errors import UsageError
from reverie.files import writing
from reverie.images.grid import contact_sheet

__all__ = ["check_animation", "save_animation", "side_by_side"]

FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}
GAP = 8
STEP, HOLD = 120, 2000
"""Milliseconds that a frame is shown, and the last one."""


def check_animation(path: Path | str) -> Path:
    """The path, if an animation can be written under that name. Raises UsageError otherwise; for use before the work."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path.name or path}: animations are written as {', '.join(FORMATS)}.")
    return path


def side_by_side(left: np.ndarray, right: np.ndarray) -> Image.Image:
    """Two sets of pictures, uint8 [N, H, W, C], as two contact sheets on white."""
    sheets = [contact_sheet(pixels) for pixels in (left, right)]
    width, height = sum(sheet.width for sheet in sheets) + GAP, max(sheet.height for sheet in sheets)
    page = Image.new(sheets[0].mode, (width, height), "white")
    page.paste(sheets[0], (0, 0))
    page.paste(sheets[1], (sheets[0].width + GAP, 0))
    return page


def save_animation(frames: Iterable[Image.Image], path: Path | str) -> Path:
    """Writes frames of one size, whole or not at all, the last one held, again and again; returns the path."""
    path = check_animation(path)
    first, *rest = frames
    kind = FORMATS[path.suffix.lower()]
    exact = {"lossless": True} if kind == "WEBP" else {}
    with writing(path) as temporary:
        durations = [STEP] * len(rest) + [HOLD]
        first.save(temporary, format=kind, save_all=True, append_images=rest, duration=durations, loop=0, **exact)
    return path
