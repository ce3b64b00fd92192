"""Contents of the object storage on this machine's disk: by their SHA-256, so that none is ever out of date.

    contents/SHA256           one content, checked when it came, never changed
    views/DIGEST/NAME/...     a folder as it was at one time: other names (hard links) of contents

Any of it may be removed at any time by nobody but `_make_room`: it is fetched again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reverie.files import flush_folder
from reverie.service.objects.index import Content
from reverie.service.objects.store import Away, Store
from reverie.service.problems import Problem

__all__ = ["Cache"]

PART = ".part"
IN_USE = 3600.0  # seconds after its last use in which a view stays


class Cache:
    """The cache in `root`, of at most so many bytes where nobody uses more at one time."""

    def __init__(self, root: Path, store: Store, most: int, free_bytes: int) -> None:
        self._contents, self._views = root / "contents", root / "views"
        self._store, self._most, self._free = store, most, free_bytes
        for folder in (self._contents, self._views):
            folder.mkdir(parents=True, exist_ok=True)

    def content(self, content: Content) -> Path:
        """A file with the content; not to be changed. Raises FileNotFoundError if the store has it no more."""
        path = self._contents / content.sha256
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size == content.bytes:
                os.utime(path)
                return path
        self._make_room(content.bytes)
        with self.part() as part:
            digest = hashlib.sha256()
            with part.open("xb") as file:
                for piece in self._store.get(content.key, content.bytes):
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            if digest.hexdigest() != content.sha256:
                raise Away  # cut on the way, or changed by another hand: neither is used
            return self.adopt(part, content)

    @contextmanager
    def part(self) -> Iterator[Path]:
        """Where to write a content that is not whole yet."""
        part = self._contents / f"{secrets.token_hex(8)}{PART}"
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    def adopt(self, part: Path, content: Content) -> Path:
        """Takes in a file of which it is known that it has the content."""
        path = self._contents / content.sha256
        part.chmod(0o444)
        part.replace(path)
        return path

    def view(self, name: str, files: Mapping[str, Content]) -> Path:
        """The folder `name` with these files."""
        told = json.dumps([name, *sorted((each, content.sha256) for each, content in files.items())])
        place = self._views / hashlib.sha256(told.encode()).hexdigest()[:32]
        if place.is_dir():
            os.utime(place)
            return place / name
        part = place.with_name(f".{secrets.token_hex(8)}{PART}")
        try:
            (part / name).mkdir(parents=True)
            self.copy(files, part / name, link=True)
            flush_folder(part)
            with contextlib.suppress(OSError):  # another was quicker
                part.rename(place)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return place / name

    def copy(self, files: Mapping[str, Content], folder: Path, link: bool = False) -> None:
        """Writes the files into the folder, to be changed there; or links to them, not to be changed."""
        for each, content in files.items():
            target = folder / each
            target.parent.mkdir(parents=True, exist_ok=True)
            source = self.content(content)
            if link:
                with contextlib.suppress(OSError):  # a file system without links
                    os.link(source, target)
                    continue
            shutil.copyfile(source, target)

    def sweep(self) -> None:
        """Removes what was begun and not ended by those that were killed."""
        for folder in (self._contents, self._views):
            for left in folder.glob(f"*{PART}"):
                if left.stat().st_mtime < time.time() - IN_USE:
                    shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)

    def _make_room(self, size: int) -> None:
        """Removes what was not used for the longest time. Raises Problem 507 if the disk has no room even so."""
        whole = (path for path in self._contents.iterdir() if path.suffix != PART)
        found = sorted((status.st_mtime, status.st_size, path) for path in whole if (status := _status(path)))
        held = sum(size for _, size, _ in found)
        if held + size > self._most or self._room() < size:
            for view in self._views.iterdir():
                if (status := _status(view)) and status.st_mtime < time.time() - IN_USE:
                    shutil.rmtree(view, ignore_errors=True)
            for _, freed, path in found:
                if held + size <= self._most and self._room() >= size:
                    break
                path.unlink(missing_ok=True)
                held -= freed
        if self._room() < size:
            sentence = "There is no room: the disk is nearly full. Delete files that are not needed, then try again."
            raise Problem(507, "storage", sentence)

    def _room(self) -> int:
        disk = os.statvfs(self._contents)
        return disk.f_bavail * disk.f_frsize - self._free


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
