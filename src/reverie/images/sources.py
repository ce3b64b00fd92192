"""Sets of pictures, from wherever they are: bundled digits, a folder, an array, a file.

All become uint8 [N, H, W, C] with, where the source has them, labels [N] that index its class names. A set has one size:
pictures that differ are refused unless `size` says what to bring them to.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reverie.errors import DataError, UsageError
from reverie.images import bundled, idx, splits
from reverie.images.archives import read_npz
from reverie.images.arrays import batch, read_npy
from reverie.images.gather import Many, gathered
from reverie.images.image_set import ImageSet
from reverie.images.labels import classes_of
from reverie.images.pictures import SUFFIXES, check_channels, read_picture
from reverie.images.sizing import Fit, Size, check_size, resized

__all__ = ["ImageSet", "read_images", "reads_in"]


def read_images(
    source: Any,
    size: Size | None = None,
    channels: int | None = None,
    fit: Fit = "crop",
    *,
    classes: Sequence[str] | None = None,
    cache: Path | str | None = None,
) -> ImageSet:
    """A set of pictures from a source.

    Args:
        source: "digits" (1,797 handwritten digits of 8 x 8 that ship with scikit-learn); a folder of pictures, whose
            sub-folders, if they hold the pictures, are the classes; IDX files as of MNIST: one of pictures, or a folder of
            them; a .parquet file with the bytes of a picture in each row, or a folder of them; an .npy file; an .npz file
            with the pictures under a name such as images or x, and maybe labels under one such as labels or y; of folders
            and archives that are cut into parts, those called train; one picture file; a numpy array [N, H, W, C],
            [N, C, H, W], [N, H, W], or [H, W] and [H, W, 3] for one picture; a torch tensor likewise; an ImageSet.
        size: each picture becomes a square of this side, or (height, width).
        channels: 1 (grey) or 3 (colour); by default 3 if any picture has colour.
        fit: how a picture is brought to the size: "crop" to the largest centred part of that shape, "pad" with white, or
            "stretch".
        classes: names for the classes, in the order of their numbers or words; for files that only number them.
        cache: a folder to keep the decoded pictures of a folder or of Parquet files in; read again, they are mapped into
            memory, so the set may be larger than that.

    Raises DataError with one sentence for what cannot be read; nothing is skipped silently but hidden files and files of
    other suffixes in a folder, for the notes of the set say what was left out.
    """
    check_channels(channels)
    bring = Bring(check_size(size, fit), fit, channels)
    pictures = _read(source, bring, None if cache is None else Path(cache))
    if isinstance(source, str | Path) and source != "digits":
        pictures = replace(pictures, path=Path(source).resolve())
    return pictures if classes is None else _renamed(pictures, tuple(classes))


@dataclass(frozen=True)
class Bring:
    """What pictures are brought to."""

    size: tuple[int, int] | None
    fit: Fit
    channels: int | None

    def __call__(self, pictures: ImageSet) -> ImageSet:
        pixels = pictures.pixels
        if self.channels is not None and self.channels != pixels.shape[3]:
            pixels = np.stack([read_picture(picture, self.channels) for picture in pixels])
        if self.size is not None and pixels.shape[1:3] != self.size:
            pixels = np.stack([resized(picture, self.size, self.fit) for picture in pixels])
        return pictures if pixels is pictures.pixels else replace(pictures, pixels=pixels)


def _read(source: Any, bring: Bring, cache: Path | None) -> ImageSet:
    if isinstance(source, ImageSet):
        return bring(source)
    if isinstance(source, str | Path):
        return _from_path(source, bring, cache)
    if isinstance(source, Image.Image | bytes):
        return bring(ImageSet(read_picture(source)[None], name="the picture"))
    tensor = hasattr(source, "detach")
    array = source.detach().cpu().numpy() if tensor else source
    if not isinstance(array, np.ndarray):
        raise UsageError(f"pictures come from a path, an array, a tensor or 'digits', not {type(source).__name__}.")
    name = "the tensor" if tensor else "the array"
    return bring(ImageSet(batch(array, name, channels_first=tensor), name=name))


def _from_path(source: str | Path, bring: Bring, cache: Path | None) -> ImageSet:
    if source == "digits":
        return bring(_digits())
    path = Path(source)
    if path.is_dir():
        return _folder(path, bring, cache)
    if not path.exists():
        raise DataError(
            f"{source} does not exist: give a folder, a picture, an .npy, .npz, IDX or .parquet file, or the word digits."
        )
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(str(path), [path], bring, cache, path.parent)
    reader = idx.read if idx.is_idx(path) else {".npy": read_npy, ".npz": read_npz}.get(suffix, _picture)
    return bring(reader(path))


def _picture(path: Path) -> ImageSet:
    return ImageSet(read_picture(path)[None], name=str(path))


def _renamed(pictures: ImageSet, classes: tuple[str, ...]) -> ImageSet:
    if len(classes) != len(pictures.classes) or len(set(classes)) < len(classes):
        raise UsageError(
            f"{pictures.name} has {len(pictures.classes) or 'no'} classes, so they cannot be given the {len(classes)} names "
            f"{', '.join(classes)}: give each a name of its own."
        )
    return replace(pictures, classes=classes)


def _digits() -> ImageSet:
    pixels, labels = bundled.digits()
    return ImageSet(pixels.copy(), labels.copy(), tuple(str(digit) for digit in range(10)), "digits")


# --- folders ----------------------------------------------------------------------------------------------------------


def _folder(folder: Path, bring: Bring, cache: Path | None) -> ImageSet:
    paths, tables = _files(folder, SUFFIXES), _files(folder, (".parquet",))
    if paths and tables and (table := _first_of_pictures(tables)):
        raise DataError(
            f"{folder} holds picture files ({paths[0].relative_to(folder)}) and pictures in Parquet files "
            f"({table.relative_to(folder)}): give the folder of those that you mean."
        )
    if not paths and (idx_files := idx.pictures_in(folder)):
        pictures = idx.read(idx_files[0])
        return bring(replace(pictures, name=str(folder), notes=(*idx_files[1], *pictures.notes)))
    if not paths and tables:
        return _parquets(folder, tables, bring, cache)
    if not paths:
        raise DataError(f"{folder} holds no pictures: looked for {', '.join(SUFFIXES)} in it and its sub-folders.")
    paths, owners, notes = _owned(folder, paths)
    if None in owners and any(owners):
        beside, inside = paths[owners.index(None)], next(path for path, owner in zip(paths, owners, strict=True) if owner)
        raise DataError(
            f"{folder} holds pictures beside its sub-folders ({beside.relative_to(folder)}) and inside them "
            f"({inside.relative_to(folder)}): put all in sub-folders, which are then the classes, or none."
        )
    many = Many(str(folder), len(paths), tuple(paths), lambda: ((str(path), path) for path in paths))
    pixels = gathered(many, bring.size, bring.fit, bring.channels, cache)
    labels, classes = classes_of(np.array(owners), str(folder)) if any(owners) else (None, ())
    return ImageSet(pixels, labels, classes, str(folder), notes)


def _owned(folder: Path, paths: list[Path]) -> tuple[list[Path], list[str | None], tuple[str, ...]]:
    """The pictures to train on, the sub-folder that each is of, its class, and notes on what is left out."""
    folders, notes = [path.relative_to(folder).parts[:-1] for path in paths], ()
    while (level := splits.level_of(folders)) is not None:
        parts = {names[level]: splits.split_of(names[level]) for names in folders}
        train = splits.training(str(folder), parts, "give the folder of the one to train on")
        notes += splits.left_out(sorted(set(parts) - set(train)), "to read others, give their folder")
        kept = [(path, names) for path, names in zip(paths, folders, strict=True) if names[level] in train]
        above = len({names[:level] for _, names in kept}) > 1  # classes that are cut, each of them
        paths = [path for path, _ in kept]
        folders = [(names[:level] if above else ()) + names[level + 1 :] for _, names in kept]
    return paths, [names[0] if names else None for names in folders], notes


def _parquets(folder: Path, tables: list[Path], bring: Bring, cache: Path | None) -> ImageSet:
    """The Parquet files of one set below a folder: of one that is cut into parts those called train."""
    paths = {str(path.relative_to(folder)): path for path in tables}
    parts = {name: splits.of_file(path.relative_to(folder)) for name, path in paths.items()}
    train = splits.training(str(folder), parts, "give the file to train on")
    places = {tuple(part for part in Path(name).parts[:-1] if splits.split_of(part) is None): name for name in train}
    if len(places) > 1:
        raise DataError(
            f"{folder} holds several sets, one with {splits.listed(sorted(places.values()))}: give the folder of one."
        )
    notes = splits.left_out([name for name in paths if name not in train], "to read another, give that file")
    return _parquet(str(folder), [paths[name] for name in train], bring, cache, folder, notes)


def _first_of_pictures(tables: list[Path]) -> Path | None:
    from reverie.images.parquet import holds_pictures

    return next(filter(holds_pictures, tables), None)


def _parquet(
    name: str,
    paths: Sequence[Path],
    bring: Bring,
    cache: Path | None,
    folder: Path,
    notes: tuple[str, ...] = (),
) -> ImageSet:
    from reverie.images import parquet

    count = sum(map(parquet.rows_of, paths))
    many = Many(name, count, tuple(paths), lambda: itertools.chain.from_iterable(map(parquet.contents, paths)))
    pixels = gathered(many, bring.size, bring.fit, bring.channels, cache)
    labels, classes = parquet.labels_of(paths, folder) or (None, ())
    return ImageSet(pixels, labels, classes, name, (*notes, *parquet.notes_of(paths[0])))


def reads_in(folder: Path, stored: bool = True) -> bool:
    """Whether a folder has, in it or below, files of the kinds that pictures are read from, Parquet among them or not."""
    suffixes = (*SUFFIXES, ".npy", ".npz", *((".parquet",) * stored))
    return bool(_files(folder, suffixes)) or any(map(idx.is_idx, folder.iterdir()))


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Every file of these suffixes below the folder, sorted by its path; hidden names and linked folders are passed over."""
    paths = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [Path(place, name) for name in files if not name.startswith(".") and name.lower().endswith(suffixes)]
    return sorted(paths, key=lambda path: path.relative_to(folder).parts)
