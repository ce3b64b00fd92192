"""Arrays of pictures, and the .npy and .npz files they are kept in; nothing pickled is ever read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from reverie.errors import DataError
from reverie.images.gather import MAX_BYTES
from reverie.images.pictures import to_bytes

__all__ = ["IMAGE_KEYS", "LABEL_KEYS", "batch", "load_npy", "load_npz"]

IMAGE_KEYS = ("images", "x", "pixels", "arr_0")
LABEL_KEYS = ("labels", "y", "label")
"""Names of the arrays of an .npz file."""


def batch(array: np.ndarray, name: str, channels_first: bool) -> np.ndarray:
    """uint8 [N, H, W, C]. Where both ends could be channels, numpy's are last and torch's first."""
    if array.ndim == 2 or (array.ndim == 3 and 3 in (array.shape[0 if channels_first else 2],)):
        array = array[None]
    if array.ndim == 3:
        array = array[..., None]
    elif array.ndim == 4:
        last, first = array.shape[3] in (1, 3), array.shape[1] in (1, 3)
        if first and (channels_first or not last):
            array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape:
        raise DataError(
            f"{name} has shape {array.shape}, but pictures are [N, H, W, C] or [N, C, H, W] with C = 1 or 3, or [N, H, W]."
        )
    return np.ascontiguousarray(to_bytes(array, name))


def load_npy(path: Path) -> np.ndarray:
    try:
        # Mapped, so that a header that promises more than the file holds fails here and not in the allocation.
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header is parsed as Python text, and fails in as many ways
        raise DataError(f"{path} is not a readable .npy array of numbers: save it anew with numpy.save.") from error


def load_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
        if total > MAX_BYTES:
            raise DataError(f"{path} unpacks to {total:,} bytes, more than the {MAX_BYTES:,} that are read.")
        with np.load(path, allow_pickle=False) as archive:
            return {
                key: archive[key] for key in archive.files if key in (*IMAGE_KEYS, *LABEL_KEYS) or len(archive.files) < 9
            }
    except DataError:
        raise
    except Exception as error:  # MemoryError too: a damaged header may promise any size
        raise DataError(f"{path} is not a readable .npz file of number arrays: save it anew with numpy.savez.") from error
