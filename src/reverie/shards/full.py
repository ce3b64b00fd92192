"""A full disk, in a sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reverie.errors import DataError

__all__ = ["full_disk_told"]

FULL = (errno.ENOSPC, errno.EDQUOT)
SAID = ("No space left on device", "Disk quota exceeded", "Invalid thrift: transport error")
"""As libraries write it that have their own errors; the last where what did not fit is the end of a Parquet file."""


@contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Whatever is raised because the disk is full becomes a DataError that names the folder."""
    try:
        yield
    except Exception as error:
        if getattr(error, "errno", None) in FULL or any(text in str(error) for text in SAID):
            raise DataError(
                f"the disk of {folder} is full: make room there and call again, which keeps what is made."
            ) from error
        raise
