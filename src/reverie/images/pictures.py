"""One picture, from any common file or array, as levels [H, W, C] that are safe to use.

    file or PIL image -> levels (of 16 bits a channel v / 257, rounded), alpha laid over white unless it is asked for, the
                         EXIF orientation applied, CMYK and other colour spaces as RGB
    array             -> levels

What a file is is read from its content, not its suffix, by a named list of decoders; its size is read from its header and
checked before a pixel is decoded. A file of several frames is refused, for which frame is meant cannot be guessed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from reverie.errors import DataError, UsageError
from reverie.files import likely
from reverie.images.deep import is_sixteen, lies_in_planes, sixteen
from reverie.images.layouts import CHANNELS, MOST_CHANNELS, one_picture
from reverie.images.levels import check_bits, most_of, to_bits, to_levels
from reverie.images.npy import MAGIC, array_of
from reverie.images.unread import hint_of_content
from reverie.modality import PICTURES

__all__ = [
    "FORMATS",
    "LOSSES",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "SUFFIXES",
    "Loss",
    "OnLoss",
    "Picture",
    "as_channels",
    "check_channels",
    "read_picture",
]

Picture = Path | str | bytes | Image.Image | np.ndarray
"""What read_picture takes: a file, also an .npy of one picture, its content, a PIL image or an array [H, W] or [H, W, C]."""

Loss = Literal["bits", "alpha"]
OnLoss = Callable[[Loss], None]
LOSSES: tuple[Loss, ...] = get_args(Loss)
"""What a picture can lose where it comes to 8 bits without alpha: the bits beyond, and that something shines through."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES = PICTURES

MAX_PIXELS = 64_000_000
"""The largest picture that is decoded, by its header's width times height."""
MAX_FILE_BYTES = 512_000_000
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_picture(
    source: Picture,
    channels: int | None = None,
    *,
    name: str | None = None,
    formats: Sequence[str] = FORMATS,
    most: int = MAX_PIXELS,
    bits: int = 8,
    on_loss: OnLoss | None = None,
) -> np.ndarray:
    """The picture as uint8 (of 16 bits uint16) [H, W, C], C = 1 (grey) or 3 (RGB), as it is unless `channels` says which.

    Args:
        channels: 1, 3, or 4 for RGB and alpha, which is laid over white otherwise; of an array also its own number.
        name: what errors call it; a file goes by its path if it is left out.
        formats: of FORMATS, those that a file's content may have.
        most: the largest number of pixels that is decoded.
        bits: of a channel, 8 or 16.
        on_loss: of a file or a PIL image, called with each of LOSSES that it comes to by this.

    Raises DataError with one sentence that names the file for anything that is not one readable picture of at most
    `most` pixels, and UsageError for a number of channels that it cannot have.
    """
    check_channels(channels, alpha=True)
    check_bits(bits)
    how = _How(name or "the picture", tuple(formats), most, channels == 4, bits, on_loss or (lambda loss: None))
    match source:
        case np.ndarray():
            name = name or "the array"
            pixels = one_picture(to_levels(source, name, bits=bits), name, False, channels, alone=True)
            _check_size((pixels.shape[1], pixels.shape[0]), name, most)
            if channels is None and pixels.shape[2] == 4 and (pixels[..., 3] < most_of(pixels)).any():
                how.on_loss("alpha")
        case Image.Image():
            name = str(getattr(source, "filename", "") or name or "the PIL image")
            _check_size(source.size, name)
            pixels = _pixels(source, replace(how, name=name))
        case bytes() | bytearray() | str() | Path():
            is_file = isinstance(source, str | Path)
            name = name or (str(source) if is_file else how.name)
            content = _content(Path(source)) if is_file else bytes(source)
            if content.startswith(MAGIC) and how.formats == FORMATS:
                return read_picture(array_of(content, name), channels, name=name, most=most, bits=bits, on_loss=on_loss)
            pixels = _decode(content, replace(how, name=name))
        case _:
            raise UsageError(f"a picture is a file, its bytes, a PIL image or an array, not {type(source).__name__}.")
    return as_channels(pixels, channels, name)


def check_channels(channels: int | None, alpha: bool = False) -> None:
    """Raises UsageError unless channels is None, 1 or 3, or with alpha a number up to 64."""
    if not isinstance(channels, bool) and (channels in (None, 1, 3) or (alpha and channels in range(1, MOST_CHANNELS + 1))):
        return
    more = f", 4 (colour and alpha), or of arrays their own number up to {MOST_CHANNELS}" if alpha else ""
    raise UsageError(f"channels must be 1 (grey) or 3 (colour){more}, not {channels!r}.")


# --- files ------------------------------------------------------------------------------------------------------------


def _content(path: Path) -> bytes:
    if not path.exists():
        if path.is_symlink():
            raise DataError(f"{path} is a link that leads nowhere: mend it.")
        meant = likely(path)
        raise DataError(f"{path} does not exist: {f'did you mean {meant}?' if meant else 'give the path of a picture.'}")
    if not path.is_file():
        raise DataError(f"{path} is not a file: give the path of a picture.")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise DataError(f"{path} has {size:,} bytes, more than the {MAX_FILE_BYTES:,} that are read: make it smaller.")
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise DataError(f"{path} may not be read: change its permissions.") from error


@dataclass(frozen=True)
class _How:
    """How a file is decoded: what errors call it, its formats, the most pixels; whether its alpha is kept; to which bits;
    and what hears of losses."""

    name: str
    formats: tuple[str, ...]
    most: int
    alpha: bool
    bits: int
    on_loss: OnLoss


