"""The classes of pictures: what they are called where data are kept, and labels that index them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from reverie.errors import DataError

__all__ = ["LABELS", "classes_of", "first"]

LABELS = (
    *("label", "labels", "class", "classes", "target", "targets", "category", "categories", "y"),
    *("fine_label", "fine_labels", "coarse_label", "coarse_labels"),
)
"""Names of arrays and columns of labels, in small or capital letters; the first one that is there is taken."""


def first(names: Iterable[str], called: Callable[[str], str] = str.lower) -> str | None:
    """Of names the one of the labels to take, if any is called as labels are."""
    fits = [name for name in names if called(name) in LABELS]
    return min(fits, key=lambda name: LABELS.index(called(name)), default=None)


def classes_of(values: np.ndarray, what: str, names: tuple[str, ...] = ()) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels int64 [N] of whole numbers or words [N], and the classes that they index: the values that occur, in order.

    Numbers may count through `names`, which are then the classes; names that several classes share get their numbers.
    Raises DataError, naming `what` was read, for a number that has no name.
    """
    distinct, labels = np.unique(values, return_inverse=True)
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
