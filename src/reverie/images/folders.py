"""Picture files in folders: which are learned from, and what the names of their folders say.

In this order: what lies beside pictures is left out (beside); parts of a set are told apart and train is read (splits);
a folder that holds all others is looked into; the folders that remain are the classes. Files FILE.cls beside FILE.png, or
FILE.json with a label in it, as webdataset has them, tell the classes before the folders do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from reverie.errors import DataError
from reverie.images import splits
from reverie.images.archives import is_named
from reverie.images.array_files import NPY, are_pictures, levels_of, notes_of
from reverie.images.beside import is_of_pictures, is_plainly_of_pictures, without_masks
from reverie.images.bring import Bring
from reverie.images.gather import Many, gathered
from reverie.images.image_set import ImageSet
from reverie.images.labels import classes_of, first
from reverie.images.pairs import check_pairs, pairs_beside
from reverie.images.pictures import SUFFIXES, Picture
from reverie.images.trees import File, Tree, passed_over

__all__ = ["holds_arrays", "read_tree"]

CLASS = ".cls"
JSON = ".json"
LONGEST_CLASS = 200
"""Characters of the name of a class."""
LONGEST_JSON = 100_000


def read_tree(tree: Tree, bring: Bring, cache: Path | None) -> ImageSet:
    """The pictures of a folder or an archive that holds some. Raises DataError where it cannot be told how to read them."""
    suffixes = (*SUFFIXES, *NPY) if holds_arrays(tree, bring) else SUFFIXES
    pictures = {file.path: file for file in tree.of(suffixes)}
    paths, notes = without_masks(list(pictures))
    paths, owners, more = _owned(tree.name, paths)
    files = [pictures[path] for path in paths]
    told = _told(tree, paths)
    many = Many(tree.name, len(files), tree.places or _places(files), lambda: _each(tree, files, bring))
    pixels, lost = gathered(many, bring, cache)
    if suffixes != SUFFIXES:
        lost += notes_of(files, tree.name, bring.depth)
    if told is not None:
        labels, classes = classes_of(told[0], tree.name)
    else:
        labels, classes = classes_of(np.array(owners), tree.name) if any(owners) else (None, ())
    used = None if told is None else told[1]
    rest = [file.path for file in tree.files if file.path not in pictures and file.path.suffix.lower() != used]
    said = (*notes, *more, *pairs_beside(paths), *_alone(tree, pictures, used), *passed_over(rest), *lost)
    return ImageSet(pixels, labels, classes, tree.name, said, files=tuple(str(file.path) for file in files))


def holds_arrays(tree: Tree, bring: Bring) -> bool:
    """Whether the pictures of a tree are .npy files, each of one: there are no others, or those are masks of them."""
    arrays = {file.path: file for file in tree.of(NPY)}
    if not arrays or any(is_named(path.stem) for path in arrays):
        return False
    learned, _ = without_masks([file.path for file in tree.of((*SUFFIXES, *NPY))])
    return set(learned) <= set(arrays) and are_pictures([arrays[path] for path in learned], bring.channels)


def _each(tree: Tree, files: list[File], bring: Bring) -> Iterator[tuple[str, Picture]]:
    if files[0].path.suffix.lower() in NPY:
        yield from levels_of(files, tree.name, bring.depth)
        return
    for file in files:
        yield f"{tree.name}/{file.path}", file.read()


def _places(files: list[File]) -> tuple[Path, ...]:
    return tuple(place for file in files if isinstance(place := file.read(), Path))


def _owned(name: str, paths: list[PurePosixPath]) -> tuple[list[PurePosixPath], list[str | None], tuple[str, ...]]:
    """The pictures to train on, the folder that is the class of each, and notes on what is left out."""
    folders, notes = [path.parts[:-1] for path in paths], ()
    while (level := splits.level_of(folders)) is not None:
        parts = {names[level]: splits.split_of(names[level]) for names in folders}
        train = splits.training(name, parts, "give the folder of the one to train on")
        _check_one_set(name, train)
        notes += splits.left_out(sorted(set(parts) - set(train)), "to read others, give their folder")
        notes += splits.together(sorted(set(train)))
        notes += splits.instead(sorted(set(train)))
        kept = [(path, names) for path, names in zip(paths, folders, strict=True) if names[level] in train]
        above = len({names[:level] for _, names in kept}) > 1  # classes that are cut, each of them
        paths = [path for path, _ in kept]
        folders = [(names[:level] if above else ()) + names[level + 1 :] for _, names in kept]
    notes += check_pairs(name, paths, folders)
    folders, more = _looked_into(name, folders)
    if splits.are_pieces(pieces := sorted({names[0] for names in folders if names})) and all(folders):
        folders, more = _looked_into(name, [names[1:] for names in folders])
        more = (*splits.as_one(pieces), *more)
    _check_beside(name, paths, folders)
    _check_classes(name, sorted({names[0] for names in folders if names}))
    more += _check_below(name, folders)
    return paths, [names[0] if names else None for names in folders], (*notes, *more)


def _looked_into(name: str, folders: list[tuple[str, ...]]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The folders without those that hold all others, and without one that only says that pictures are in it."""
    outer: list[str] = []
    while len({names[:1] for names in folders}) == 1 and all(len(names) > 1 for names in folders):
        outer.append(folders[0][0])
        folders = [names[1:] for names in folders]
    if len(set(folders)) == 1 and len(folders[0]) == 1 and is_of_pictures(folders[0][0]):
        return [()] * len(folders), ()
    classes = sorted({names[0] for names in folders if names})
    if not outer or len(classes) < 2:
        return folders, ()
    note = (
        f"All pictures of {name} are in {'/'.join(outer)}, so the folders in it are the classes: {splits.listed(classes)}."
    )
    return folders, (note,)


