"""Pictures of clients, decoded under limits: their length before anything, then their header, then memory and time.

    data:image/png;base64,...   data:image/jpeg;base64,...   data:image/webp;base64,...   or bare base64 of one of these

No other URL is understood. Formats are named to the decoder; pixels and frames are read from the header before a pixel is
decoded; decoding runs with a ceiling on the address space and a timer, so a file that lies about itself costs one request.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from reverie.errors import DataError
from reverie.service.problems import Problem
from reverie.service.settings import Settings

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FORMATS", "check_length", "confined", "from_base64", "from_file", "within_memory"]

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
_PREFIX = re.compile(r"data:image/(png|jpeg|webp);base64,")
_ALPHABET = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_BYTES_A_PIXEL = 8  # of a file: more than any picture without compression has


class _TooLong(BaseException):
    """The timer rang. No Exception, for decoders of foreign files catch those."""


def check_length(text: str, limits: Settings, field: str = "image_base64") -> None:
    """Raises Problem 413 for text that is too long to be decoded; for routes, which decode nothing."""
    if len(text) > limits.base64_bytes:
        raise Problem(
            413,
            "too-large",
            f"{field} has {len(text):,} characters, and at most {limits.base64_bytes:,} are read: make the picture smaller.",
        )


def from_base64(text: str, limits: Settings, field: str = "image_base64", **reading: Any) -> np.ndarray:
    """The picture as uint8 [H, W, 1 or 3], or as `reading` says, see images.read_picture.

    Raises Problem 413 and DataError, in one sentence that names the field.
    """
    check_length(text, limits, field)
    prefix = _PREFIX.match(text)
    formats = (FORMATS[prefix[1]],) if prefix else tuple(FORMATS.values())
    start = prefix.end() if prefix else 0
    if not prefix and ":" in text[:64]:
        raise DataError(
            f"{field} begins as a URL that is not read: give data:image/png, jpeg or webp;base64, or bare base64."
        )
    if not _ALPHABET.fullmatch(text, start) or (len(text) - start) % 4:
        raise DataError(f"{field} is not base64: A-Z, a-z, 0-9, + and /, padded by = to a multiple of 4, without line ends.")
    try:
        content = base64.b64decode(text[start:] if start else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError(f"{field} is not base64: its padding is wrong.") from error
    return _decoded(content, field, formats, limits, reading)


def from_file(file: BinaryIO, limits: Settings, name: str, **reading: Any) -> np.ndarray:
    """The picture in an open file of the workspace, in any format that the library reads; else as `from_base64`."""
    from reverie.images.pictures import FORMATS as ALL

    most = _BYTES_A_PIXEL * limits.pixels
    content = file.read(most + 1)
    if len(content) > most:
        raise DataError(f"{name} has more than the {most:,} bytes that are read of a picture: make it smaller.")
    return _decoded(content, name, ALL, limits, reading)


def _decoded(content: bytes, name: str, formats: tuple[str, ...], limits: Settings, reading: dict[str, Any]) -> np.ndarray:
    from PIL import Image

    from reverie.images import read_picture

    Image.init()  # decoders are loaded before the ceiling is set
    with confined(name, limits.decode_bytes, limits.decode_seconds):
        return read_picture(content, name=name, formats=formats, most=limits.pixels, **reading)


@contextmanager
def confined(name: str, extra: int, seconds: float) -> Iterator[None]:
    """Inside, at most `extra` bytes of address space are added, and it ends after `seconds`. Raises DataError for either.

    The timer needs the main thread, where workers decode; the ceiling needs a system that tells the process its size.
    """
    try:
        with _ceiling(extra), _timer(seconds):
            yield
    except MemoryError as error:
        raise DataError(f"{name} takes more memory to decode than is allowed: make it smaller, or save it again.") from error
    except _TooLong as error:
        raise DataError(f"{name} takes longer to decode than {seconds:g} s: make it smaller, or save it again.") from error


@contextmanager
def within_memory(name: str) -> Iterator[None]:
    """Raises DataError for a table that a worker's memory is too small for."""
    try:
        yield
    except MemoryError as error:
        raise DataError(
            f"{name} takes more memory to read than a worker may have: split it into files of some patients each, "
            "or leave out columns."
        ) from error


@contextmanager
def _ceiling(extra: int) -> Iterator[None]:
    size = _address_space()
    if size is None:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    ends = [limit for limit in (size + extra, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(ends), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int | None:
    """Bytes of this process's address space; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


@contextmanager
def _timer(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(*_: object) -> None:
        raise _TooLong

    handler = signal.signal(signal.SIGALRM, ring)
    before = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *before)
