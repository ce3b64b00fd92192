"""Pictures that a program holds: lists, and data sets as of torch, whose items are pictures alone or with their class.

    picture                          a file, its bytes, a PIL image, an array, a tensor
    (picture, class, ...)            as torchvision's sets give them; `classes` of the set are their names
    {"image": ..., "label": ...}     as those of Hugging Face; `features` of the set has the names

Floats of a set are on one scale: [-1, 1] if any of them is negative, else [0, 1]. What a set draws at random is drawn once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from reverie.errors import DataError, UsageError
from reverie.images import splits
from reverie.images.archives import read_named
from reverie.images.arrays import Named, as_array, is_array
from reverie.images.bring import Bring
from reverie.images.gather import MAX_BYTES, Many, gathered
from reverie.images.image_set import ImageSet
from reverie.images.labels import classes_of, first, one_a_picture
from reverie.images.layouts import one_picture
from reverie.images.levels import is_signed, range_of, to_levels
from reverie.images.parquet import PICTURES
from reverie.images.pictures import Picture

__all__ = ["is_many", "read_many"]


_LISTS = list | tuple | range


def is_many(source: Any) -> bool:
    """Whether something has items: a list, a tuple, a dict of arrays, a data set, a generator."""
    return (
        isinstance(source, Mapping)
        or hasattr(source, "__iter__")
        or (hasattr(source, "__getitem__") and not isinstance(source, type))
    )


def read_many(source: Any, bring: Bring) -> ImageSet:
    """The pictures of a list or a data set, brought. Raises DataError that names the item at fault."""
    if isinstance(source, Mapping):
        if (cut := _cut(source)) is not None:
            part, notes = cut
            pictures = read_many(part, bring)
            return replace(pictures, notes=(*notes, *pictures.notes))
        return read_named(Named.given(source), bring)
    if isinstance(source, tuple) and len(source) == 2 and all(map(_is_pair, source)):
        pictures = read_many(source[0], bring)  # as Keras gives sets: those to train on, those to test on
        return replace(pictures, notes=("The second pair is left out: to read it, give it alone.", *pictures.notes))
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], list) and source[1] is None:
        return read_many(source[0], bring)  # pictures, and no classes
    if _is_columns(source):
        classes = [np.asarray(part) if isinstance(part, list | tuple) else part for part in source[1]]
        return read_many(list(zip(source[0], classes, strict=True)), bring)
    if _is_pair(source):
        pair = {"images": source[0], "labels": source[1]}
        return read_named(Named.given(pair, "the pair"), bring)
    name = f"the {type(source).__name__}"
    if hasattr(source, "dataset") and hasattr(source, "batch_size"):
        raise UsageError(f"{name} gives batches, of which pictures cannot be told: give its data set, loader.dataset.")
    pictures, labels, notes = _gone_through(source, name, bring)
    signed = any(is_signed(picture) for picture in pictures if _is_float(picture))

    def each() -> Iterator[tuple[str, Picture]]:
        for i, picture in enumerate(pictures, start=1):
            called = str(picture) if isinstance(picture, str | Path) else f"item {i} of {name}"
            if isinstance(picture, str | Path) and not os.path.lexists(picture):
                raise DataError(
                    f"item {i} of {name} is {called!r:.200}, and there is no such file: give pictures, or their paths."
                )
            yield called, to_levels(picture, called, signed, bring.depth) if isinstance(picture, np.ndarray) else picture

    pixels, lost = gathered(Many(name, len(pictures), (), each), bring)
    notes += (*lost, *_ranges(pictures, name, bring.depth))
    if labels is None:
        return ImageSet(pixels, name=name, notes=notes)
    numbers, classes = classes_of(labels, f"the classes of {name}", _names_of(source) if labels.dtype.kind in "iu" else ())
    return ImageSet(pixels, numbers, classes, name, notes)


def _cut(source: Mapping[Any, Any]) -> tuple[Any, tuple[str, ...]] | None:
    """Of data sets by the names of parts the one to train on, and the note on the others; None of arrays by their names."""
    parts = {str(key): splits.split_of(str(key)) for key in source}
    if None in parts.values() or not parts or any(is_array(part) or isinstance(part, list) for part in source.values()):
        return None
    train = splits.training("the dictionary", parts, "give the one to train on")
    if len(train) > 1:
        raise DataError(f"the dictionary holds several sets to train on, {splits.listed(train)}: give one of them.")
    others = [part for part in parts if part not in train]
    return source[train[0]], splits.left_out(others, "to read another, give it")


def _is_columns(source: Any) -> bool:
    """Whether these are (list of pictures, list of their classes)."""
    if not (isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], list | tuple) and source[0]):
        return False
    classes = source[1]
    if not (is_array(classes) or isinstance(classes, list | tuple)) or len(classes) != len(source[0]):
        return False
    if not all(map(_is_picture, source[0])):
        return False
    if all(isinstance(part, list | tuple) for part in classes):  # rows such as a single 1 among zeros
        return all(isinstance(number, bool | int | float) for part in classes for number in part)
    return all(_is_class(part) and not (isinstance(part, str) and len(classes) == 2) for part in classes)


def _is_pair(source: Any) -> bool:
    """Whether these are (pictures, labels) rather than two pictures."""
    if not (isinstance(source, tuple | list) and len(source) == 2 and is_array(source[0]) and len(source[0].shape) >= 2):
        return False
    pictures, labels = source
    if len(pictures.shape) == 2:  # rows of pixels, unless both are grey pictures
        told = is_array(labels) or isinstance(labels, _LISTS)
        return told and len(labels) == len(pictures) and np.shape(labels) != tuple(pictures.shape)
    if labels is None:
        return True
    # no one picture, so the others are labels, also where their number is wrong
    several = len(pictures.shape) >= 4 or not {pictures.shape[0], pictures.shape[2]} & {1, 2, 3, 4}
    if not is_array(labels):
        return not _is_picture(labels) if several else isinstance(labels, _LISTS) and len(labels) == len(pictures)
    if several:
        return isinstance(source, tuple) or len(labels.shape) < 3
    told = len(labels.shape) in (1, 2) and len(labels) == len(pictures)
    return told and tuple(labels.shape) != tuple(pictures.shape[:2])  # which a grey picture beside one in colour has


def _gone_through(source: Any, name: str, bring: Bring) -> tuple[list[Any], np.ndarray | None, tuple[str, ...]]:
    """The pictures of all items, arrays as [H, W, C] of their own type; their labels [N] if each has one; and notes."""
    pictures, labels, size = [], [], 0
    strange: dict[str, None] = {}
    for i, item in enumerate(_items(source, name), start=1):
        picture, label, rest = _parts(item)
        pictures.append(_held(picture, f"item {i} of {name}", bring))
        strange.update(dict.fromkeys(rest))
        labels.append(label)
        size += _bytes_of(pictures[-1])
        if size > MAX_BYTES:
            raise DataError(
                f"{name} holds more than {MAX_BYTES:,} bytes of pictures, too many for memory: write them as picture files "
                "into a folder, and give that with a cache."
            )
    if not pictures:
        raise DataError(f"{name} is empty: give at least one picture.")
    notes = splits.unused("of each item", list(strange), None, "label") if strange else ()
    if all(label is None for label in labels):
        return pictures, None, notes
    if any(label is None for label in labels):
        row = next(i for i, label in enumerate(labels, start=1) if label is None)
        raise DataError(f"item {row} of {name} has no class, and others have one: give every picture one, or none.")
    try:
        single = all(np.ndim(label) == 0 for label in labels)
        values = np.array(labels, object) if single else np.stack([np.asarray(label) for label in labels])
    except ValueError as error:
        raise DataError(
            f"the classes of {name} are of several shapes: give each picture one whole number or word."
        ) from error
    return pictures, one_a_picture(values, len(pictures), f"the classes of {name}"), notes


def _items(source: Any, name: str) -> Iterator[Any]:
    """The items in their order; a data set of torch need not know where it ends but by its length."""
    counted = not hasattr(source, "__iter__") and hasattr(source, "__len__")
    each, count = None, 0
    while True:
        count += 1
        try:
            if each is None:
                each = (source[i] for i in range(len(source))) if counted else iter(source)  # to the first that is not there
            item = next(each)
        except StopIteration:
            return
        except DataError:
            raise
        except Exception as error:  # whatever the set's own code raises
            raise DataError(
                f"item {count} of {name} cannot be read ({type(error).__name__}: {error}): mend it, or leave it out."
            ) from error
        yield item


def _parts(item: Any) -> tuple[Any, Any, list[str]]:
    """The picture of an item, its class or None, and what is used of neither, by its name."""
    if isinstance(item, Mapping):
        keys = [str(key) for key in item]
        images = [key for key in keys if key.lower() in PICTURES] or [k for k in keys if isinstance(item[k], Image.Image)]
        if not images:
            return item, None, []
        label = first(keys)
        rest = [key for key in keys if key not in (images[0], label)]
        return item[images[0]], None if label is None else _class_of(item[label]), rest
    if isinstance(item, tuple | list) and (parts := list(item)) and _is_picture(parts[0]):
        label = _class_of(parts[1]) if len(parts) > 1 and _is_class(parts[1]) else None
        used = 1 if label is None else 2
        return parts[0], label, [f"part {i}" for i in range(used + 1, len(parts) + 1)]
    return item, None, []


def _is_picture(part: Any) -> bool:
    return isinstance(part, str | Path | bytes | Image.Image) or is_array(part)


def _is_class(part: Any) -> bool:
    """Whether part of an item says its class: a number, a word, or a row of numbers such as a single 1; or one in a list."""
    if isinstance(part, list | tuple):
        return len(part) == 1 and _is_class(part[0])
    return isinstance(part, bool | int | float | str | np.generic) or (is_array(part) and len(part.shape) < 2)


def _class_of(part: Any) -> Any:
    return as_array(part, "a label")[0] if is_array(part) else part


def _held(picture: Any, name: str, bring: Bring) -> Any:
    """A picture that can be kept until all are known: an array [H, W, C] of its own type, or what is read later."""
    if isinstance(picture, str | Path | bytes | Image.Image):
        return picture
    if isinstance(picture, Mapping):
        raise DataError(
            f"{name} holds {splits.listed(list(map(str, picture))) or 'nothing'}, and no picture under a name such as "
            "image: call it so."
        )
    if not is_array(picture):
        if isinstance(picture, list) and picture and isinstance(picture[0], list):
            raise DataError(f"{name} is a list of lists: make the pictures one array, numpy.array(pictures, numpy.uint8).")
        raise DataError(
            f"{name} is of type {type(picture).__name__}, but a picture is a file, its bytes, a PIL image, an array or a "
            "tensor: give a list of those, or pairs of one and its class."
        )
    array, channels_first = as_array(picture, name)
    return one_picture(array, name, channels_first, bring.channels)


def _bytes_of(picture: Any) -> int:
    if isinstance(picture, Image.Image):
        return picture.width * picture.height * len(picture.getbands())
    return picture.nbytes if isinstance(picture, np.ndarray) else len(picture) if isinstance(picture, bytes) else 0


def _ranges(pictures: list[Any], name: str, bits: int) -> tuple[str, ...]:
    """The notes on the range of all arrays of one type, see levels.range_of."""
    ends: dict[np.dtype, list[Any]] = {}
    for picture in pictures:
        if isinstance(picture, np.ndarray) and picture.size and picture.dtype.kind in "uif":
            ends.setdefault(picture.dtype, []).extend((picture.min(), picture.max()))
    return tuple(note for dtype, seen in ends.items() for note in range_of(np.array(seen, dtype), name, bits))


def _is_float(picture: Any) -> bool:
    return isinstance(picture, np.ndarray) and picture.dtype.kind == "f" and picture.size > 0


def _names_of(source: Any) -> tuple[str, ...]:
    """The names through which the numbers of the classes count, as data sets keep them."""
    names = getattr(source, "classes", None)
    features = getattr(source, "features", None)
    if names is None and isinstance(features, Mapping) and (label := first(map(str, features))):
        names = getattr(features[label], "names", None)
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()
