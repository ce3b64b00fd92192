"""Fashion-MNIST (Xiao et al. 2017), 60,000 pictures of clothes to train on and 10,000 to test, 28 x 28, grey, ten classes.

On Debian: apt-get install dataset-fashion-mnist, which puts the four IDX files into FOLDER; elsewhere, give the folder that
holds them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reverie.images.idx import read_labelled

__all__ = ["FOLDER", "test", "train"]

FOLDER = Path("/usr/share/datasets/fashion-mnist")


def train(folder: Path = FOLDER) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [60000, 28, 28, 1] and labels int64 [60000]."""
    return _pair(folder, "train")


def test(folder: Path = FOLDER) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 [10000, 28, 28, 1] and labels int64 [10000]."""
    return _pair(folder, "t10k")


def _pair(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    path = folder / f"{part}-images-idx3-ubyte.gz"
    if not path.is_file():
        raise SystemExit(f"{path} is not there: apt-get install dataset-fashion-mnist, or give the folder of its files.")
    pixels, labels = read_labelled(path, 2**31)
    assert labels is not None
    return pixels.reshape(len(pixels), 28, 28, 1), labels.astype(np.int64)