def _check_one_set(name: str, train: list[str]) -> None:
    """Raises DataError for trainA beside trainB."""
    letters = {rest for part in train if splits.split_of(part) != "fold" and len(rest := splits.rest_of(part)) == 1}
    if len(letters) > 1:
        raise DataError(f"{name} holds several sets to train on, {splits.listed(sorted(train))}: give the folder of one.")


def _check_classes(name: str, classes: list[str]) -> None:
    """Raises DataError for images beside other folders, of which it cannot be told what they hold."""
    if len(classes) > 1 and any(map(is_plainly_of_pictures, classes)):
        raise DataError(
            f"{name} holds the folders {splits.listed(classes)}, and one that is called so is no class: give the folder to "
            "learn from."
        )


def _check_below(name: str, folders: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The note on folders below the classes, of which nothing is learned. Raises DataError where these or the classes are
    parts, and where one below is called as another class is."""
    classes = {names[0] for names in folders if names}
    below = {names[:2] for names in folders if len(names) > 1 and not is_of_pictures(names[1]) and names[1] != names[0]}
    if part := next((names[0] for names in sorted(below) if len(classes) > 1 and splits.is_part(names[0])), None):
        raise DataError(
            f"{name} holds the folders {splits.listed(sorted(classes))}, and {part} is called as a part of a set: give the "
            f"folder to learn from, or, if {part} is a class, call it class_{part}."
        )
    if twice := next((names for names in sorted(below) if names[1] in classes - {names[0]}), None):
        raise DataError(
            f"{name} holds the folders {twice[1]} and {twice[0]}/{twice[1]}, of which only one can be the class: give the "
            "folder of one of them."
        )
    if len(classes) < 2 or not below:
        return ()
    such = splits.listed(["/".join(names) for names in sorted(below)], 2)
    return (f"Folders below the classes, such as {such}, are no classes: to have them so, put them beside each other.",)


def _check_beside(name: str, paths: list[PurePosixPath], folders: list[tuple[str, ...]]) -> None:
    if all(folders) or not any(folders):
        return
    outside = next(path for path, names in zip(paths, folders, strict=True) if not names)
    inside = next(path for path, names in zip(paths, folders, strict=True) if names)
    raise DataError(
        f"{name} holds pictures beside its sub-folders ({outside}) and inside them ({inside}): put all in sub-folders, "
        "which are then the classes, or none."
    )


def _told(tree: Tree, paths: list[PurePosixPath]) -> tuple[np.ndarray, str] | None:
    """What files beside the pictures say of their classes, whole numbers or words [N], and the suffix of these files; None
    where they say nothing."""
    for suffix, read in ((CLASS, _in_text), (JSON, _in_json)):
        beside = {file.path.with_suffix(suffix): file for file in tree.files if file.path.suffix.lower() == suffix}
        names = [_beside(path, suffix) for path in paths]
        there = next((name for name in names if name in beside), None)
        if there is None or (suffix == JSON and read(beside[there].content) is None):
            continue
        if missing := [path for path, name in zip(paths, names, strict=True) if name not in beside]:
            raise DataError(
                f"{tree.name}/{missing[0]} has no {suffix} file beside it, as others have: give every picture one with its "
                "class, or none."
            )
        words = {name: read(beside[name].content) for name in dict.fromkeys(names)}
        if (wrong := next((name for name, word in words.items() if word is None), None)) is not None:
            raise DataError(f"{tree.name}/{wrong} says no class, a number or a word, as others do: mend it.")
        numbers = all(re.fullmatch(r"-?\d{1,15}(\.0*)?", word or "") for word in words.values())
        return np.array([int(float(words[name] or "")) if numbers else words[name] for name in names]), suffix
    return None


def _beside(picture: PurePosixPath, suffix: str) -> PurePosixPath:
    """The file that says the class of a picture: what stands before the first point is the sample's name."""
    return picture.with_name(picture.name.partition(".")[0] + suffix)


def _alone(tree: Tree, pictures: Iterable[PurePosixPath], suffix: str | None) -> tuple[str, ...]:
    """The note on files that say a class of which there is no picture, as in an archive that was cut."""
    if suffix is None:
        return ()
    samples = {_beside(path, suffix) for path in pictures}
    told = (file.path for file in tree.files if file.path.suffix.lower() == suffix)
    alone = [str(path) for path in told if path.with_suffix(suffix) not in samples]
    if not alone:
        return ()
    verb = "says a class and has" if len(alone) == 1 else "say classes and have"
    return (f"{splits.listed(alone, 3)} {verb} no picture beside it: passed over.",)


def _in_text(content: bytes) -> str | None:
    try:
        return content.decode().strip()[:LONGEST_CLASS] or None
    except UnicodeDecodeError:
        return None


def _in_json(content: bytes) -> str | None:
    """The class in an object {"label": 3, ...}, by any name of labels."""
    try:
        told = json.loads(content[:LONGEST_JSON])
    except (ValueError, RecursionError):
        return None
    key = first(map(str, told)) if isinstance(told, dict) else None
    value = None if key is None else told[key]
    return str(value).strip()[:LONGEST_CLASS] or None if isinstance(value, str | int) else None
