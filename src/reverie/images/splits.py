"""The parts that a published set of pictures is cut into, read off the names of its folders, files and arrays.

What is called train is learned from; what is called validation or test is kept from training, and said to be. The folds
of a cross-validation are all learned from where nothing is called train.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from reverie.errors import DataError

__all__ = [
    "are_pieces",
    "as_one",
    "instead",
    "is_part",
    "left_out",
    "level_of",
    "listed",
    "of_file",
    "rest_of",
    "split_of",
    "together",
    "training",
    "unused",
    "words_of",
]

_SPLITS = {
    "train": ("train", "training", "trainval", "tr"),
    "validation": ("val", "valid", "validation", "dev", "eval"),
    "test": ("test", "testing", "t10k", "ts", "holdout", "unlabeled", "unlabelled"),
    "fold": ("fold",),
}
_SPLIT_OF = {word: split for split, words in _SPLITS.items() for word in words}
_WORD = re.compile(rf"([xy]?)({'|'.join(_SPLIT_OF)})([xy]?)")  # Xtrain, ytrain
_FILLERS = {"set", "orig", "split"}
_OF_FOLDERS = {*_FILLERS, "images", "imgs", "pictures", "data"}
_PIECES = {"images", "imgs", "part", "batch", "chunk", "shard"}
_NUMBERED = re.compile(r"\d")


def split_of(name: str) -> str | None:
    """train, validation, test or fold: the part that a name such as x_train, imagesTr or t10k-images speaks of; or None."""
    return next((_SPLIT_OF[match[2]] for word in words_of(name) if (match := _WORD.fullmatch(word))), None)


def rest_of(name: str) -> str:
    """What a name says besides: of train_images and imagesTrain "images", of Xtrain "x", of train ""."""
    rest = [word if not (match := _WORD.fullmatch(word)) else match[1] + match[3] for word in words_of(name)]
    return "_".join(word for word in rest if word and word not in _FILLERS)


def of_file(path: PurePath) -> str | None:
    """The part that a file is of: by its name, or by the folders above it, the nearest first."""
    return next(filter(None, map(split_of, reversed(path.parts))), None)


def level_of(folders: Sequence[tuple[str, ...]]) -> int | None:
    """The depth at which folders are parts of a set and no classes: train beside another, or nothing but parts; or None.

    A word of a longer name is none here, for classes may be called train_station and test_tube; but where train and another
    part say the same besides, as seg_train and seg_test do, they are parts.
    """
    for depth in range(min(map(len, folders), default=0)):
        names = {folder[depth] for folder in folders}
        splits = {split_of(name) if is_part(name) else None for name in names}
        if None not in splits or {"train"} < splits - {None} or _say_the_same(names):
            return depth
    return None


def _say_the_same(names: set[str]) -> bool:
    """Whether some are called alike but for the part, of which one is train."""
    parts: dict[str, set[str]] = {}
    for name in names:
        if split := split_of(name):
            parts.setdefault(rest_of(name), set()).add(split)
    return any({"train"} < splits for splits in parts.values())


def training(name: str, splits: dict[str, str | None], remedy: str) -> list[str]:
    """Of things that are each of a part, those to train on: of train; else of no part; else all, if they are of one.

    Raises DataError, with the remedy, where none is for training and several parts are there.
    """
    for wanted in ("train", None):
        if wanted in splits.values():
            return [thing for thing, split in splits.items() if split == wanted]
    if len(set(splits.values())) > 1:
        raise DataError(f"{name} holds {listed(sorted(splits))}, of which none is called train: {remedy}.")
    return list(splits)


def left_out(others: Sequence[str], remedy: str) -> tuple[str, ...]:
    """The note on what is kept from training, if anything is."""
    are = "is" if len(others) == 1 else "are"
    return (f"{listed(others)} {are} left out, for training takes only what is called train: {remedy}.",) if others else ()


def together(parts: Sequence[str]) -> tuple[str, ...]:
    """The note on folds that are read as one set, if several are."""
    folds = [part for part in parts if split_of(part) == "fold"]
    return (f"{listed(sorted(folds))} are read as one set: to train on some, give their folder.",) if len(folds) > 1 else ()


def instead(parts: Sequence[str]) -> tuple[str, ...]:
    """The note on a part that is read though it is not for training, for nothing else is there."""
    if len(parts) != 1 or split_of(parts[0]) in ("train", "fold", None):
        return ()
    return (f"{parts[0]} is read, for nothing is called train: to read another part, give its folder or file.",)


def are_pieces(folders: Sequence[str]) -> bool:
    """Whether folders are called alike but for their numbers, as pieces of one set: images_part_1 and images_part_2."""
    words = [[word for word in words_of(folder) if not word.isdigit()] for folder in folders]
    alike = len(folders) > 1 and all(one == words[0] for one in words) and all(map(_NUMBERED.search, folders))
    return alike and bool(_PIECES & {*words[0]}) and "class" not in words[0]


def as_one(pieces: Sequence[str]) -> tuple[str, ...]:
    """The note on pieces that are read as one set."""
    return (
        f"{listed(pieces)} are read as one set: to train on one, give its folder; if they are classes, call them "
        f"class_{pieces[0]}, and so on.",
    )


def unused(what: str, rest: Sequence[str], labels: str | None, names: str) -> tuple[str, ...]:
    """The note on what is not read, if anything is: `labels` are where they were found, `names` how they could be called."""
    why = f"labels are looked for under names such as {names}" if labels is None else f"the labels are read from {labels}"
    return (f"Not used {what}: {listed(rest)} ({why}).",) if rest else ()


def listed(names: Sequence[str], most: int = 6) -> str:
    """The names in a sentence, the first few where they are many."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def is_part(name: str) -> bool:
    """Whether a folder's name speaks of a part and of nothing else but that, a number or a letter, as of trainA."""
    words = words_of(name)
    plain = (_WORD.fullmatch(word) or word in _OF_FOLDERS or word.isdigit() or len(word) == 1 for word in words)
    return split_of(name) is not None and all(plain)


def words_of(name: str) -> list[str]:
    """The words of a name, in small letters: of trainImages_2 train, images and 2."""
    return re.findall(r"t10k|[a-z]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
