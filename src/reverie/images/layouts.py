"""Which axis of an array is which.

    [N, H, W, C]  [N, C, H, W]  [N, H, W]     pictures
    [H, W, C]  [C, H, W]  [H, W]              one picture
    [N, K]                                    rows of pixels: N pictures of k x k, K = k^2

C is 1 (grey), 3 (colour), 4 (colour and alpha), or a number that is asked for. Where both ends could be the channels,
numpy's are last and torch's first. Where shapes alone leave several ways to read an array, the number of its labels decides,
or it is refused with what to write instead.
"""

from __future__ import annotations

from math import isqrt

import numpy as np

from reverie.errors import DataError

__all__ = ["CHANNELS", "MOST_CHANNELS", "one_picture", "pictures_of"]

CHANNELS = (1, 3, 4)
"""Of pictures that can be seen: grey, colour, and colour with alpha."""

MOST_CHANNELS = 64

LONGEST = 4
"""A picture is rarely so many times as high as it is wide, or wide as high; rows of pixels often are."""

ROWS_OF = (28 * 28, 3 * 32 * 32)
"""Rows of this many pixels are pictures of MNIST and of CIFAR, however many there are."""

LEAST_SIDE = 4
"""Pixels; a row of fewer than the square of it is no picture."""


def pictures_of(
    array: np.ndarray, name: str, channels_first: bool, rows: int | None = None, channels: int | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """A view [N, H, W, C] of an array, and a note where its shape alone did not tell how it is read.

    Args:
        name: what errors call it.
        channels_first: whether the first axis is the likelier one of the channels, as torch has it.
        rows: how many pictures there are, if labels tell.
        channels: a number of channels beside CHANNELS that is asked for.

    Raises DataError for an array of no such shape, with the remedy.
    """
    match array.ndim:
        case 2:
            return _of_two(array, name, rows)
        case 3 if side := _side_of_rows(array.shape, rows):
            return _rows(array, name, side)
        case 3 if rows == len(array) > 1:
            return array[..., None], ()
        case 3:
            return _of_three(array, name, channels_first, channels)
        case 4:
            if (axis := _channels_at(array.shape, channels_first, channels)) is not None and 0 not in array.shape:
                return np.moveaxis(array, axis, 3), ()
    raise _no_pictures(array.shape, name)


def one_picture(
    array: np.ndarray, name: str, channels_first: bool, channels: int | None = None, alone: bool = False
) -> np.ndarray:
    """A view [H, W, C] of an array that is one picture, `alone` where no more are read. Raises DataError for one of another
    shape."""
    if array.ndim == 2:
        return array[..., None]
    if array.ndim == 3 and 0 not in array.shape:
        asked, order = _asked(channels), (0, 2) if channels_first else (2, 0)
        usual = {0: (1, 3), 2: CHANNELS}
        for counts, axis in (*((asked, axis) for axis in order), *((usual[axis], axis) for axis in order)):
            if array.shape[axis] in counts:
                return np.moveaxis(array, axis, 2)
        if channels_first and array.shape[0] == 4:
            return np.moveaxis(array, 0, 2)
    raise DataError(
        f"{name} has shape {_shape(array.shape)}, but a picture is [H, W], [H, W, C] or [C, H, W] with C = 1, 3 or 4"
        f"{_remedy_of_one(array.shape, alone)}."
    )


def _remedy_of_one(shape: tuple[int, ...], alone: bool = False) -> str:
    """What to do about an array that is not one picture, where its shape tells."""
    match shape:
        case (pixels,) if side := _side(pixels):
            return f": give array.reshape({side}, {side}) if it is the pixels of one"
        case (_, _, *_) if alone:
            return ": give one picture, such as array[0] of several"
        case (first, _, last) if 0 < min(first, last) <= MOST_CHANNELS:
            return f"; ask for {min(first, last)} `channels` to take all of each"
        case (_, _, _, _):
            return ": give several as one array, joined with numpy.concatenate, and classes as (pictures, labels)"
    return ""


def _of_two(array: np.ndarray, name: str, rows: int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """One grey picture, or rows of pixels."""
    count, columns = array.shape
    what = f"{name} of shape {_shape(array.shape)}"
    side, coloured = _side(columns), None if columns % 3 else _side(columns // 3)
    longer = max(count, columns) / max(1, min(count, columns))
    are_rows = (rows == count and (count > 1 or side is not None)) or longer > LONGEST or columns in ROWS_OF
    if are_rows and side:
        return _rows(array, name, side)
    if are_rows and coloured:
        raise DataError(
            f"{what} may be rows of {coloured} x {coloured} pixels in colour, whose order it does not tell: give "
            f"array.reshape(-1, {coloured}, {coloured}, 3), or (-1, 3, {coloured}, {coloured}) if all red comes first."
        )
    if (rows == count > 1) or longer > LONGEST**2:
        raise DataError(
            f"{what} may be rows of pixels, but {columns} make no square: reshape it to [N, H, W] or [N, H, W, C], or give "
            "array[None] for one picture."
        )
    pictures, shape = (
        (f"pictures of {side} x {side}", f"array.reshape(-1, {side}, {side})") if side else ("pictures", "[N, H, W]")
    )
    note = f"{what} is read as one picture of {columns} x {count}: where its rows are {pictures}, give {shape}."
    return array[None, :, :, None], (note,) if columns != count else ()


def _side(pixels: int) -> int | None:
    """Of a square of so many pixels; None if they make none that could be a picture."""
    side = isqrt(pixels)
    return side if side * side == pixels and side >= LEAST_SIDE else None


def _rows(array: np.ndarray, name: str, side: int) -> tuple[np.ndarray, tuple[str, ...]]:
    count = f"{len(array):,} pictures" if len(array) > 1 else "1 picture"
    note = f"{name} of shape {_shape(array.shape)} is read as {count} of {side} x {side}, a row each."
    return array.reshape(-1, side, side, 1), (note,)


def _side_of_rows(shape: tuple[int, ...], rows: int | None) -> int | None:
    """Of pictures kept as rows [N, 1, K], or [N, K, 1] where that is sure to be no picture [H, W, 1]."""
    count, middle, last = shape
    if middle == 1 < count or (last == 1 and (middle == ROWS_OF[0] or rows == count > 1)):
        return _side(middle * last)
    return None


def _of_three(
    array: np.ndarray, name: str, channels_first: bool, channels: int | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """One picture with channels, or several that are grey."""
    first, middle, last = array.shape
    usual, other = (first, last) if channels_first else (last, first)
    if {first, last} & {*_asked(channels)}:
        return one_picture(array, name, channels_first, channels)[None], ()
    if usual in (1, 3):
        return one_picture(array, name, channels_first)[None], ()
    if other == 1 or (channels_first and other == 3 and middle > 3):
        return one_picture(array, name, not channels_first)[None], ()
    if last == 4 and middle > 4:
        note = (
            f"{name} of shape {_shape(array.shape)} is read as one picture of {middle} x {first} in colour with alpha: "
            f"where it is {first:,} grey pictures of {last} x {middle}, give array[..., None]."
        )
        return array[None], (note,)
    if last == 2 and middle > 4:
        raise DataError(
            f"{name} of shape {_shape(array.shape)} may be one picture of 2 channels, or {first:,} grey ones: ask for "
            "2 `channels` for the one, give array[..., None] for the others."
        )
    if (first == 3 or (first == 4 and channels_first)) and min(middle, last) > 4:
        raise DataError(
            f"{name} of shape {_shape(array.shape)} may be one picture in colour, or {first} grey ones: give "
            "array[None] for the one, array[..., None] for the others."
        )
    return array[..., None], ()


def _channels_at(shape: tuple[int, ...], channels_first: bool, channels: int | None) -> int | None:
    """Which axis of four is that of the channels: what no screen shows if it is asked for, then one of 1 or 3, then of 4."""
    order = (1, 3) if channels_first else (3, 1)
    for counts in (_asked(channels), (1, 3), (4,)):
        for axis in order:
            if shape[axis] in counts:
                return axis
    return None


def _asked(channels: int | None) -> tuple[int, ...]:
    return () if channels is None or channels in CHANNELS else (channels,)


def _no_pictures(shape: tuple[int, ...], name: str) -> DataError:
    remedy = ""
    ends = {shape[1], shape[3]} if len(shape) == 4 else set()
    if len(ends) == 2 and shape[2] in ends:  # the sides of a square, so the other one is their number
        ends.remove(shape[2])
    few = [str(count) for count in sorted(ends) if count <= MOST_CHANNELS]
    if 0 in shape:
        return DataError(
            f"{name} has shape {_shape(shape)}, which holds no picture: give at least one, of at least one pixel."
        )
    if len(shape) == 4 and shape[2] in CHANNELS and min(shape[:2]) > max(CHANNELS):
        remedy = "; where it is [H, W, C, N], as MATLAB has pictures, give array.transpose(3, 0, 1, 2)"
    elif few:
        remedy = f"; ask for {' or '.join(few)} `channels` to take all of each"
    elif len(shape) == 1:
        remedy = _remedy_of_one(shape).replace(":", ";")
    elif len(shape) == 5:
        remedy = "; of volumes and films give the slices or frames, [N, H, W, C]"
    return DataError(
        f"{name} has shape {_shape(shape)}, but pictures are [N, H, W, C] or [N, C, H, W] with C = 1, 3 or 4, or [N, H, W]"
        f"{remedy}."
    )


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
