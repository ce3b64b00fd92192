"""How much the workspace may hold: files, bytes, bytes of one file, and a floor of free space on the disk.

Clients' files are counted; in bytes everything counts, for the service's own files fill the disk too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from reverie.service import folders
from reverie.service.problems import Problem
from reverie.service.settings import Settings

__all__ = ["Metered", "Quota"]

STRIDE = 8_000_000  # bytes between two looks at the disk


class Quota:
    """How much one root may hold; `usage` counts files and bytes where they are not all below it."""

    def __init__(self, root: Path, settings: Settings, usage: Callable[[], tuple[int, int]] | None = None) -> None:
        self.root, self.settings = root, settings
        self.usage = usage or self._below_root

    def free(self) -> int:
        """Bytes that may be written before the floor of free space is reached."""
        disk = os.statvfs(self.root)
        return disk.f_bavail * disk.f_frsize - self.settings.free_bytes

    def used(self) -> dict[str, int]:
        """The files of clients, and the bytes of all."""
        count, used = self.usage()
        return {"files": count, "bytes": used}

    def check(self, begun: bool = False, usage: tuple[int, int] | None = None) -> int:
        """The bytes that are used. Raises Problem 507 if no further file may begin, or one that was `begun` may not end."""
        count, used = usage or self.usage()
        if count >= self.settings.files:
            raise _full(f"the workspace may hold {self.settings.files:,} files")
        if used > self.settings.total_bytes or (used == self.settings.total_bytes and not begun):
            raise _full(f"the workspace may hold {self.settings.total_bytes / 1e9:,.1f} GB")
        if self.free() <= 0:
            raise _full("the disk is nearly full")
        return used

    def _below_root(self) -> tuple[int, int]:
        count, total = 0, 0
        for above, files in folders.walk(self.root, whole=True):
            total += sum(status.st_size for status in files.values())
            if above[:1] != (folders.STATE,):
                count += sum(not name.startswith(".") for name in files)
        return count, total


class Metered:
    """A file being written, which stops at the limits of one file, of the workspace and of the disk."""

    def __init__(self, file: BinaryIO, quota: Quota, left: int) -> None:
        self._file, self._quota, self._left = file, quota, left
        self._next_look = 0
        self.bytes = 0

    def write(self, content: bytes) -> int:
        self.bytes += len(content)
        limit = self._quota.settings.file_bytes
        if self.bytes > limit:
            raise Problem(413, "too-large", f"A file may have at most {limit:,} bytes.")
        if self.bytes > self._left:
            raise _full(f"the workspace may hold {self._quota.settings.total_bytes / 1e9:,.1f} GB")
        if self.bytes >= self._next_look:
            self._next_look = self.bytes + STRIDE
            if self._quota.free() < len(content):
                raise _full("the disk is nearly full")
        return self._file.write(content)


def _full(reason: str) -> Problem:
    return Problem(507, "storage", f"There is no room: {reason}. Delete files that are not needed, then try again.")
