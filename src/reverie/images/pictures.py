"""One picture, from any common file or array, as bytes [H, W, C] that are safe to use.

    file or PIL image -> uint8: 8 bits stay as they are, 16 bits are divided by 257, alpha is laid over white,
                         the EXIF orientation is applied, CMYK and other colour spaces become RGB
    float array       -> round(255 x) where all x lie in [0, 1], round(127.5 (x + 1)) where some lie in [-1, 0)

What a file is is read from its content, not its suffix, by a named list of decoders; its size is read from its header and
checked before a pixel is decoded. A file of several frames is refused, for which frame is meant cannot be guessed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from reverie.errors import DataError, UsageError

__all__ = ["FORMATS", "MAX_PIXELS", "SUFFIXES", "Picture", "check_channels", "read_picture", "to_bytes"]

Picture = Path | str | bytes | Image.Image | np.ndarray
"""What read_picture takes: a file, the content of a file, a PIL image or an array [H, W] or [H, W, C]."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")

MAX_PIXELS = 64_000_000
"""The largest picture that is decoded, by its header's width times height."""

MAX_FILE_BYTES = 512_000_000
_ROUNDING = 1e-6  # how far a float may leave its range by rounding alone


def read_picture(
    source: Picture,
    channels: int | None = None,
    *,
    name: str = "the picture",
    formats: Sequence[str] = FORMATS,
    most: int = MAX_PIXELS,
) -> np.ndarray:
    """The picture as uint8 [H, W, C], C = 1 (grey) or 3 (RGB); the source's own kind unless `channels` says which.

    Args:
        name: what errors call bytes; a file goes by its path.
        formats: of FORMATS, those that a file's content may have.
        most: the largest number of pixels that is decoded.

    Raises DataError with one sentence that names the file for anything that is not one readable picture of at most
    `most` pixels, and UsageError for channels other than 1 and 3.
    """
    check_channels(channels)
    match source:
        case np.ndarray():
            return _as_channels(_over_white(to_bytes(source, "the array"), "the array"), channels)
        case Image.Image():
            name = getattr(source, "filename", "") or "the PIL image"
            _check_size(source.size, name)
            return _as_channels(_pixels(source, name), channels)
        case bytes() | bytearray():
            return _as_channels(_decode(bytes(source), name, formats, most), channels)
        case str() | Path():
            return _as_channels(_decode(_content(Path(source)), str(source), formats, most), channels)
    raise UsageError(f"a picture is a file, its bytes, a PIL image or an array, not {type(source).__name__}.")


def check_channels(channels: int | None) -> None:
    """Raises UsageError unless channels is None, 1 or 3."""
    if channels not in (None, 1, 3):
        raise UsageError(f"channels must be 1 (grey) or 3 (colour), not {channels!r}.")


def to_bytes(array: Any, name: str) -> np.ndarray:
    """An array of any shape as uint8 of that shape.

    bool is 0 and 255; uint8 stays; uint16 is divided by 257; other integers must lie in 0..255. Floats must be finite and
    lie in [0, 1] or [-1, 1]; an array without a negative value is read as [0, 1]. Raises DataError naming the range.
    """
    array = np.asarray(array)
    if array.size == 0:
        raise DataError(f"{name} is empty: its shape is {array.shape}.")
    match array.dtype.kind:
        case "b":
            return array.astype(np.uint8) * np.uint8(255)
        case "u" | "i":
            return _integers(array, name)
        case "f":
            return _floats(array, name)
    raise DataError(f"{name} holds {array.dtype} values: a picture holds whole numbers 0..255 or floats.")


