"""Writing so that a file is either what it was or what it shall be, never half of both.

Content goes to a temporary name in the same folder, is flushed to disk, and takes the place of the old by one rename.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from reverie.errors import UsageError

__all__ = ["flush_folder", "folder_beside", "likely", "locked", "take_place", "write_atomically", "writing"]

_LEFT = ".unfinished"
MOST_NAMES = 10_000
"""Of a folder, that are looked at for one that is like another."""


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`; what was written there replaces `path` when the block ends well.

    Where the block raises (a full disk too), the temporary file is removed and `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_beside(place: Path) -> Iterator[Path]:
    """Yields a new folder beside `place` to make what shall be there, which is gone when the block ends.

    What calls for the same place left there that were killed is removed first; what another call works in is locked.
    """
    _check_open(place.parent)
    for left in place.parent.glob(f".{glob.escape(place.name)}.*{_LEFT}"):
        if (lock := locked(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    folder = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.", suffix=_LEFT))
    lock = locked(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _check_open(folder: Path) -> None:
    """Makes a folder where it is not there. Raises UsageError where nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="."):
            pass
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
            raise
        raise UsageError(f"{folder} cannot be written to ({os.strerror(error.errno)}): name another place.") from error


def take_place(made: Path, place: Path) -> None:
    """What a folder holds is flushed to disk and moved to the folder `place`: at once where that is not there or empty, else
    one after the other, and what else is there stays."""
    for file in (path for path in made.rglob("*") if path.is_file()):
        with contextlib.suppress(OSError), file.open("rb") as written:  # not every system flushes what is only read
            os.fsync(written.fileno())
    if not place.exists() or not any(place.iterdir()):
        with contextlib.suppress(OSError):  # a link, or where another disk hangs: then one after the other
            made.rename(place)
    if made.exists():
        place.mkdir(exist_ok=True)
        for path in sorted(made.iterdir()):
            if (place / path.name).is_dir():
                shutil.rmtree(place / path.name)
            shutil.move(path, place / path.name)
    flush_folder(place.parent)


def locked(folder: Path) -> int | None:
    """A handle that holds the lock of a folder; None where another process holds it, or nothing can be locked."""
    try:
        import fcntl  # not on every system

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes the whole content of a file, or leaves the file as it was."""
    with writing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def flush_folder(folder: Path) -> None:
    """Makes the folder's list of names durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def likely(path: Path, bundled: Iterable[str] = ()) -> str:
    """What may have been meant by a path where nothing is: the nearest name there, or of what is bundled, or else ""."""
    with contextlib.suppress(OSError):
        near = {there.name.lower(): str(there) for there in islice(path.parent.iterdir(), MOST_NAMES)}
        near = {name: there for name, there in near.items() if not name.startswith(".")}
        if found := get_close_matches(path.name.lower(), near, n=1, cutoff=0.8):
            return near[found[0]]
    return next(iter(get_close_matches(str(path).lower(), bundled, n=1, cutoff=0.6)), "")
