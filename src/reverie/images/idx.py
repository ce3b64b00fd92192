"""IDX files, as the MNIST data sets come: arrays of bytes behind a short header, often compressed by gzip.

    0  0  type  axes | sizes of the axes, 4 bytes each, big-endian | the numbers, the last axis running fastest

(LeCun, Cortes and Burges 1998, "The MNIST database"). Pictures have 3 axes, or 4 with channels; labels have 1 and lie in a
file beside them, of the same name with labels-idx1 in the place of images-idx3.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path, PurePath

import numpy as np

from reverie.errors import DataError
from reverie.images import splits
from reverie.images.arrays import batch
from reverie.images.bring import Bring
from reverie.images.gather import MAX_BYTES
from reverie.images.image_set import ImageSet
from reverie.images.labels import classes_of

__all__ = ["is_idx", "pictures_in", "read", "read_idx", "read_labelled"]

_NAME = re.compile(r"[-.]idx\d-ubyte(\.gz)?$")
_BYTES = 0x08


def is_idx(path: PurePath) -> bool:
    """Whether a file's name is that of an IDX file."""
    return bool(_NAME.search(path.name))


def pictures_in(folder: Path, below: Sequence[Path]) -> tuple[Path, tuple[str, ...]] | None:
    """Of the files below a folder the IDX file of pictures, of several that called train, and notes on the others; or None.

    Raises DataError where it cannot be told which one is meant.
    """
    files = sorted((path for path in below if is_idx(path) and "images" in path.name), reverse=True)
    files = {str(path.relative_to(folder)).removesuffix(".gz"): path for path in files}  # plain and packed, they are one
    if not files:
        return None
    remedy = "give the file of the one to train on"
    chosen = splits.training(str(folder), {name: splits.split_of(Path(name).name) for name in files}, remedy)
    if len(chosen) > 1:
        raise DataError(f"{folder} holds several sets of pictures, {splits.listed(sorted(chosen))}: {remedy}.")
    others = sorted(str(path.relative_to(folder)) for name, path in files.items() if name not in chosen)
    return files[chosen[0]], splits.left_out(others, "to read one, give that file")


def read(path: Path, bring: Bring) -> ImageSet:
    """The pictures of an IDX file, brought, with the labels beside it."""
    pixels, values = read_labelled(path, MAX_BYTES)
    labels, classes = (None, ()) if values is None else classes_of(values, str(path))
    pixels, _ = batch(pixels, str(path), channels_first=False, bring=bring, rows=len(pixels))
    return bring.array(ImageSet(pixels, labels, classes, str(path), notes_of(path)))


def read_labelled(path: Path, most: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The pictures [N, H, W] or [N, H, W, C] of an IDX file, and the labels [N] of the file beside it, if there is one.

    `most` bytes are read at most. Raises DataError with one sentence for what does not hold together.
    """
    pixels = read_idx(path, most)
    if pixels.ndim == 1:
        raise DataError(f"{path} holds labels, not pictures: give the file of images beside it.")
    labels = read_idx(beside, most) if (beside := _labels_of(path)) else None
    if labels is not None and labels.shape != (len(pixels),):
        raise DataError(
            f"{beside} holds {labels.size:,} labels for the {len(pixels):,} pictures of {path}: give files of one set."
        )
    return pixels, labels


def read_idx(path: Path, most: int) -> np.ndarray:
    """The uint8 array of an IDX file, plain or compressed. Nothing is allocated that its content does not fill."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] != _BYTES or not 1 <= head[3] <= 4:
                raise DataError(
                    f"{path} is not an IDX file of bytes: its first four bytes are {head.hex(' ') or 'missing'}."
                )
            sizes = file.read(4 * head[3])
            shape = struct.unpack(f">{head[3]}I", sizes) if len(sizes) == 4 * head[3] else ()
            count = prod(shape)
            if count > most:
                raise DataError(f"{path} promises {count:,} bytes, more than the {most:,} that are read.")
            content = file.read(count + 1) if shape else b""
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or cut short and cannot be read ({error}): fetch it again.") from error
    if not count or len(content) != count:
        raise DataError(
            f"{path} promises {count:,} bytes by its header and holds {'more' if len(content) > count else len(content)}: "
            "it is damaged or cut short, so fetch it again."
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def notes_of(path: Path) -> tuple[str, ...]:
    """Which files of labels lie beside an IDX file of pictures and are not read, where none is."""
    if _labels_of(path):
        return ()
    split = splits.split_of(path.name)
    others = sorted(p.name for p in path.parent.iterdir() if "labels" in p.name and splits.split_of(p.name) == split)
    why = "labels are bytes in a file named as that of the pictures, with labels-idx1 for images-idx3"
    return (f"Not used: {splits.listed(others)} ({why}).",) if others else ()


def _labels_of(path: Path) -> Path | None:
    name = re.sub(r"idx\d", "idx1", path.name.replace("images", "labels")).removesuffix(".gz")
    if name == path.name.removesuffix(".gz"):
        return None
    return next((other for other in (path.with_name(name), path.with_name(f"{name}.gz")) if other.is_file()), None)
