"""Arrays of pictures, and what they are kept in; nothing pickled is ever read.

    .npy            one array
    .npz            arrays by their names
    .safetensors    tensors by their names
    a folder        of .npy files, each by its name
    a dict          of arrays or tensors, from Python

Headers are read first: of arrays with names only those that are chosen by them are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from reverie.errors import DataError
from reverie.images.bring import Bring, lost_of
from reverie.images.gather import MAX_BYTES
from reverie.images.image_set import ImageSet
from reverie.images.layouts import pictures_of
from reverie.images.levels import most_of, range_of, to_levels
from reverie.images.npy import array_of, head_of, of_objects

__all__ = ["Header", "Named", "as_array", "batch", "headers", "is_array", "is_listed", "load", "read_npy"]


def is_array(source: Any) -> bool:
    """Whether something is an array of numpy, or a tensor of torch or of another library that numpy understands."""
    return (
        isinstance(source, np.ndarray) or _is_tensor(source) or (hasattr(source, "__array__") and hasattr(source, "shape"))
    )


def is_listed(source: Any) -> bool:
    """Whether an array is a row of paths, or of pictures of several sizes, rather than numbers."""
    if not is_array(source) or _is_tensor(source) or len(source.shape) != 1:
        return False
    return np.asarray(source).dtype.kind in ("O", "U", "S")


def as_array(source: Any, name: str) -> tuple[np.ndarray, bool]:
    """An array or a tensor of any device as an array of numpy, and whether its channels are likelier to be first.

    Types that numpy lacks, such as bfloat16, become float32. Raises DataError for what holds no numbers.
    """
    if not _is_tensor(source):
        if isinstance(source, np.ma.MaskedArray) and (masked := np.ma.count_masked(source)):
            raise DataError(f"{name} holds {masked:,} masked values: fill them, with array.filled(0) say.")
        try:
            array = np.asarray(source, object if _is_mixed(source) else None)
        except ValueError as error:  # a list of lists of several lengths
            raise DataError(
                f"{name} holds parts of several shapes, of which no array can be made: give pictures of several sizes as a "
                "list, alone or in pairs with their classes."
            ) from error
        return array.astype(np.float32) if array.dtype.name in _SHORT else array, False
    try:
        tensor = source.detach().cpu()
        tensor = tensor.to_dense() if tensor.is_sparse else tensor
        if tensor.is_floating_point() and tensor.dtype not in _FLOATS:
            tensor = tensor.float()
        return tensor.numpy(), True
    except (TypeError, RuntimeError) as error:  # a type or a layout that numpy does not know, or no data at all
        raise DataError(
            f"{name} of {source.dtype} cannot be read as numbers ({error}): give a dense tensor of float32."
        ) from error


def _is_mixed(source: Any) -> bool:
    """Whether a list holds words beside other things, all of which numpy would make words."""
    return isinstance(source, list | tuple) and len({isinstance(part, str | bytes) for part in source}) > 1


_FLOATS = (torch.float16, torch.float32, torch.float64)
_SHORT = ("bfloat16", "float8_e4m3fn", "float8_e5m2")
"""Types of floats that other libraries add to numpy."""


def _is_tensor(source: Any) -> bool:
    return hasattr(source, "detach") and hasattr(source, "cpu")


def batch(
    array: np.ndarray, name: str, channels_first: bool, bring: Bring, rows: int | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """uint8 or uint16 [N, H, W, C] of an array of pictures, and notes on how it was read; see layouts.pictures_of."""
    array, notes = pictures_of(array, name, channels_first, rows, bring.channels)
    notes += range_of(array, name, bring.depth)
    pixels = np.ascontiguousarray(to_levels(array, name, bits=bring.depth))
    if bring.channels is None and pixels.shape[3] == 4:
        clear = int((pixels[..., 3] < most_of(pixels)).any(axis=(1, 2)).sum())
        notes += lost_of({"alpha": clear}, len(pixels))
    return pixels, notes


def read_npy(path: Path, bring: Bring) -> ImageSet:
    """The pictures of an .npy file, brought."""
    pixels, notes = batch(array_of(path, str(path)), str(path), channels_first=False, bring=bring)
    return bring.array(ImageSet(pixels, name=str(path), notes=notes))


class Header(NamedTuple):
    """What an array says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def numbers(self) -> bool:
        return self.dtype.kind in "biuf"

    @property
    def words(self) -> bool:
        return self.dtype.kind in "US" and len(self.shape) == 1


@dataclass(frozen=True, eq=False)
class Named:
    """Arrays by their names, none of them loaded yet.

    Attributes:
        name: of what they are kept in, for messages.
        of: what notes call that.
        heads: of each array.
        load: gives one by its name.
        channels_first: those whose channels are likelier to be first.
    """

    name: str
    of: str
    heads: dict[str, Header]
    load: Callable[[str], np.ndarray]
    channels_first: frozenset[str] = frozenset()

    @classmethod
    def npz(cls, path: Path) -> Named:
        return cls(str(path), "of the archive", headers(path), lambda key: load(path, key))

    @classmethod
    def folder(cls, folder: Path, files: list[Path]) -> Named:
        """The .npy files of a folder."""
        arrays = {file.relative_to(folder).with_suffix("").as_posix(): array_of(file, str(file)) for file in files}
        return cls(str(folder), "of the folder", _heads(arrays), arrays.__getitem__)

    @classmethod
    def given(cls, arrays: Mapping[Any, Any], name: str = "the dictionary") -> Named:
        """Arrays, tensors and lists of words or numbers, as a program has them."""
        read = {str(key): as_array(value, str(key)) for key, value in arrays.items() if value is not None}
        heads = _heads({key: array for key, (array, _) in read.items()})
        return cls(name, f"of {name}", heads, lambda key: read[key][0], frozenset(key for key in read if read[key][1]))

    @classmethod
    def safetensors(cls, path: Path) -> Named:
        """Raises DataError for a file that is not one, or that is damaged."""
        from safetensors import safe_open

        def load(key: str) -> np.ndarray:
            with safe_open(path, framework="pt") as file:
                return as_array(file.get_tensor(key), f"{path} ({key})")[0]

        try:
            with safe_open(path, framework="pt") as file:
                parts = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118  (no mapping)
                heads = {
                    key: Header(tuple(part.get_shape()), _DTYPES.get(part.get_dtype(), np.dtype("f4")))
                    for key, part in parts.items()
                }
        except Exception as error:  # of the library's own kind, which it does not export
            raise DataError(
                f"{path} is not a readable .safetensors file ({error}): save it again with safetensors.torch.save_file."
            ) from error
        return cls(str(path), "of the file", heads, load, frozenset(heads))


_DTYPES = {
    **{f"{kind}{8 * size}": np.dtype(f"{code}{size}") for kind, code in (("I", "i"), ("U", "u")) for size in (1, 2, 4, 8)},
    "BOOL": np.dtype(bool),
}
"""Those that are not floats, as safetensors calls them."""


def _heads(arrays: Mapping[str, np.ndarray]) -> dict[str, Header]:
    return {key: Header(array.shape, array.dtype) for key, array in arrays.items()}


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
                heads[name.removesuffix(".npy")] = Header(*head_of(file))
        return heads


def load(path: Path, key: str) -> np.ndarray:
    """One array of an .npz file. Raises DataError for one of objects, which is a pickle, and one that is damaged."""
    if headers(path)[key].dtype.hasobject:
        raise of_objects(f"{path} holds {key}", f"{key} again")
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
