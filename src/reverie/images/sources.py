"""Sets of pictures, from wherever they are: bundled digits, a folder, an archive, arrays, a data set, a file.

All become uint8 (or uint16, if 16 bits are asked for) [N, H, W, C] with, where the source has them, labels [N] that index
its class names. A set has one size: pictures that differ are refused unless `size` says what to bring them to.

    in memory      an array (layouts), a dict of arrays (archives), a list or a data set (objects)
    a file         one picture (pictures), .npy, .npz and .safetensors (arrays), IDX (idx), Parquet (parquet)
    files          a folder, .zip, .tar (trees), and what their names say (folders, beside, splits)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from reverie.errors import DataError, UsageError
from reverie.files import likely
from reverie.images import bundled, idx, splits
from reverie.images.archives import read_named
from reverie.images.arrays import Named, as_array, batch, is_array, is_listed, read_npy
from reverie.images.bring import Bring
from reverie.images.folders import holds_arrays, read_tree
from reverie.images.gather import Many, gathered
from reverie.images.image_set import ImageSet
from reverie.images.objects import is_many, read_many
from reverie.images.pictures import SUFFIXES
from reverie.images.sizing import Fit, Pad, Size
from reverie.images.trees import Tree, hinted, is_archive, on_disk, opened, passed_over, told_links
from reverie.images.unread import hint_of
from reverie.modality import ARCHIVES, ARRAYS

__all__ = ["ImageSet", "read_images", "reads_in", "with_conditions"]


def read_images(
    source: Any,
    size: Size | None = None,
    channels: int | None = None,
    fit: Fit = "crop",
    *,
    classes: Sequence[str] | None = None,
    cache: Path | str | None = None,
    pad: Pad | None = None,
    bits: int | None = None,
    conditions: Any = None,
    file_column: str | None = None,
) -> ImageSet:
    """A set of pictures from a source.

    Args:
        source: "digits" (1,797 handwritten digits of 8 x 8 that ship with scikit-learn); a folder of pictures, or a .zip or
            .tar of one, whose sub-folders, if they hold the pictures, are the classes; IDX files as of MNIST: one of
            pictures, or a folder of them; a .parquet file with the bytes of a picture in each row, or a folder of them; an
            .npy file; an .npz or .safetensors file, a folder of .npy files or a dict with the pictures under a name such as
            images or x, and maybe labels under one such as labels or y; of whatever is cut into parts, those called train;
            one picture file; an array of numpy or a tensor of torch [N, H, W, C], [N, C, H, W], [N, H, W], or [H, W, C] and
            [H, W] for one picture; (pictures, labels); a list of pictures; a data set as of torch, see objects; an ImageSet.
        size: each picture becomes a square of this side, or (height, width).
        channels: 1 (grey), 3 (colour) or 4 (colour and alpha, which is laid over white otherwise); of arrays also their own
            number up to 64. By default 3 if any picture has colour.
        fit: how a picture is brought to the size: "crop" to the largest centred part of that shape, "pad" with a colour
            around it, or "stretch".
        classes: names for the classes, in the order of their numbers or words; for files that only number them.
        cache: a folder to keep the decoded pictures of a folder, an archive or of Parquet files in; read again, they are
            mapped into memory, so the set may be larger than that.
        pad: the colour around padded pictures, "white" if left out: a name, #rrggbb, or of pictures with alpha transparent.
        bits: of a channel: 8, to which deeper ones are brought if left out, or 16, uint16 in place of uint8.
        conditions: a table that tells attributes of the pictures, see conditions.read_told; classes become one of them.
        file_column: its column that names the pictures.

    Raises DataError with one sentence for what cannot be read; nothing is skipped silently but hidden files and files of
    other suffixes in a folder, for the notes of the set say what was left out.
    """
    pictures = _read(source, Bring.of(size, fit, channels, pad, bits), None if cache is None else Path(cache))
    if isinstance(source, str | Path) and source != "digits":
        pictures = replace(pictures, path=Path(source).resolve())
    pictures = pictures if classes is None else _renamed(pictures, tuple(classes))
    if conditions is not None:
        return with_conditions(pictures, conditions, file_column)
    if file_column is not None:
        raise UsageError("`file_column` is a column of the table `conditions`: give that too, or leave it out.")
    return pictures


def _read(source: Any, bring: Bring, cache: Path | None) -> ImageSet:
    if isinstance(source, ImageSet):
        return bring(source)
    if isinstance(source, str | Path):
        return _from_path(source, bring, cache)
    if isinstance(source, Image.Image | bytes | bytearray):
        return bring.alone(bytes(source) if isinstance(source, bytearray) else source, "the picture")
    if hasattr(source, "read"):
        raise UsageError(
            f"pictures are not read from a {type(source).__name__}: give its path, or its content, file.read()."
        )
    if hasattr(source, "columns") and hasattr(source, "shape"):
        raise UsageError(
            f"a {type(source).__name__} is a table: give a list of the pictures or paths in its column, or, for what it "
            "tells of pictures, those and it as `conditions`."
        )
    if is_listed(source):
        return _read(list(source), bring, cache)
    if is_array(source):
        name = "the tensor" if hasattr(source, "detach") else "the array"
        array, channels_first = as_array(source, name)
        pixels, notes = batch(array, name, channels_first, bring)
        return bring.array(ImageSet(pixels, name=name, notes=notes))
    if is_many(source):
        return read_many(source, bring)
    raise UsageError(
        f"pictures come from a path, an array, a tensor, a list, a data set or 'digits', not {type(source).__name__}."
    )


def _from_path(source: str | Path, bring: Bring, cache: Path | None) -> ImageSet:
    if source == "digits":
        return bring(_digits())
    if not str(source).strip():
        raise UsageError("no source is named: give a folder, a file, or the word digits.")
    if "://" in str(source):
        raise UsageError(f"{source} is an address, and nothing is fetched: download it, and give the file.")
    path = Path(source)
    if path.is_dir():
        return _folder(path, bring, cache)
    if not path.exists():
        if any(mark in path.name for mark in "*?{["):
            raise DataError(f"{source} is a pattern, and none is looked for: give the folder that the files are in.")
        meant = likely(path, ("digits",))
        raise DataError(
            f"{source} does not exist: {f'did you mean {meant}? Or ' if meant else ''}give a folder, a picture, an .npy, "
            ".npz, .safetensors, .zip, .tar, IDX or .parquet file, or the word digits."
        )
    if path.suffix.lower() == ".parquet":
        return _parquet(str(path), [path], bring, cache, path.parent)
    if is_archive(path):
        return _archives([path], str(path), bring, cache)
    if idx.is_idx(path):
        return idx.read(path, bring)
    return _arrays(path, bring) if path.suffix.lower() in ARRAYS else _picture(path, bring)


def _arrays(path: Path, bring: Bring) -> ImageSet:
    """The pictures of a file of arrays."""
    match path.suffix.lower():
        case ".npy":
            return read_npy(path, bring)
        case ".npz":
            return read_named(Named.npz(path), bring)
    return read_named(Named.safetensors(path), bring)


def _picture(path: Path, bring: Bring) -> ImageSet:
    """One picture, told by its content; what is none and is called as another kind of file gets a remedy for that kind."""
    try:
        return bring.alone(path, str(path))
    except DataError as error:
        if (hint := hint_of(path)) is None or not path.stat().st_size:
            raise
        raise DataError(f"{path} is {hint}.") from error


def _renamed(pictures: ImageSet, classes: tuple[str, ...]) -> ImageSet:
    classes = tuple(str(name).strip() for name in classes)
    if len(classes) != len(pictures.classes) or len(set(classes)) < len(classes) or "" in classes:
        raise UsageError(
            f"{pictures.name} has {len(pictures.classes) or 'no'} classes, so they cannot be given the {len(classes)} names "
            f"{', '.join(classes)}: give each a name of its own."
        )
    return replace(pictures, classes=classes)


def with_conditions(pictures: ImageSet, table: Any, file_column: str | None = None) -> ImageSet:
    """The pictures with what a table tells of them; raises as conditions.read_told does."""
    from reverie.images.conditions import read_told

    root = Path(pictures.name).name.partition(".")[0]
    told = read_told(table, pictures.files, len(pictures), root, file_column)
    if pictures.labels is not None and len(pictures.classes) > 1:
        told = told.with_classes(pictures.labels, pictures.classes)
    return replace(pictures, told=told)


def _digits() -> ImageSet:
    pixels, labels = bundled.digits()
    return ImageSet(pixels.copy(), labels.copy(), tuple(str(digit) for digit in range(10)), "digits")


# --- folders ----------------------------------------------------------------------------------------------------------


def _folder(folder: Path, bring: Bring, cache: Path | None) -> ImageSet:
    """The pictures of a folder, in whatever form they are there; of several forms the first that follows."""
    tree = on_disk(folder)
    read = _in_folder(folder, tree, bring, cache)
    return replace(read, notes=(*read.notes, *told_links(tree.links))) if tree.links else read


def _in_folder(folder: Path, tree: Tree, bring: Bring, cache: Path | None) -> ImageSet:
    pictures, tables = tree.of(SUFFIXES), [folder / file.path for file in tree.of((".parquet",))]
    if pictures and tables and (table := _first_of_pictures(tables)):
        raise DataError(
            f"{folder} holds picture files ({pictures[0].path}) and pictures in Parquet files "
            f"({table.relative_to(folder)}): give the folder of those that you mean."
        )
    if pictures or holds_arrays(tree, bring):
        return read_tree(tree, bring, cache)
    if found := idx.pictures_in(folder, [folder / file.path for file in tree.files]):
        read = idx.read(found[0], bring)
        return replace(read, name=str(folder), notes=(*found[1], *read.notes))
    if tables:
        return _parquets(folder, tables, bring, cache)
    if archives := [folder / file.path for file in tree.of(ARCHIVES)]:
        return _of_one_set(folder, archives, lambda paths: _archives(paths, str(folder), bring, cache))
    if arrays := [folder / file.path for file in tree.of((".npz", ".safetensors"))]:
        return _of_one_set(folder, arrays, lambda paths: _one_of(folder, paths, bring))
    if arrays := [folder / file.path for file in tree.of((".npy",))]:
        if len(arrays) == 1:
            return _arrays(arrays[0], bring)
        return read_named(Named.folder(folder, arrays), bring)
    (rest,) = passed_over(file.path for file in tree.files) or ("",)
    seen = f": looked for {', '.join(SUFFIXES)} in it and its sub-folders"
    remedy = f"; {hint}" if (hint := hinted(tree)) else ": save pictures as PNG or JPEG"
    if tree.links:
        seen = f" but what may be in {splits.listed(tree.links)}, and links to folders are not followed"
        remedy = ": give the folder that is linked"
    raise DataError(f"{folder} holds no pictures{seen}{f'; {rest[:-1]}' if rest else ''}{remedy}.")


def _of_one_set(folder: Path, paths: list[Path], read: Callable[[list[Path]], ImageSet]) -> ImageSet:
    """What is read of the files of one set below a folder, of one that is cut into parts those called train."""
    names = {str(path.relative_to(folder)): path for path in paths}
    parts = {name: splits.of_file(Path(name)) for name in names}
    train = splits.training(str(folder), parts, "give the file to train on")
    notes = splits.left_out([name for name in names if name not in train], "to read another, give that file")
    pictures = read([names[name] for name in train])
    return replace(pictures, name=str(folder), notes=(*notes, *pictures.notes))


def _one_of(folder: Path, paths: list[Path], bring: Bring) -> ImageSet:
    if len(paths) > 1:
        names = splits.listed([str(path.relative_to(folder)) for path in paths])
        raise DataError(f"{folder} holds several files of arrays, {names}: give the one to train on.")
    return _arrays(paths[0], bring)


def _archives(paths: list[Path], name: str, bring: Bring, cache: Path | None) -> ImageSet:
    """The pictures of an archive, or of the shards of one set, which are called alike but for their numbers."""
    if len({"".join(c for c in path.name if not c.isdigit()) for path in paths}) > 1:
        raise DataError(f"{name} holds several archives, {splits.listed([path.name for path in paths])}: give one of them.")
    with opened(paths, name) as tree:
        if not tree.of(SUFFIXES) and not holds_arrays(tree, bring):
            rest = " ".join((*passed_over(file.path for file in tree.files), *told_links(tree.links))) or "it is empty."
            remedy = f"; {hint}" if (hint := hinted(tree)) else ": unpack what is to be read, and give the folder or file"
            raise DataError(f"{name} holds no pictures ({rest[:-1]}){remedy}.")
        read = read_tree(tree, bring, cache)
        return replace(read, notes=(*read.notes, *told_links(tree.links)))


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
    pixels, lost = gathered(many, bring, cache)
    labels, classes = parquet.labels_of(paths, folder) or (None, ())
    return ImageSet(pixels, labels, classes, name, (*notes, *parquet.notes_of(paths[0]), *lost))


def reads_in(folder: Path, stored: bool = True) -> bool:
    """Whether a folder has, in it or below, files of the kinds that pictures are read from, Parquet among them or not."""
    suffixes = (*SUFFIXES, ".npy", ".npz", *((".parquet",) * stored))
    return bool(on_disk(folder).of(suffixes)) or any(map(idx.is_idx, folder.iterdir()))
