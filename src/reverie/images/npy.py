"""One .npy file; nothing pickled is ever read, and no memory is asked for that the file does not fill."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from reverie.errors import DataError

__all__ = ["MAGIC", "array_of", "head_of", "of_objects"]

MAGIC = b"\x93NUMPY"


def array_of(source: Path | bytes, name: str) -> np.ndarray:
    """The array of a file, mapped, or of a file's content. Raises DataError for a damaged one, and one of objects."""
    try:
        if isinstance(source, Path):
            # Mapped, so that a header that promises more than the file holds fails here and not in the allocation.
            with source.open("rb") as file:
                _, dtype = head_of(file)
            if not dtype.hasobject:
                return np.load(source, mmap_mode="r", allow_pickle=False)
            raise of_objects(f"{name} holds an array", "it again")
        shape, dtype = head_of(io.BytesIO(source))
        if dtype.hasobject:
            raise of_objects(f"{name} holds an array", "it again")
        if math.prod(shape) * dtype.itemsize > len(source):
            raise ValueError("it is cut short")
        return np.load(io.BytesIO(source), allow_pickle=False)
    except DataError:
        raise
    except Exception as error:  # a damaged header is parsed as Python text, and fails in as many ways
        raise DataError(f"{name} is not a readable .npy array of numbers: save it again with numpy.save.") from error


def of_objects(what: str, it: str) -> DataError:
    """The error of an array that is a pickle."""
    return DataError(
        f"{what} as objects of Python, a pickle, and reading one can run any code: save {it} as numbers or words, and "
        "pictures of several sizes as PNG in a folder."
    )


def head_of(content: Any) -> tuple[tuple[int, ...], np.dtype]:
    """The shape and the type of the array that an open file holds. Raises whatever reading raises."""
    old = np.lib.format.read_magic(content) == (1, 0)
    read = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(content)
    return shape, dtype
