"""Sets of pictures, from wherever they are: bundled digits, a folder, an array, a file.

All become uint8 [N, H, W, C] with, where the source has them, labels [N] that index its class names. A set has one size:
pictures that differ are refused unless `size` says what to bring them to (centre square, then resized).
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reverie.errors import DataError, UsageError
from reverie.images.pictures import SUFFIXES, check_channels, read_picture, to_bytes

__all__ = ["ImageSet", "read_images"]

MAX_BYTES = 4 * 2**30
"""The largest set held in memory."""

_IMAGE_KEYS = ("images", "x", "pixels", "arr_0")
_LABEL_KEYS = ("labels", "y", "label")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Pictures of one size.

    Attributes:
        pixels: uint8 [N, H, W, C], C = 1 or 3, N >= 1.
        labels: int64 [N], each an index into `classes`, or None.
        classes: the names of the classes; empty without labels.
        name: where the pictures are from, for messages and cards.
    """

    pixels: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    name: str = "pictures"

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) != 4 or shape[3] not in (1, 3) or 0 in shape:
            raise DataError(f"{self.name}: a set of pictures is uint8 [N, H, W, 1 or 3], not {self.pixels.dtype} {shape}.")
        if self.labels is not None:
            if self.labels.shape != (len(self),) or self.labels.dtype != np.int64:
                raise DataError(f"{self.name} has {len(self)} pictures, so it needs {len(self)} labels in one int64 row.")
            if self.labels.min() < 0 or self.labels.max() >= len(self.classes):
                raise DataError(f"{self.name}: labels must index its {len(self.classes)} classes.")

    def __len__(self) -> int:
        return len(self.pixels)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the pixels, their shape and the labels: equal for equal data, wherever it was read from."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        if self.labels is not None:
            digest.update(repr(("labels", len(self.classes))).encode())
            digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        return digest.hexdigest()


def read_images(source: Any, size: int | None = None, channels: int | None = None) -> ImageSet:
    """A set of pictures from a source.

    Args:
        source: "digits" (1,797 handwritten digits of 8 x 8 that ship with scikit-learn); a folder of pictures, whose
            sub-folders, if they hold the pictures, are the classes; an .npy file; an .npz file with the pictures under
            images, x, pixels or arr_0, and maybe labels under labels or y; one picture file; a numpy array [N, H, W, C],
            [N, C, H, W], [N, H, W], or [H, W] and [H, W, 3] for one picture; a torch tensor likewise; an ImageSet.
        size: each picture becomes its centre square, resized to size x size.
        channels: 1 (grey) or 3 (colour); by default 3 if any picture has colour.

    Raises DataError with one sentence for what cannot be read; nothing is skipped silently but hidden files and files of
    other suffixes in a folder.
    """
    check_channels(channels)
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 4096):
        raise UsageError(f"size must be a whole number of pixels from 1 to 4096, not {size!r}.")
    if isinstance(source, ImageSet):
        return _finished(source, size, channels)
    if isinstance(source, str | Path):
        return _from_path(source, size, channels)
    if isinstance(source, Image.Image | bytes):
        return _finished(ImageSet(read_picture(source)[None], name="the picture"), size, channels)
    tensor = hasattr(source, "detach")
    array = source.detach().cpu().numpy() if tensor else source
    if not isinstance(array, np.ndarray):
        raise UsageError(f"pictures come from a path, an array, a tensor or 'digits', not {type(source).__name__}.")
    name = "the tensor" if tensor else "the array"
    return _finished(ImageSet(_batch(array, name, channels_first=tensor), name=name), size, channels)


def _from_path(source: str | Path, size: int | None, channels: int | None) -> ImageSet:
    if source == "digits":
        return _finished(_digits(), size, channels)
    path = Path(source)
    if path.is_dir():
        return _folder(path, size, channels)
    if not path.exists():
        raise DataError(f"{source} does not exist: give a folder, a picture, an .npy or .npz file, or the word digits.")
    match path.suffix.lower():
        case ".npy":
            found = ImageSet(_batch(_load_npy(path), str(path), channels_first=False), name=str(path))
        case ".npz":
            found = _npz(path)
        case _:
            found = ImageSet(read_picture(path)[None], name=str(path))
    return _finished(found, size, channels)


def _digits() -> ImageSet:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pixels = np.rint(np.reshape(images, (-1, 8, 8, 1)) * (255 / 16)).astype(np.uint8)
    return ImageSet(pixels, np.asarray(labels, np.int64), tuple(str(digit) for digit in range(10)), "digits")


# --- folders ----------------------------------------------------------------------------------------------------------


