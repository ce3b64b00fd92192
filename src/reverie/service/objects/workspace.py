"""A workspace whose files are in object storage: several machines see the same names without a folder that they share.

    reading    the index says what a name stands for now; the content comes from this machine's cache, or from the store
    writing    the content is uploaded, then the index names it: a name never stands for half a file
    a run      grows in a folder of the attempt alone; all of its files enter the index together, every so often and at the
               end, so that another machine goes on with what a worker left that was killed

What a job made is in the index before its end is in the ledger.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from logging import WARNING
from pathlib import Path
from stat import S_IFDIR, S_IFREG
from typing import Any, BinaryIO, TypeVar

from reverie.errors import UsageError
from reverie.files import write_atomically
from reverie.manifest import MANIFEST
from reverie.operations.context import Folder
from reverie.service import folders, names
from reverie.service.logs import say
from reverie.service.objects.cache import Cache
from reverie.service.objects.index import Catalogue, Content, Index
from reverie.service.objects.store import Away, Store
from reverie.service.placing import check_depth, taken
from reverie.service.problems import PRIVATE, Problem
from reverie.service.quota import Metered, Quota
from reverie.service.settings import Settings
from reverie.service.workspace import RUN, Entry, Workspace, parts_of

__all__ = ["ObjectWorkspace"]

Found = TypeVar("Found")
CHECKPOINTS = "checkpoints/"


@dataclass(frozen=True)
class _Making:
    """A folder that an attempt writes, and the name that it shall have."""

    name: str
    path: Path
    overwrite: bool


class ObjectWorkspace(Workspace):
    """The files of one address in object storage; `root` holds the cache and what is being written."""

    def __init__(self, root: Path, settings: Settings, url: str) -> None:
        super().__init__(root, settings)
        if own := super().entries():
            raise UsageError(
                f"{root} holds files of its own, such as {own[0].name}, and with REVERIE_OBJECTS all files are in {url}: "
                "name an empty folder with --workspace, and upload what you need."
            )
        self._store = Store(url)
        self._catalogue = Catalogue(self._store)
        self._cache = Cache(self.state / "cache", self._store, settings.cache_bytes, settings.free_bytes)
        write_atomically(self.state / "identity", self._catalogue.now().identity)  # one ledger for all machines
        self.quota = Quota(self.root, settings, lambda: _usage(self._catalogue.now().files))
        self._makings: dict[Path, _Making] = {}
        self._digests: dict[Path, tuple[int, int, str]] = {}

    # Reading

    def open(self, name: str, suffixes: tuple[str, ...]) -> BinaryIO:
        whole = "/".join(parts_of(name, suffixes))
        return self._read(lambda index: self._opened(index, whole, name))

    def has(self, name: str, suffixes: tuple[str, ...]) -> bool:
        return "/".join(parts_of(name, suffixes)) in self._catalogue.now().files

    def path(self, name: str, suffixes: tuple[str, ...], by: Path) -> Path:
        """Seen from where a run is made it is where the root would be: so a run is the same on every machine."""
        if suffixes and not self.has(name, suffixes):
            raise folders.missing(name)
        return self._private(by).joinpath(*names.parts(name))

    def folder(self, name: str, checkpoints: bool = True, only: Collection[str] | None = None) -> Path:
        whole = "/".join(names.parts(name))

        def seen(index: Index) -> Path:
            found = index.below(whole)
            if not found:
                raise folders.missing(name)
            if MANIFEST in found or not checkpoints:  # a run that is trained needs none
                found = {each: content for each, content in found.items() if not each.startswith(CHECKPOINTS)}
            if only is not None:
                found = {each: content for each, content in found.items() if each in only}
            return self._cache.view(whole, found)

        return self._read(seen)

    def entries(self) -> list[Entry]:
        files = self._catalogue.now().files
        return _entries({name: content for name, content in files.items() if _named(name.split("/"))})

    def holding(self, wanted: Set[str]) -> list[str]:
        return self._holding(self._catalogue.now(), wanted)

    def kept(self, wanted: Set[str], only: Collection[str]) -> list[tuple[str, Path, list[Entry]]]:
        def look(index: Index) -> list[tuple[str, Path, list[Entry]]]:
            found = []
            for name in self._holding(index, wanted):
                below = index.below(name)
                path = self._cache.view(name, {each: content for each, content in below.items() if each in only})
                found.append((name, path, _entries(below)))
            return found

        return self._read(look)

    def _holding(self, index: Index, wanted: Set[str]) -> list[str]:
        by_folder: dict[str, set[str]] = {}
        for name in index.files:
            above, _, last = name.rpartition("/")
            by_folder.setdefault(above, set()).add(last)
        return sorted(above for above, files in by_folder.items() if files >= wanted and _named([*above.split("/"), "file"]))

    def inside(self, name: str) -> list[Entry]:
        return _entries(self._catalogue.now().below("/".join(names.parts(name))))

    def open_inside(self, name: str, inner: str) -> BinaryIO:
        whole = "/".join((*names.parts(name), inner))
        return self._read(lambda index: self._opened(index, whole, name))

    def name_of(self, path: str | Path) -> str | None:
        """Also of a place in the folders of the cache, and of an attempt, in which runs stand as in the root."""
        return super().name_of(PRIVATE.sub("", str(path), count=1))

    def made(self, by: Path, file: str) -> BinaryIO:
        name = str((by / file).relative_to(self.root))
        return self._read(lambda index: self._opened(index, name, file))

    def _read(self, what: Callable[[Index], Found]) -> Found:
        """Contents may be replaced and deleted between the index and the reading: then it is looked at once more."""
        for _ in range(3):
            try:
                return what(self._catalogue.now())
            except FileNotFoundError:
                continue
        raise Away

    def _opened(self, index: Index, whole: str, name: str) -> BinaryIO:
        if whole not in index.files:
            raise folders.missing(name)
        return self._cache.content(index.files[whole]).open("rb")

    # Writing

    def target(self, name: str, suffixes: tuple[str, ...], overwrite: bool, by: Path | None = None) -> Path:
        parts = parts_of(name, suffixes)
        self.quota.check()
        index = self._catalogue.now()
        _check(index, "/".join(parts), name, S_IFREG if suffixes else S_IFDIR, overwrite, by)
        return self.root.joinpath(*parts)

    @contextmanager
    def writing(self, name: str, suffixes: tuple[str, ...], overwrite: bool, by: Path | None = None) -> Iterator[Metered]:
        whole = "/".join(parts_of(name, suffixes))
        left = self.quota.settings.total_bytes - self.quota.check()
        _check(self._catalogue.now(), whole, name, S_IFREG, overwrite, by)
        with self._cache.part() as part:
            with part.open("xb") as file:
                yield Metered(file, self.quota, left)
            key, size = self._store.put(part)
            content = Content(key, size, time.time(), *_maker(by))

            def edit(files: dict[str, Content]) -> None:
                if files.get(whole) != content:
                    _check(Index("", files), whole, name, S_IFREG, overwrite, by)
                    self.quota.check(begun=True, usage=_usage(files, size))
                    files[whole] = content

            self._catalogue.change(edit, [content])
            self._cache.adopt(part, content)

    def making(self, name: str, by: Path, overwrite: bool, resume: bool | None = None) -> Folder:
        whole = "/".join(names.parts(name))
        path = self._private(by) / whole
        shutil.rmtree(self._private(by), ignore_errors=True)

        def begin(index: Index) -> bool:
            below = index.below(whole)
            if resume and not below:
                raise folders.missing(name)
            again = bool(resume) or (bool(below) and _all_of(below.values(), _maker(by)[0]))
            if not again:
                _check(index, whole, name, S_IFDIR, overwrite, by)
            self._cache.copy(below if again else {}, path)
            return again

        self.quota.check()
        again = self._read(begin)
        self._makings[by] = _Making(whole, path, overwrite or bool(resume))
        return Folder(path, resume=again, begun=lambda: self.save(by))

    def keep(self, by: Path, ended: bool) -> None:
        making = self._makings.get(by)
        found: dict[str, Path] = {}
        if making is not None:
            found |= {f"{making.name}/{path.relative_to(making.path)}": path for path in _regular(making.path)}
        if ended:
            found |= {str(path.relative_to(self.root)): path for path in _regular(by)}
        if not found:
            return
        uploaded: dict[str, Content] = {}
        while not self._catalogue.change(self._edit_to_keep(by, making, found, uploaded), uploaded.values()):
            pass  # a content that was there already went away meanwhile: now it is uploaded

    def save(self, by: Path) -> None:
        try:
            self.keep(by, ended=False)
        except Away as error:
            say("what a job has saved cannot be uploaded now", WARNING, error, job=by.parent.name)

    def _edit_to_keep(
        self, by: Path, making: _Making | None, found: dict[str, Path], uploaded: dict[str, Content]
    ) -> Callable[[dict[str, Content]], bool]:
        """What is to be done to the index. Contents that it does not have are uploaded first."""
        job, attempt = _maker(by)
        digests = {name: self._digest(path) for name, path in found.items()}
        there = {content.sha256 for content in self._catalogue.now().files.values()}
        for name, digest in digests.items():
            if digest not in there and digest not in uploaded:
                uploaded[digest] = Content(*self._store.put(found[name]), time.time())

        def edit(files: dict[str, Content]) -> bool:
            known = {content.sha256: content for content in files.values()} | uploaded
            if not known.keys() >= {*digests.values()}:
                return False
            if making is not None:
                _check(Index("", files), making.name, making.name, S_IFDIR, making.overwrite, by)
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
        self._makings.pop(by, None)
        self._digests.clear()
        for folder in (self._private(by), by):
            shutil.rmtree(folder, ignore_errors=True)
        if by.parent.is_dir() and not any(by.parent.iterdir()):
            by.parent.rmdir()

    def remove(self, name: str, suffixes: tuple[str, ...]) -> None:
        whole = "/".join(names.parts(name))

        def edit(files: dict[str, Content]) -> None:
            index = Index("", files)
            if whole in files and names.ends(whole, suffixes):
                del files[whole]
            elif {*(below := index.below(whole))} >= RUN:
                for each in below:
                    del files[f"{whole}/{each}"]
            else:
                raise folders.missing(name)

        self._catalogue.change(edit)

    def rename(self, name: str, to: str) -> None:
        old, new = names.parts(name), names.parts(to)
        check_depth(old, new)
        here, there = "/".join(old), "/".join(new)

        def edit(files: dict[str, Content]) -> None:
            index = Index("", files)
            if not {*(below := index.below(here))} >= RUN:
                raise folders.missing(name)
            if index.kind(there):
                raise taken(to)
            for each, content in below.items():
                del files[f"{here}/{each}"]
                files[f"{there}/{each}"] = content

        self._catalogue.change(edit)

    def remove_inside(self, name: str, files: Iterable[str]) -> None:
        whole = "/".join(names.parts(name))

        def edit(known: dict[str, Content]) -> None:
            for each in files:
                known.pop(f"{whole}/{each}", None)

        self._catalogue.change(edit)

    def jobs(self) -> set[str]:
        prefix = f"{folders.STATE}/jobs/"
        kept = (name for name in self._catalogue.now().files if name.startswith(prefix))
        return super().jobs() | {name.split("/")[2] for name in kept}

    def forget(self, jobs: Iterable[str]) -> None:
        jobs = {*jobs}
        super().forget(jobs)
        prefixes = tuple(f"{folders.STATE}/jobs/{job}/" for job in jobs)

        def edit(files: dict[str, Content]) -> None:
            for name in [name for name in files if name.startswith(prefixes)]:
                del files[name]

        if prefixes:
            self._catalogue.change(edit)

    def sweep(self) -> None:
        super().sweep()
        self._cache.sweep()
        self._catalogue.sweep()

    def _private(self, by: Path) -> Path:
        """Where an attempt makes its folders."""
        return self.state / "made" / "-".join(map(str, _maker(by)))

    def _digest(self, path: Path) -> str:
        """The SHA-256 of a file; one that did not change since is not read again."""
        status = path.stat()
        known = self._digests.get(path)
        if known is None or known[:2] != (status.st_size, status.st_mtime_ns):
            with path.open("rb") as file:
                known = (status.st_size, status.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest())
            self._digests[path] = known
        return known[2]


def _maker(by: Path | None) -> tuple[Any, ...]:
    """The job and the attempt whose folder of files this is."""
    return () if by is None else (by.parent.name, int(by.name.rpartition("-")[2]))


def _check(index: Index, whole: str, name: str, wanted: int, overwrite: bool, by: Path | None) -> None:
    """Raises Problem 409, or 404 where a folder above is none, if what is there may not be replaced by this job."""
    above = whole.split("/")[:-1]
    if any("/".join(above[: depth + 1]) in index.files for depth in range(len(above))):
        raise folders.missing(name)
    kind = index.kind(whole)
    last = whole.rpartition("/")[2]
    if kind and kind != wanted:
        raise Problem(409, "conflict", f"{last} is there already and is of another kind: choose another name.")
    there = [index.files[whole]] if kind == S_IFREG else [*index.below(whole).values()]
    job, attempt = _maker(by) or (None, 0)
    if any(content.job == job and content.attempt > attempt for content in there):
        raise Problem(409, "conflict", f"{last} was made by a later attempt of this job.")
    if there and not overwrite and not _all_of(there, job):
        raise Problem(409, "conflict", f"{last} is there already: choose another name, or allow to overwrite it.")


def _all_of(contents: Iterable[Content], job: str | None) -> bool:
    return job is not None and all(content.job == job for content in contents)


def _usage(files: dict[str, Content], more: int = 0) -> tuple[int, int]:
    """How many files clients have, and the bytes of all."""
    count = sum(not name.startswith(f"{folders.STATE}/") for name in files)
    return count, sum(content.bytes for content in files.values()) + more


def _entries(found: dict[str, Content]) -> list[Entry]:
    return [Entry(name, found[name].bytes, found[name].modified) for name in sorted(found)]


def _named(parts: list[str]) -> bool:
    """Whether a client can write this name."""
    return len(parts) <= names.DEPTH and all(map(names.allowed, parts))


def _regular(folder: Path) -> list[Path]:
    """All files of a folder and those below it; what begins with a dot is not whole, and links are nobody's."""
    found: list[Path] = []
    for above, below, files in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        paths = (Path(above, name) for name in files if not name.startswith("."))
        found += [path for path in paths if path.is_file() and not path.is_symlink()]
    return sorted(found)
