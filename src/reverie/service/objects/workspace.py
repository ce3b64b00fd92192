"""A workspace whose files are in object storage: several machines see the same names without a folder that they share.

    reading    the index says what a name stands for now; the content comes from this machine's cache, or from the store
    writing    the content is uploaded, then the index names it: a name never stands for half a file
    a run      grows in a folder of the attempt alone; all of its files enter the index together, every so often and at the
               end, so that another machine goes on with what a worker left that was killed

What a job made is in the index before its end is in the ledger.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from stat import S_IFDIR, S_IFREG
from typing import BinaryIO

from reverie.errors import UsageError
from reverie.files import write_atomically
from reverie.manifest import MANIFEST
from reverie.operations.context import Folder
from reverie.service import folders, names
from reverie.service.objects.cache import Cache
from reverie.service.objects.index import Catalogue, Content, Index
from reverie.service.objects.making import Makings
from reverie.service.objects.placing import check, maker, usage
from reverie.service.objects.store import Store
from reverie.service.placing import check_depth, taken
from reverie.service.problems import PRIVATE
from reverie.service.quota import Metered, Quota
from reverie.service.settings import Settings
from reverie.service.workspace import RUN, Entry, Workspace, parts_of

__all__ = ["ObjectWorkspace"]

CHECKPOINTS = "checkpoints/"


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
        self.quota = Quota(self.root, settings, lambda: usage(self._catalogue.now().files))
        self._makings = Makings(self.root, self._catalogue, self._cache)

    # Reading

    def open(self, name: str, suffixes: tuple[str, ...]) -> BinaryIO:
        whole = "/".join(parts_of(name, suffixes))
        return self._catalogue.read(lambda index: self._opened(index, whole, name))

    def has(self, name: str, suffixes: tuple[str, ...]) -> bool:
        return "/".join(parts_of(name, suffixes)) in self._catalogue.now().files

    def path(self, name: str, suffixes: tuple[str, ...], by: Path) -> Path:
        """Seen from where a run is made it is where the root would be: so a run is the same on every machine."""
        if suffixes and not self.has(name, suffixes):
            raise folders.missing(name)
        return self._makings.private(by).joinpath(*names.parts(name))

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

        return self._catalogue.read(seen)

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

        return self._catalogue.read(look)

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
        return self._catalogue.read(lambda index: self._opened(index, whole, name))

    def name_of(self, path: str | Path) -> str | None:
        """Also of a place in the folders of the cache, and of an attempt, in which runs stand as in the root."""
        return super().name_of(PRIVATE.sub("", str(path), count=1))

    def made(self, by: Path, file: str) -> BinaryIO:
        name = str((by / file).relative_to(self.root))
        return self._catalogue.read(lambda index: self._opened(index, name, file))

    def _opened(self, index: Index, whole: str, name: str) -> BinaryIO:
        if whole not in index.files:
            raise folders.missing(name)
        return self._cache.content(index.files[whole]).open("rb")

    # Writing

    def target(self, name: str, suffixes: tuple[str, ...], overwrite: bool, by: Path | None = None) -> Path:
        parts = parts_of(name, suffixes)
        self.quota.check()
        index = self._catalogue.now()
        check(index, "/".join(parts), name, S_IFREG if suffixes else S_IFDIR, overwrite, by)
        return self.root.joinpath(*parts)

    @contextmanager
    def writing(self, name: str, suffixes: tuple[str, ...], overwrite: bool, by: Path | None = None) -> Iterator[Metered]:
        whole = "/".join(parts_of(name, suffixes))
        left = self.quota.settings.total_bytes - self.quota.check()
        check(self._catalogue.now(), whole, name, S_IFREG, overwrite, by)
        with self._cache.part() as part:
            with part.open("xb") as file:
                yield Metered(file, self.quota, left)
            key, size = self._store.put(part)
            content = Content(key, size, time.time(), *maker(by))

            def edit(files: dict[str, Content]) -> None:
                if files.get(whole) != content:
                    check(Index("", files), whole, name, S_IFREG, overwrite, by)
                    self.quota.check(begun=True, usage=usage(files, size))
                    files[whole] = content

            self._catalogue.change(edit, [content])
            self._cache.adopt(part, content)

    def making(self, name: str, by: Path, overwrite: bool, resume: bool | None = None) -> Folder:
        self.quota.check()
        return self._makings.begin(name, by, overwrite, resume)

    def keep(self, by: Path, ended: bool) -> None:
        self._makings.keep(by, ended)

    def save(self, by: Path) -> None:
        self._makings.save(by)

    def left(self, by: Path) -> None:
        self._makings.left(by)

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


def _entries(found: dict[str, Content]) -> list[Entry]:
    return [Entry(name, found[name].bytes, found[name].modified) for name in sorted(found)]


def _named(parts: list[str]) -> bool:
    """Whether a client can write this name."""
    return len(parts) <= names.DEPTH and all(map(names.allowed, parts))