def _folder(folder: Path, size: int | None, channels: int | None) -> ImageSet:
    paths = _picture_paths(folder)
    if not paths:
        raise DataError(f"{folder} holds no pictures: looked for {', '.join(SUFFIXES)} in it and its sub-folders.")
    owners = [path.relative_to(folder).parts[0] if path.parent != folder else None for path in paths]
    if None in owners and any(owners):
        beside, inside = paths[owners.index(None)], next(path for path, owner in zip(paths, owners, strict=True) if owner)
        raise DataError(
            f"{folder} holds pictures beside its sub-folders ({beside.name}) and inside them "
            f"({inside.relative_to(folder)}): put all in sub-folders, which are then the classes, or none."
        )
    pictures: list[np.ndarray] = []
    for path in paths:
        picture = _sized(read_picture(path, channels), size)
        if pictures and picture.shape[:2] != pictures[0].shape[:2]:
            raise DataError(
                f"{paths[0]} is {_show(pictures[0])} but {path} is {_show(picture)}: pictures must have one size; "
                "give size=... to bring all to a square of that many pixels."
            )
        if not pictures and picture.nbytes * len(paths) > MAX_BYTES:
            raise DataError(
                f"{folder} holds {len(paths):,} pictures of {_show(picture)}, too many for memory: give size=..."
            )
        pictures.append(picture)
    depth = max(picture.shape[2] for picture in pictures)
    pixels = np.stack([np.repeat(p, depth, axis=2) if p.shape[2] < depth else p for p in pictures])
    if not any(owners):
        return ImageSet(pixels, name=str(folder))
    classes = sorted({str(owner) for owner in owners})
    labels = np.array([classes.index(str(owner)) for owner in owners], np.int64)
    return ImageSet(pixels, labels, tuple(classes), str(folder))


def _picture_paths(folder: Path) -> list[Path]:
    """Every picture below the folder, sorted by its path; hidden names and linked folders are passed over."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in files if not name.startswith(".") and name.lower().endswith(SUFFIXES)]
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


# --- arrays -----------------------------------------------------------------------------------------------------------


def _batch(array: np.ndarray, name: str, channels_first: bool) -> np.ndarray:
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


def _load_npy(path: Path) -> np.ndarray:
    try:
        # Mapped, so that a header that promises more than the file holds fails here and not in the allocation.
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header is parsed as Python text, and fails in as many ways
        raise DataError(f"{path} is not a readable .npy array of numbers: save it anew with numpy.save.") from error


def _npz(path: Path) -> ImageSet:
    arrays = _load_npz(path)
    keys = [key for key in _IMAGE_KEYS if key in arrays]
    keys = keys or [key for key, value in arrays.items() if value.ndim >= 3]
    if not keys:
        raise DataError(f"{path} holds {', '.join(arrays) or 'nothing'}, but no pictures: save them under the name images.")
    name = f"{path} ({keys[0]})"
    pixels = _batch(arrays[keys[0]], name, channels_first=False)
    label_key = next((key for key in _LABEL_KEYS if key in arrays), None)
    if label_key is None:
        return ImageSet(pixels, name=str(path))
    values = arrays[label_key]
    if values.shape != (len(pixels),) or values.dtype.kind not in "iuU":
        raise DataError(
            f"{path}: {label_key} must be {len(pixels)} whole numbers or words, one a picture, but is {values.dtype} of "
            f"shape {values.shape}."
        )
    classes, labels = np.unique(values, return_inverse=True)
    return ImageSet(pixels, labels.astype(np.int64), tuple(str(value) for value in classes), str(path))


def _load_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
        if total > MAX_BYTES:
            raise DataError(f"{path} unpacks to {total:,} bytes, more than the {MAX_BYTES:,} that are read.")
        with np.load(path, allow_pickle=False) as archive:
            return {
                key: archive[key] for key in archive.files if key in (*_IMAGE_KEYS, *_LABEL_KEYS) or len(archive.files) < 9
            }
    except DataError:
        raise
    except Exception as error:  # MemoryError too: a damaged header may promise any size
        raise DataError(f"{path} is not a readable .npz file of number arrays: save it anew with numpy.savez.") from error


# --- size and channels ------------------------------------------------------------------------------------------------


def _finished(found: ImageSet, size: int | None, channels: int | None) -> ImageSet:
    pixels = found.pixels
    if channels is not None and channels != pixels.shape[3]:
        pixels = np.stack([read_picture(picture, channels) for picture in pixels])
    if size is not None and pixels.shape[1:3] != (size, size):
        pixels = np.stack([_sized(picture, size) for picture in pixels])
    return found if pixels is found.pixels else ImageSet(pixels, found.labels, found.classes, found.name)


def _sized(picture: np.ndarray, size: int | None) -> np.ndarray:
    """The centre square of uint8 [H, W, C], resized; without a size the picture itself."""
    if size is None or picture.shape[:2] == (size, size):
        return picture
    height, width, channels = picture.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    kernel = Image.Resampling.LANCZOS if side > size else Image.Resampling.BICUBIC
    image = Image.fromarray(square[:, :, 0] if channels == 1 else square).resize((size, size), kernel)
    return np.asarray(image).reshape(size, size, channels)


def _show(picture: np.ndarray) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"
