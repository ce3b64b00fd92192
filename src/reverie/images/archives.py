"""Archives of arrays, .npz: which are the pictures, which their labels, and what is said of the rest.

    images, x, pixels, ...               pictures; where nothing is called so, the array of three axes or more
    labels, y, targets, classes, ...     of each picture a whole number or a word, [N] or [N, 1], or of [N, K] one 1 a row
    class_names, label_names, ...        words that the numbers count through
    x_train, train_images, y_test, ...   the same of a part: train is read, and others are left out

Only headers are read to choose, and only what was chosen is loaded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reverie.errors import DataError
from reverie.images.arrays import Header, batch, headers, load
from reverie.images.image_set import ImageSet
from reverie.images.labels import LABELS, classes_of, first
from reverie.images.splits import left_out, listed, rest_of, split_of, training, unused

__all__ = ["read_npz"]

_IMAGES = ("images", "image", "imgs", "img", "x", "pixels", "pictures", "data")
_NAMES = ("class_names", "label_names", "target_names", "category_names", "names", "fine_label_names", "coarse_label_names")
_LEVELS = ("fine", "coarse")
_UNNAMED = {"arr_0": "images", "arr_1": "labels"}  # what numpy calls arrays that were given no names


def read_npz(path: Path) -> ImageSet:
    """The pictures of an archive and their classes.

    Raises DataError where it cannot be told which pictures are meant, and for labels that do not fit them.
    """
    heads = headers(path)
    images = _images(path, heads)
    pixels = batch(load(path, images), f"{path} ({images})", channels_first=False)
    split, rows = split_of(images), len(pixels)
    labels = _labels(path, {key: head for key, head in heads.items() if split_of(key) == split}, rows)
    if labels is None:  # pictures and labels may differ in whether they name the part
        other = None if split else "train"
        fitting = {k: head for k, head in heads.items() if split_of(k) == other and head.shape[:1] == (rows,)}
        labels = _labels(path, fitting, rows)
    if labels is None:
        return ImageSet(pixels, name=str(path), notes=_notes(heads, rows, images))
    values = _values(load(path, labels), rows, f"{path}: {labels}")
    names = _names(heads, labels, rows) if values.dtype.kind in "iu" else None
    words = () if names is None else tuple(map(str, load(path, names)))
    numbers, classes = classes_of(values, f"{path} ({labels})", words)
    return ImageSet(pixels, numbers, classes, str(path), _notes(heads, rows, images, labels, names))


def _called(key: str) -> str:
    return _UNNAMED.get(key, rest_of(key))


def _images(path: Path, heads: dict[str, Header]) -> str:
    """The array of the pictures to train on: by its name, else by its shape."""
    shaped = [key for key, head in heads.items() if head.numbers and len(head.shape) >= 3 and rest_of(key) not in LABELS]
    named = [key for key in heads if _called(key) in _IMAGES or (_called(key) == "" and key in shaped)]
    if len(named) > 1:
        named = [key for key in named if key in shaped] or named
    candidates = shaped if not named or (named == ["arr_0"] and shaped) else named
    if not candidates:
        raise DataError(f"{path} holds {', '.join(heads) or 'nothing'}, but no pictures: save them under the name images.")
    candidates = training(
        str(path), {key: split_of(key) for key in candidates}, "save the one to train on under the name train_images"
    )
    if len(candidates) > 1:
        raise DataError(
            f"{path} holds several arrays of pictures, {listed(candidates)}: save the one to train on to a file of its own."
        )
    return candidates[0]


def _labels(path: Path, heads: dict[str, Header], rows: int) -> str | None:
    """The array of labels, one a picture, of those that are called so."""
    called = [key for key in heads if _called(key) in LABELS and not _is_names(heads[key], rows)]
    fitting = [key for key in called if heads[key].shape[:1] == (rows,)]
    if called and not fitting:
        raise _misfit(f"{path}: {called[0]}", heads[called[0]], rows)
    return first(fitting, _called)


def _values(array: np.ndarray, rows: int, what: str) -> np.ndarray:
    """One whole number or word a picture, [N]. Raises DataError for anything else, and where a row is of several classes."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "biuf":
        if (wrong := (np.isin(array, (0, 1)).all(1) & (array.sum(1) == 1)) == 0).any():
            raise DataError(
                f"{what} is of shape {array.shape}, but row {int(wrong.argmax()) + 1} is not a single 1 among zeros: give "
                "each picture one class, or leave it out."
            )
        return array.argmax(1)
    if array.shape != (rows,) or array.dtype.kind not in "iuU":
        raise _misfit(what, array, rows)
    return array


def _misfit(what: str, array: Header | np.ndarray, rows: int) -> DataError:
    return DataError(
        f"{what} must be {rows} whole numbers or words, one a picture, but is {array.dtype} of shape {array.shape}."
    )


def _is_names(head: Header, rows: int) -> bool:
    """Whether an array that is called as labels are holds the names of classes: classes beside labels, say."""
    return head.words and head.shape != (rows,)


def _names(heads: dict[str, Header], labels: str, rows: int) -> str | None:
    """The array of the names of the classes that `labels` counts, if there is one."""
    level = [word for word in _LEVELS if word in labels]
    return next(
        (
            key
            for key, head in heads.items()
            if ((_called(key) in _NAMES and head.words) or (_called(key) in LABELS and _is_names(head, rows)))
            and [word for word in _LEVELS if word in key] in ([], level)
        ),
        None,
    )


def _notes(heads: dict[str, Header], rows: int, *used: str | None) -> tuple[str, ...]:
    """What is not read, and why."""
    rest = [key for key in heads if key not in used]
    others = [key for key in rest if split_of(key) not in (None, "train", split_of(str(used[0])))]
    notes = left_out(others, "to read others, save them to a file of their own")
    if strange := [key for key in rest if key not in others]:
        notes += unused("of the archive", strange, used[1] if len(used) > 1 else None, "labels and y")
    return notes
