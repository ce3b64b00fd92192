"""Folders reached part by part through descriptors, so that no link is ever followed.

What a name means is decided once, when the descriptor is opened; a link that is swapped in afterwards changes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reverie.service import names
from reverie.service.problems import Problem

__all__ = ["STATE", "file_handle", "kind", "missing", "new_handle", "opened", "remove", "walk"]

STATE = ".reverie"
SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | SAFE
FILE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | SAFE  # without blocking: a pipe that nobody writes to must not hold us
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE
NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EACCES, errno.EPERM}


def missing(name: str) -> Problem:
    """The one answer for what is not there and for what is not to be reached."""
    return Problem(404, "not-found", f"The workspace has nothing of the name {name}: GET /api/files lists what it has.")


@contextmanager
def opened(root: Path, parts: Sequence[str], name: str = "", make: bool = False) -> Iterator[int]:
    """The descriptor of the folder root/part/part/..., its missing parts made if asked. Raises Problem 404, of `name`."""
    handle = os.open(root, FOLDER)
    try:
        for part in parts:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=handle)
            below = _below(part, FOLDER, handle, name)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


def file_handle(folder: int, last: str, name: str) -> int:
    """A descriptor to read the regular file `last` of the folder. Raises Problem 404 for anything else."""
    handle = _below(last, FILE, folder, name)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise missing(name)
    return handle


def new_handle(folder: int, last: str) -> int:
    """A descriptor to write a file that was not there."""
    return os.open(last, NEW, 0o644, dir_fd=folder)


def remove(folder: int, last: str) -> None:
    """Removes a file of the folder, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(last, dir_fd=folder)


def kind(folder: int, last: str) -> int:
    """The kind of what has this name in the folder, as stat.S_IF..., or 0 if nothing has."""
    try:
        return stat.S_IFMT(os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return 0


def walk(
    root: Path, whole: bool = False, start: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, os.stat_result]]]:
    """Each folder that a client can name, with its regular files; `whole`: also deeper ones and the service's own.

    `start` is the folder to begin with.
    """
    waiting: list[tuple[str, ...]] = [start]
    while waiting:
        above = waiting.pop()
        files: dict[str, os.stat_result] = {}
        with contextlib.suppress(OSError, Problem), opened(root, above) as folder, os.scandir(folder) as found:
            for entry in found:
                with contextlib.suppress(FileNotFoundError):  # gone while we look
                    if entry.is_file(follow_symlinks=False):
                        files[entry.name] = entry.stat(follow_symlinks=False)
                    elif entry.is_dir(follow_symlinks=False) and _entered(above, entry.name, whole):
                        waiting.append((*above, entry.name))
        yield above, files


def _entered(above: tuple[str, ...], name: str, whole: bool) -> bool:
    if whole:
        return not name.startswith(".") or above[:1] == (STATE,) or (not above and name == STATE)
    return len(above) < names.DEPTH - 1 and names.allowed(name)


def _below(part: str, flags: int, folder: int, name: str) -> int:
    try:
        return os.open(part, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in NOT_THERE:
            raise missing(name) from error
        raise
