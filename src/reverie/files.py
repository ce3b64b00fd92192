"""Writing so that a file is either what it was or what it shall be, never half of both.

Content goes to a temporary name in the same folder, is flushed to disk, and takes the place of the old by one rename.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

__all__ = ["flush_folder", "likely", "write_atomically", "writing"]

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
