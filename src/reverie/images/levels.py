"""The levels of a channel: what numbers in arrays and files become, 0..255 or, of 16 bits, 0..65535.

             8 bits                  16 bits
bool         0 and 255               0 and 65535
uint8        u                       257 u
uint16       round(v / 257)          v
integers     0..255 as they are      0..65535 as they are
floats       round(255 x) where all x lie in [0, 1], round(127.5 (x + 1)) where some lie in [-1, 0); 65535 alike
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reverie.errors import DataError, UsageError

__all__ = ["DTYPES", "check_bits", "is_signed", "most_of", "range_of", "to_bits", "to_levels"]

_ROUNDING = 1e-6  # how far a float may leave its range by rounding alone
_NEAR = 0.5  # how far resampling may lead it out
DTYPES = {8: np.uint8, 16: np.uint16}
"""By the bits of a channel."""


def check_bits(bits: int | None) -> None:
    """Raises UsageError unless bits is None, 8 or 16."""
    if bits is not None and (isinstance(bits, bool) or bits not in DTYPES):
        raise UsageError(f"pictures have 8 or 16 bits a channel, not {bits!r}.")


def most_of(pixels: np.ndarray) -> int:
    """The highest level of pixels, 255 or 65535."""
    return int(np.iinfo(pixels.dtype).max)


def range_of(array: np.ndarray, name: str, bits: int = 8) -> tuple[str, ...]:
    """The note on numbers that are so read as their range alone does not tell: of 16 bits at 8, of few levels, and floats of
    which hardly any is negative."""
    if not array.size or array.dtype.kind not in "uif":
        return ()
    low, high = array.min(), array.max()
    if array.dtype.kind == "f":
        if not -_HARDLY < low < -_ROUNDING or high > 1 + _ROUNDING:
            return ()
        return (
            f"{name} holds floats from {low:.3g} to {high:.3g}, which are read as of [-1, 1], for some are negative: where "
            "they are of [0, 1], clip them to it.",
        )
    if array.dtype.kind == "u" and array.dtype.itemsize == 2 and bits == 8:
        dim = int(high)
        more = f", and where {dim:,} is white, divide them by it" if 0 < dim < _FEW * 257 else ""
        return (
            f"{name} holds 16-bit values up to {dim:,}, which become {round(dim / 257)} of 255: `bits=16` keeps them{more}.",
        )
    if 0 < high < _FEW * (257 if bits == 16 else 1) and low >= 0:
        return (
            f"{name} holds whole numbers up to {high} of {2**bits - 1:,}, so all is nearly black: where {high} is white, "
            "divide them by it.",
        )
    return ()


_FEW = 32
"""Levels out of 255 below which all of a set is nearly black."""
_HARDLY = 0.25
"""Pictures in [-1, 1] are darker than this somewhere."""


def to_levels(array: Any, name: str, signed: bool | None = None, bits: int = 8) -> np.ndarray:
    """An array of any shape as uint8 or uint16 of that shape, see above.

    Floats must be finite; an array without a negative value is read as [0, 1] unless `signed` says that it is one of a set
    that has some. Raises DataError naming the range.
    """
    array = np.asarray(array)
    if array.size == 0:
        raise DataError(f"{name} is empty: its shape is {array.shape}.")
    match array.dtype.kind:
        case "b":
            return array * DTYPES[bits](2**bits - 1)
        case "u" | "i":
            return _integers(array, name, bits)
        case "f":
            return _floats(array, name, is_signed(array) if signed is None else signed, bits)
    raise DataError(f"{name} holds {array.dtype} values: a picture holds whole numbers 0..255 or floats, so convert it.")


def to_bits(pixels: np.ndarray, bits: int) -> np.ndarray:
    """uint8 or uint16 as the one of them that has so many bits."""
    if pixels.dtype == DTYPES[bits]:
        return pixels
    return (
        pixels.astype(np.uint16) * np.uint16(257)
        if bits == 16
        else ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    )


def is_signed(array: np.ndarray) -> bool:
    """Whether floats are of a set in [-1, 1]: some is negative by more than rounding."""
    return float(array.min()) < -_ROUNDING


def _integers(array: np.ndarray, name: str, bits: int) -> np.ndarray:
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:  # in any order of bytes
        return to_bits(array.astype(array.dtype.newbyteorder("="), copy=False), bits)
    low, high, most = int(array.min()), int(array.max()), 2**bits - 1
    if low < 0 or high > most:
        raise DataError(
            f"{name} holds whole numbers from {low} to {high}, but {bits}-bit pixels lie in 0..{most}: rescale it, "
            "or give 16-bit pixels as uint16."
        )
    return array.astype(DTYPES[bits])


def _floats(array: np.ndarray, name: str, signed: bool, bits: int) -> np.ndarray:
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise DataError(f"{name} holds {bad} values that are not finite (NaN or infinity): replace them first.")
    low, high = float(array.min()), float(array.max())
    if low < -1 - _ROUNDING or high > 1 + _ROUNDING:
        near = low >= -1 - _NEAR and high <= 1 + _NEAR
        remedy = "clip it" if near else "divide it by 255" if low >= 0 and high <= 255 else "rescale it"
        raise DataError(
            f"{name} holds floats from {low:.6g} to {high:.6g}, but float pixels lie in [0, 1] or [-1, 1]: {remedy}, "
            "or give 8-bit pixels as uint8."
        )
    wide, most = array.astype(np.float64), 2**bits - 1
    scaled = (wide + 1) * (most / 2) if signed else wide * most
    return np.rint(scaled.clip(0, most)).astype(DTYPES[bits])
