"""Arrays of pictures, and the .npy and .npz files they are kept in; nothing pickled is ever read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reverie.errors import DataError
from reverie.images.gather import MAX_BYTES
from reverie.images.image_set import ImageSet
from reverie.images.pictures import to_bytes

__all__ = ["Header", "batch", "headers", "load", "read_npy"]


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


def read_npy(path: Path) -> ImageSet:
    """The pictures of an .npy file."""
    try:
        # Mapped, so that a header that promises more than the file holds fails here and not in the allocation.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header is parsed as Python text, and fails in as many ways
        raise DataError(f"{path} is not a readable .npy array of numbers: save it again with numpy.save.") from error
    return ImageSet(batch(array, str(path), channels_first=False), name=str(path))


class Header(NamedTuple):
    """What an array of an archive says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def numbers(self) -> bool:
        return self.dtype.kind in "biuf"

    @property
    def words(self) -> bool:
        return self.dtype.kind == "U" and len(self.shape) == 1


def headers(path: Path) -> dict[str, Header]:
    """The headers of the arrays of an .npz file, by their names. Raises DataError for one that unpacks to too much."""
    with _opened(path) as archive:
        total = sum(member.file_size for member in archive.zip.infolist())
        if total > MAX_BYTES:
            raise DataError(f"{path} unpacks to {total:,} bytes, more than the {MAX_BYTES:,} that are read.")
        heads = {}
        for name in archive.zip.namelist():
            if not name.endswith(".npy"):
                continue
            with archive.zip.open(name) as file:
                first = np.lib.format.read_magic(file) == (1, 0)
                read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(file)
                heads[name.removesuffix(".npy")] = Header(shape, dtype)
        return heads


def load(path: Path, key: str) -> np.ndarray:
    """One array of an .npz file."""
    with _opened(path, key) as archive:
        return archive[key]


@contextmanager
def _opened(path: Path, key: str = "it") -> Iterator[Any]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except DataError:
        raise
    except Exception as error:  # MemoryError too: a damaged header may promise any size
        raise DataError(
            f"{path} is not a readable .npz file of arrays of numbers: save {key} again with numpy.savez."
        ) from error
