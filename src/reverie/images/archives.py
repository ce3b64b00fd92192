"""Arrays with names, of a file, a folder or a dict: which are the pictures, which their labels, what is said of the rest.

    images, x, pixels, ...               pictures; where nothing is called so, the array of three axes or more
    labels, y, targets, classes, ...     of each picture a class, see labels
    class_names, label_names, ...        words that the numbers count through
    x_train, train_images, y_test, ...   the same of a part: train is read, and others are left out

Only headers are read to choose, and only what was chosen is loaded.
"""

from __future__ import annotations

from reverie.errors import DataError
from reverie.images.arrays import Header, Named, batch
from reverie.images.bring import Bring
from reverie.images.image_set import ImageSet
from reverie.images.labels import LABELS, classes_of, first, misfit, one_a_picture
from reverie.images.splits import left_out, listed, rest_of, split_of, training, unused

__all__ = ["is_named", "read_named"]

_IMAGES = ("images", "image", "imgs", "img", "x", "pixels", "pictures", "data")
_NAMES = ("class_names", "label_names", "target_names", "category_names", "names", "fine_label_names", "coarse_label_names")
_LEVELS = ("fine", "coarse")
_UNNAMED = {"arr_0": "images", "arr_1": "labels"}  # what numpy calls arrays that were given no names


def read_named(arrays: Named, bring: Bring) -> ImageSet:
    """The pictures among arrays, brought, and their classes.

    Raises DataError where it cannot be told which pictures are meant, and for labels that do not fit them.
    """
    name, heads = arrays.name, arrays.heads
    images = _images(name, heads)
    split, count = split_of(images), heads[images].shape[0] if heads[images].shape else 0
    fits = any(_called(key) in LABELS and head.shape[:1] == (count,) for key, head in heads.items())
    what = f"{name} ({images})"
    pixels, read = batch(arrays.load(images), what, images in arrays.channels_first, bring, count if fits else None)
    rows = len(pixels)
    labels = _labels(name, {key: head for key, head in heads.items() if split_of(key) == split}, rows)
    if labels is None:  # pictures and labels may differ in whether they name the part
        other = None if split else "train"
        fitting = {k: head for k, head in heads.items() if split_of(k) == other and head.shape[:1] == (rows,)}
        labels = _labels(name, fitting, rows)
    if labels is None:
        return bring.array(ImageSet(pixels, name=name, notes=(*read, *_notes(arrays, rows, images))))
    values = one_a_picture(arrays.load(labels), rows, f"{name}: {labels}")
    names = _names(heads, labels, rows) if values.dtype.kind in "iu" else None
    words = () if names is None else tuple(map(_word, arrays.load(names)))
    numbers, classes = classes_of(values, f"{name} ({labels})", words)
    return bring.array(ImageSet(pixels, numbers, classes, name, (*read, *_notes(arrays, rows, images, labels, names))))


def is_named(key: str) -> bool:
    """Whether an array is called as all pictures of a set are, or as their labels."""
    return _called(key) in (*_IMAGES, *LABELS, "")


def _word(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _called(key: str) -> str:
    return _UNNAMED.get(key, rest_of(key))


def _images(name: str, heads: dict[str, Header]) -> str:
    """The array of the pictures to train on: by its name, else by its shape."""
    shaped = [key for key, head in heads.items() if head.numbers and len(head.shape) >= 3 and rest_of(key) not in LABELS]
    named = [key for key in heads if _called(key) in _IMAGES or (_called(key) == "" and _may_be(heads[key]))]
    if len(named) > 1:
        named = [key for key in named if key in shaped] or named
    candidates = shaped if not named or (named == ["arr_0"] and shaped) else named
    if not candidates:
        what = f"{', '.join(heads)}, but no pictures" if heads else "nothing"
        raise DataError(f"{name} holds {what}: save pictures under the name images.")
    candidates = training(
        name, {key: split_of(key) for key in candidates}, "save the one to train on under the name train_images"
    )
    if len(candidates) > 1:
        raise DataError(
            f"{name} holds several arrays of pictures, {listed(candidates)}: save the one to train on to a file of its own."
        )
    return candidates[0]


def _may_be(head: Header) -> bool:
    """Whether an array that is called by its part alone may hold pictures, rows of pixels too."""
    return head.numbers and len(head.shape) >= 2


def _labels(name: str, heads: dict[str, Header], rows: int) -> str | None:
    """The array of labels, one a picture, of those that are called so."""
    called = [key for key in heads if _called(key) in LABELS and not _is_names(heads[key], rows)]
    fitting = [key for key in called if heads[key].shape[:1] == (rows,)]
    if called and not fitting:
        raise misfit(f"{name}: {called[0]}", heads[called[0]], rows)
    return first(fitting, _called)


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


def _notes(arrays: Named, rows: int, *used: str | None) -> tuple[str, ...]:
    """What is not read, and why."""
    rest = [key for key in arrays.heads if key not in used]
    others = [key for key in rest if split_of(key) not in (None, "train", split_of(str(used[0])))]
    notes = left_out(others, "to read others, save them to a file of their own")
    if strange := [key for key in rest if key not in others]:
        notes += unused(arrays.of, strange, used[1] if len(used) > 1 else None, "labels and y")
    return notes
