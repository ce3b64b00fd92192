"""Fashion-MNIST (Xiao et al. 2017), 60,000 pictures of clothes to train on and 10,000 to test, 28 x 28, grey, ten classes.

On Debian: apt-get install dataset-fashion-mnist, which puts the four IDX files into FOLDER; elsewhere, give the folder that
holds them.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

__all__ = ["FOLDER", "test", "train"]

FOLDER = Path("/usr/share/datasets/fashion-mnist")


def train(folder: Path = FOLDER) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [60000, 28, 28, 1] and labels int64 [60000]."""
    return _pair(folder, "train")


def test(folder: Path = FOLDER) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [10000, 28, 28, 1] and labels int64 [10000]."""
    return _pair(folder, "t10k")


def _pair(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    pixels = _read(folder / f"{part}-images-idx3-ubyte.gz")[..., None]
    return pixels, _read(folder / f"{part}-labels-idx1-ubyte.gz").astype(np.int64)


def _read(path: Path) -> np.ndarray:
    """An IDX file: two zeros, the type (8: uint8), the number of axes, their lengths as big-endian 32 bits, the values."""
    if not path.is_file():
        raise SystemExit(f"{path} is not there: apt-get install dataset-fashion-mnist, or give the folder of its files.")
    raw = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(raw, ">u4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)