def _integers(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 255:
        raise DataError(
            f"{name} holds whole numbers from {low} to {high}, but 8-bit pixels lie in 0..255: rescale it, "
            "or give 16-bit pixels as uint16."
        )
    return array.astype(np.uint8)


def _floats(array: np.ndarray, name: str) -> np.ndarray:
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise DataError(f"{name} holds {bad} values that are not finite (NaN or infinity): replace them first.")
    low, high = float(array.min()), float(array.max())
    if low < -1 - _ROUNDING or high > 1 + _ROUNDING:
        remedy = "divide it by 255" if low >= 0 and high <= 255 else "rescale it"
        raise DataError(
            f"{name} holds floats from {low:.6g} to {high:.6g}, but float pixels lie in [0, 1] or [-1, 1]: {remedy}, "
            "or give 8-bit pixels as uint8."
        )
    wide = array.astype(np.float64)
    scaled = wide * 255 if low >= -_ROUNDING else (wide + 1) * 127.5
    return np.rint(scaled.clip(0, 255)).astype(np.uint8)


# --- files ------------------------------------------------------------------------------------------------------------


def _content(path: Path) -> bytes:
    if not path.exists():
        raise DataError(f"{path} does not exist: give the path of a picture.")
    if not path.is_file():
        raise DataError(f"{path} is not a file: give the path of a picture.")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise DataError(f"{path} has {size:,} bytes, more than the {MAX_FILE_BYTES:,} that are read: make it smaller.")
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise DataError(f"{path} may not be read: change its permissions.") from error


def _decode(content: bytes, name: str, formats: Sequence[str], most: int) -> np.ndarray:
    if not content:
        raise DataError(f"{name} is empty (0 bytes): give a picture.")
    try:
        with Image.open(io.BytesIO(content), formats=tuple(formats)) as image:
            _check_size(image.size, name, most)
            _check_frames(image, name)
            return _pixels(image, name)
    except (DataError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise DataError(f"{name} is not a picture in any of the formats {', '.join(formats)}.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{name} has more than the {most:,} pixels that are decoded: make it smaller.") from error
    except Exception as error:
        raise _damaged(name, error) from error


def _check_size(size: tuple[int, int], name: str, most: int = MAX_PIXELS) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise DataError(f"{name} has no pixels: it is {width} x {height}.")
    if width * height > most:
        raise DataError(
            f"{name} is {width} x {height}, {width * height:,} pixels, more than the {most:,} that are decoded: "
            "make it smaller."
        )


def _check_frames(image: Image.Image, name: str) -> None:
    # A phone's JPEG may carry further views of the same picture (format MPO); the first is the picture.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise DataError(f"{name} has more than one frame: save the one you mean as a PNG.")


def _pixels(image: Image.Image, name: str) -> np.ndarray:
    """uint8 [H, W, 1 or 3] of an opened image; every fault of a decoder becomes a sentence."""
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        return _eight_bits(image if upright is None else upright, name)
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> DataError:
    """Decoders of foreign files raise nearly anything: OSError, SyntaxError, struct.error, zlib.error, IndexError..."""
    return DataError(f"{name} is damaged or cut short and cannot be decoded ({error}): save it again.")


def _eight_bits(image: Image.Image, name: str) -> np.ndarray:
    mode = image.mode
    if mode == "F" or mode.startswith("I"):
        return _deep(np.asarray(image), mode, name)[:, :, None]
    if "transparency" in image.info or mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        grey = mode in ("1", "L", "LA", "La")
        rgba = image.convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        return np.asarray(flat)[:, :, :1] if grey else np.asarray(flat)[:, :, :3]
    if mode in ("1", "L"):
        return np.asarray(image.convert("L"))[:, :, None]
    return np.asarray(image.convert("RGB"))


def _deep(array: np.ndarray, mode: str, name: str) -> np.ndarray:
    """Grey of more than 8 bits. Whole numbers are on the 16-bit scale, for no format says otherwise."""
    if mode == "F":
        return _floats(array, name)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65535:
        raise DataError(f"{name} holds whole numbers from {low} to {high}: save it with 8 or 16 bits a channel.")
    return _integers(array.astype(np.uint16), name)


# --- channels ---------------------------------------------------------------------------------------------------------


def _over_white(array: np.ndarray, name: str) -> np.ndarray:
    """uint8 [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] (RGB and alpha) as [H, W, 1 or 3]."""
    if array.ndim == 2:
        return array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise DataError(f"{name} has shape {array.shape}, but a picture is [H, W], [H, W, 1], [H, W, 3] or [H, W, 4].")
    _check_size((array.shape[1], array.shape[0]), name)
    if array.shape[2] == 4:
        alpha = array[:, :, 3:].astype(np.float64) / 255
        return np.rint(array[:, :, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return array


def _as_channels(pixels: np.ndarray, channels: int | None) -> np.ndarray:
    have = pixels.shape[2]
    if channels == 1 and have == 3:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))[:, :, None].copy()
    if channels == 3 and have == 1:
        return np.repeat(pixels, 3, axis=2)
    return np.array(pixels, order="C")