def _decode(content: bytes, how: _How) -> np.ndarray:
    name, formats, most = how.name, how.formats, how.most
    if not content:
        raise DataError(f"{name} is empty (0 bytes): give a picture.")
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            _check_size(image.size, name, most)
            _check_frames(image, name)
            if lies_in_planes(image):
                raise DataError(
                    f"{name} is a TIFF that keeps each channel of 16 bits by itself, which is not decoded here: save it "
                    "with its channels together, or as PNG."
                )
            if is_sixteen(image):
                with Image.open(io.BytesIO(content), formats=formats) as again:
                    return _over_white_unless(sixteen(image, again), how)
            return _pixels(image, how)
    except (DataError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        if content[:4] in _TIFF and "TIFF" in formats:
            raise DataError(
                f"{name} is a TIFF of a kind that is not decoded here, of more than 4 channels, say: save all as one array "
                "[N, H, W, C] with numpy.save, and ask for its number of `channels`."
            ) from error
        if (hint := hint_of_content(content)) is not None:
            raise DataError(f"{name} is {hint}.") from error
        raise DataError(
            f"{name} is not a picture in any of the formats {', '.join(formats)}: save it as one of them, or leave it out."
        ) from error
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


def _pixels(image: Image.Image, how: _How) -> np.ndarray:
    """[H, W, C] of an opened image, see _of_image; every fault of a decoder becomes a sentence."""
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        return _of_image(image if upright is None else upright, how)
    except (DataError, MemoryError):
        raise
    except Exception as error:
        raise _damaged(how.name, error) from error


def _damaged(name: str, error: Exception) -> DataError:
    """Decoders of foreign files raise nearly anything: OSError, SyntaxError, struct.error, zlib.error, IndexError..."""
    return DataError(f"{name} is damaged or cut short and cannot be decoded ({error}): save it again.")


def _of_image(image: Image.Image, how: _How) -> np.ndarray:
    """[H, W, 1 or 3]; of a transparent picture over white, or [H, W, 4] where its alpha is asked for."""
    mode = image.mode
    if mode == "F" or mode.startswith("I"):
        if mode != "F" and how.bits == 8:
            how.on_loss("bits")
        return _deep(np.asarray(image), mode, how.name, how.bits)[:, :, None]
    return to_bits(_eight_bits(image, how), how.bits)


def _eight_bits(image: Image.Image, how: _How) -> np.ndarray:
    mode = image.mode
    if "transparency" in image.info or mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        grey = mode in ("1", "L", "LA", "La")
        rgba = image.convert("RGBA")
        if how.alpha:
            return np.asarray(rgba)
        if np.asarray(rgba)[:, :, 3].min() < 255:
            how.on_loss("alpha")
        flat = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        return np.asarray(flat)[:, :, :1] if grey else np.asarray(flat)[:, :, :3]
    if mode in ("1", "L"):
        return np.asarray(image.convert("L"))[:, :, None]
    return np.asarray(image.convert("RGB"))


def _deep(array: np.ndarray, mode: str, name: str, bits: int) -> np.ndarray:
    """Grey of more than 8 bits. Whole numbers are on the 16-bit scale, for no format says otherwise."""
    if mode == "F":
        return to_levels(array, name, bits=bits)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65535:
        raise DataError(f"{name} holds whole numbers from {low} to {high}: save it with 8 or 16 bits a channel.")
    return to_bits(array.astype(np.uint16), bits)


# --- channels ---------------------------------------------------------------------------------------------------------


def _over_white_unless(wide: np.ndarray, how: _How) -> np.ndarray:
    """Of 16 bits [H, W, 2, 3 or 4], grey or colour with alpha where it is even: with the alpha that is asked for, or over
    white."""
    if how.bits == 8:
        how.on_loss("bits")
    pixels = to_bits(wide, how.bits)
    if wide.shape[2] == 3 or (how.alpha and wide.shape[2] == 4):
        return pixels
    if how.alpha:
        return pixels[:, :, [0, 0, 0, 1]]
    if wide[:, :, -1].min() < most_of(wide):
        how.on_loss("alpha")
    return _over_white(pixels)


def as_channels(pixels: np.ndarray, channels: int | None, name: str) -> np.ndarray:
    """A copy of [H, W, C] in so many channels; with None, alpha is laid over white and all else stays.

    Raises UsageError where grey, colour and alpha do not bring the one to the other.
    """
    have = pixels.shape[2]
    wanted = (3 if have == 4 else have) if channels is None else channels
    if have == 4 and wanted in (1, 3):
        pixels, have = _over_white(pixels), 3
    match have, wanted:
        case 3, 1:
            return _luma(pixels)
        case 1, 3:
            return np.repeat(pixels, 3, axis=2)
        case ((1 | 3), 4):
            opaque = np.full_like(pixels[:, :, :1], most_of(pixels))
            return np.concatenate([np.broadcast_to(pixels, (*pixels.shape[:2], 3)), opaque], 2)
    if have != wanted:
        other = "1 (grey), 3 (colour) or 4 (colour and alpha)" if have in CHANNELS else f"{have}, its own number,"
        raise UsageError(f"of {name} channels must be {other}, not {wanted}.")
    return np.array(pixels, order="C")


def _over_white(pixels: np.ndarray) -> np.ndarray:
    """[H, W, C], the last channel of which is alpha, without it."""
    most = most_of(pixels)
    alpha = pixels[:, :, -1:].astype(np.float64) / most
    return np.rint(pixels[:, :, :-1] * alpha + most * (1 - alpha)).astype(pixels.dtype)


def _luma(pixels: np.ndarray) -> np.ndarray:
    """Grey [H, W, 1] of RGB (ITU-R BT.601), in whole numbers as Pillow has it."""
    red, green, blue = np.moveaxis(pixels.astype(np.uint32), 2, 0)
    return ((19595 * red + 38470 * green + 7471 * blue + 32768) >> 16).astype(pixels.dtype)[:, :, None]
