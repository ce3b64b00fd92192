"""The pictures that ship with scikit-learn, read from its files: importing scikit-learn itself takes more than a second.

digits                 1,797 handwritten ones, 8 x 8 pixels of 0..16, and what each shows
china.jpg, flower.jpg  two photographs, 427 x 640 pixels in colour
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["PHOTOGRAPHS", "digits", "photograph"]

PHOTOGRAPHS = ("china", "flower")


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 [1797, 8, 8, 1] and labels int64 [1797]; kept, so not to be written to."""
    table = np.loadtxt(_folder() / "data" / "digits.csv.gz", delimiter=",")
    pixels = np.rint(table[:, :-1].reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    labels = table[:, -1].astype(np.int64)
    pixels.flags.writeable = labels.flags.writeable = False
    return pixels, labels


def photograph(name: str) -> np.ndarray:
    """One of PHOTOGRAPHS, uint8 [427, 640, 3]."""
    return np.asarray(Image.open(_folder() / "images" / f"{name}.jpg"))


def _folder() -> Path:
    spec = importlib.util.find_spec("sklearn")  # where it is, without importing it
    assert spec is not None and spec.origin is not None, "scikit-learn is one of our requirements"
    return Path(spec.origin).parent / "datasets"
