"""The classes of pictures: what they are called where data are kept, and labels that index them.

    [N]        whole numbers (also those kept as floats, booleans or objects) or words
    [N, 1]     the same
    [N, K]     a single 1 in each row, 0 elsewhere; also [N, 1, K]

Whatever else is found (a share of a class, no number, several classes) is no class, and refused with its row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from reverie.errors import DataError

__all__ = ["LABELS", "classes_of", "first", "misfit", "one_a_picture"]

LABELS = (
    *("label", "labels", "class", "classes", "target", "targets", "category", "categories", "y"),
    *("fine_label", "fine_labels", "coarse_label", "coarse_labels"),
)
"""Names of arrays and columns of labels, in small or capital letters; the first one that is there is taken."""

_NUMBER = re.compile(r"-?\d{1,18}")

REMEDY = "give each picture one class, or leave it out"


class _Shaped(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype: ...


def first(names: Iterable[str], called: Callable[[str], str] = str.lower) -> str | None:
    """Of names the one of the labels to take, if any is called as labels are."""
    fits = [name for name in names if called(name) in LABELS]
    return min(fits, key=lambda name: LABELS.index(called(name)), default=None)


def one_a_picture(array: np.ndarray, rows: int, what: str) -> np.ndarray:
    """The class of each of `rows` pictures, as whole numbers or words [N]; see above for what is taken.

    Raises DataError for anything else, naming `what` and its row.
    """
    while array.ndim > 1 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim == 3 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind == "O" and array.shape == (rows,):
        array = _of_objects(array, what)
    if array.ndim == 2 and len(array) == rows and array.dtype.kind in "biuf":
        if (wrong := (np.isin(array, (0, 1)).all(1) & (array.sum(1) == 1)) == 0).any():
            raise DataError(
                f"{what} is of shape {array.shape}, but row {int(wrong.argmax()) + 1} is not a single 1 among zeros: "
                f"{REMEDY}."
            )
        return array.argmax(1)
    if array.shape != (rows,) or array.dtype.kind not in "biufSU":
        raise misfit(what, array, rows)
    match array.dtype.kind:
        case "f":
            return _whole(array, what)
        case "S":
            return _words(np.char.decode(array, "utf-8", "replace"), what)
        case "U":
            return _words(array, what)
        case "b":
            return array.astype(np.int64)
    return array


def _of_objects(array: np.ndarray, what: str) -> np.ndarray:
    """Objects of Python, such as those of a column of pandas, as an array of the one kind that all are."""
    words = [isinstance(value, str | bytes) for value in array]
    kinds = np.array(array.tolist()) if len(set(words)) == 1 else array
    if kinds.shape == array.shape and kinds.dtype.kind in "biufSU":
        return kinds
    row = next((i for i, value in enumerate(array) if value is None or value != value), None)
    if row is None and len(set(words)) > 1:
        row = words.index(not words[0])
    if row is None:
        return array
    raise _no_class(what, array[row], row)


def _words(array: np.ndarray, what: str) -> np.ndarray:
    if (wrong := np.char.strip(array) == "").any():
        raise _no_class(what, "empty", int(wrong.argmax()))
    return array


def _no_class(what: str, value: object, row: int) -> DataError:
    return DataError(
        f"{what} is {value} in row {row + 1}, which is no class: classes are whole numbers or words, so {REMEDY}."
    )


def _whole(array: np.ndarray, what: str) -> np.ndarray:
    """Floats that are whole numbers, as such."""
    array = array.astype(np.float64)
    with np.errstate(invalid="ignore"):
        wrong = ~np.isfinite(array) | (array != np.rint(array)) | (np.abs(array) > 2**53)
    if wrong.any():
        row = int(wrong.argmax())
        raise _no_class(what, f"{array[row]:g}", row)
    return array.astype(np.int64)


def misfit(what: str, array: _Shaped, rows: int) -> DataError:
    """The error of labels that do not fit the pictures."""
    return DataError(
        f"{what} must be {rows} whole numbers or words, one a picture, but is {array.dtype} of shape {array.shape}: save "
        "labels of shape [N], or leave them out."
    )


def classes_of(values: np.ndarray, what: str, names: tuple[str, ...] = ()) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels int64 [N] of whole numbers or words [N], and the classes that they index: the values that occur, in their order
    (that of numbers where all words are such, as folders 2 and 10 are).

    Numbers may count through `names`, which are then the classes; names that several classes share get their numbers.
    Raises DataError, naming `what` was read, for a number that has no name.
    """
    distinct, labels = np.unique(values, return_inverse=True)
    if distinct.dtype.kind == "U" and all(map(_NUMBER.fullmatch, distinct)):
        order = sorted(range(len(distinct)), key=lambda i: int(distinct[i]))
        distinct, labels = distinct[order], np.argsort(order)[labels]
    if names and values.dtype.kind in "iu":
        if (wrong := distinct[(distinct < 0) | (distinct >= len(names))]).size:
            raise DataError(
                f"{what} holds the class {wrong[0]}, but there are {len(names)} names of classes, for 0 to "
                f"{len(names) - 1}: number the classes as their names are, or leave the names out."
            )
        shared = [names[i] for i in distinct]
        classes = tuple(f"{names[i]} {i}" if shared.count(names[i]) > 1 else names[i] for i in distinct)
    else:
        classes = tuple(str(value) for value in distinct)
    return labels.reshape(-1).astype(np.int64), classes
