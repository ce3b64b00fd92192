"""What attempts at jobs make, on its way into the index: all files of an attempt enter it together.

A run grows in a folder of the attempt alone. Every so often, and at the end, what is in it is uploaded and named, so that
another machine goes on with what a worker left that was killed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from logging import WARNING
from pathlib import Path
from stat import S_IFDIR

from reverie.operations.context import Folder
from reverie.service import folders, names
from reverie.service.logs import say
from reverie.service.objects.cache import Cache
from reverie.service.objects.index import Catalogue, Content, Index
from reverie.service.objects.placing import all_of, check, maker
from reverie.service.objects.store import Away

__all__ = ["Makings"]


@dataclass(frozen=True)
class _Making:
    """A folder that an attempt writes, and the name that it shall have."""

    name: str
    path: Path
    overwrite: bool


class Makings:
    """The folders that attempts write on this machine, below `root`; `by` is the folder of an attempt's own files."""

    def __init__(self, root: Path, catalogue: Catalogue, cache: Cache) -> None:
        self._root, self._catalogue, self._cache = root, catalogue, cache
        self._makings: dict[Path, _Making] = {}
        self._digests: dict[Path, tuple[int, int, str]] = {}

    def begin(self, name: str, by: Path, overwrite: bool, resume: bool | None) -> Folder:
        """As Workspace.making, which sees to the quota."""
        whole = "/".join(names.parts(name))
        path = self.private(by) / whole
        shutil.rmtree(self.private(by), ignore_errors=True)

        def begin(index: Index) -> bool:
            below = index.below(whole)
            if resume and not below:
                raise folders.missing(name)
            again = bool(resume) or (bool(below) and all_of(below.values(), maker(by)[0]))
            if not again:
                check(index, whole, name, S_IFDIR, overwrite, by)
            self._cache.copy(below if again else {}, path)
            return again

        again = self._catalogue.read(begin)
        self._makings[by] = _Making(whole, path, overwrite or bool(resume))
        return Folder(path, resume=again, begun=lambda: self.save(by))

    def keep(self, by: Path, ended: bool) -> None:
        """Puts what an attempt has made so far into the index, and when it has `ended` its own files too."""
        making = self._makings.get(by)
        found: dict[str, Path] = {}
        if making is not None:
            found |= {f"{making.name}/{path.relative_to(making.path)}": path for path in _regular(making.path)}
        if ended:
            found |= {str(path.relative_to(self._root)): path for path in _regular(by)}
        if not found:
            return
        uploaded: dict[str, Content] = {}
        while not self._catalogue.change(self._edit_to_keep(by, making, found, uploaded), uploaded.values()):
            pass  # a content that was there already went away meanwhile: now it is uploaded

    def save(self, by: Path) -> None:
        """As `keep`, in the middle of the work; where the store is away, it is for a later time."""
        try:
            self.keep(by, ended=False)
        except Away as error:
            say("what a job has saved cannot be uploaded now", WARNING, error, job=by.parent.name)

    def _edit_to_keep(
        self, by: Path, making: _Making | None, found: dict[str, Path], uploaded: dict[str, Content]
    ) -> Callable[[dict[str, Content]], bool]:
        """What is to be done to the index. Contents that it does not have are uploaded first."""
        job, attempt = maker(by)
        digests = {name: self._digest(path) for name, path in found.items()}
        there = {content.sha256 for content in self._catalogue.now().files.values()}
        for name, digest in digests.items():
            if digest not in there and digest not in uploaded:
                uploaded[digest] = Content(*self._catalogue.store.put(found[name]), time.time())

        def edit(files: dict[str, Content]) -> bool:
            known = {content.sha256: content for content in files.values()} | uploaded
            if not known.keys() >= {*digests.values()}:
                return False
            if making is not None:
                check(Index("", files), making.name, making.name, S_IFDIR, making.overwrite, by)
                for each in Index("", files).below(making.name):
                    if f"{making.name}/{each}" not in found:
                        del files[f"{making.name}/{each}"]
            for name, digest in digests.items():
                before = files.get(name)
                modified = before.modified if before and before.sha256 == digest else time.time()
                files[name] = replace(known[digest], modified=modified, job=job, attempt=attempt)
            return True

        return edit

    def left(self, by: Path) -> None:
        """The attempt is over: what it made here is not needed any more."""
        self._makings.pop(by, None)
        self._digests.clear()
        for folder in (self.private(by), by):
            shutil.rmtree(folder, ignore_errors=True)
        if by.parent.is_dir() and not any(by.parent.iterdir()):
            by.parent.rmdir()

    def private(self, by: Path) -> Path:
        """Where an attempt makes its folders."""
        return self._root / folders.STATE / "made" / "-".join(map(str, maker(by)))

    def _digest(self, path: Path) -> str:
        """The SHA-256 of a file; one that did not change since is not read again."""
        status = path.stat()
        known = self._digests.get(path)
        if known is None or known[:2] != (status.st_size, status.st_mtime_ns):
            with path.open("rb") as file:
                known = (status.st_size, status.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest())
            self._digests[path] = known
        return known[2]


def _regular(folder: Path) -> list[Path]:
    """All files of a folder and those below it; what begins with a dot is not whole, and links are nobody's."""
    found: list[Path] = []
    for above, below, files in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        paths = (Path(above, name) for name in files if not name.startswith("."))
        found += [path for path in paths if path.is_file() and not path.is_symlink()]
    return sorted(found)
