"""Everything below one root: the only place where the service opens, writes and lists what clients name.

What is outside the root and what is missing answer alike. Nothing is overwritten unless that was asked. A write is a
temporary name, fsync and one rename, so that a crash leaves the old file or the new, whole. The service's own state lives
in root/.reverie, which no client can name.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reverie.errors import UsageError
from reverie.operations.context import Folder
from reverie.service import folders, names
from reverie.service.placing import check_depth, check_target, give_name, is_ours, note, sign, take_place, taken
from reverie.service.problems import Problem
from reverie.service.quota import Metered, Quota
from reverie.service.settings import Settings

__all__ = ["RUN", "Entry", "Workspace", "parts_of"]

PART = ".part"
STALE = 3600.0  # seconds after which a temporary file is nobody's
CONFIG = "config.yaml"
RUN = {CONFIG, "codec.json"}


@dataclass(frozen=True)
class Entry:
    """A file of the workspace; `modified` is in seconds since 1970."""

    name: str
    bytes: int
    modified: float


class Workspace:
    """The files of one root. Where `by` is given, it is the folder of files of the attempt at a job that asks."""

    def __init__(self, root: Path, settings: Settings) -> None:
        if os.open not in os.supports_dir_fd:
            raise UsageError("this system cannot open files without following links: serve on Linux or macOS.")
        try:
            root.mkdir(parents=True, exist_ok=True)
            self.root = root.resolve(strict=True)
            self.state = self.root / folders.STATE
            self.state.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{root} cannot be the workspace: {error.strerror}. Name a folder that can be written."
            ) from error
        if self.state.is_symlink():
            raise UsageError(f"{self.state} is a link: remove it, the service keeps its own state there.")
        self.quota = Quota(self.root, settings)
        self._committing = threading.Lock()

    # Reading

    def open(self, name: str, suffixes: tuple[str, ...]) -> BinaryIO:
        """An existing regular file, to read. Raises Problem 404 for anything else."""
        *above, last = parts_of(name, suffixes)
        with folders.opened(self.root, above, name) as folder:
            return os.fdopen(folders.file_handle(folder, last, name), "rb")

    def has(self, name: str, suffixes: tuple[str, ...]) -> bool:
        """Whether there is such a file."""
        try:
            self.open(name, suffixes).close()
        except Problem as problem:
            if problem.status != 404:
                raise
            return False
        return True

    def path(self, name: str, suffixes: tuple[str, ...], by: Path) -> Path:
        """The path of an existing regular file, for what is written down about it; to read it by path, use `held`.

        With no suffixes it is that of a folder.
        """
        if suffixes and not self.has(name, suffixes):
            raise folders.missing(name)
        return self.root.joinpath(*names.parts(name)) if suffixes else self.folder(name)

    @contextmanager
    def held(self, name: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
        """A private path of the very file that was checked, for libraries that open by path: no swap can reach it."""
        last = parts_of(name, suffixes)[-1]
        private = self.state / "held" / secrets.token_hex(8)
        private.mkdir(parents=True)
        try:
            with self.open(name, suffixes) as file:
                give_name(file, private, last)
            yield private / last
        finally:
            shutil.rmtree(private, ignore_errors=True)

    def folder(self, name: str, checkpoints: bool = True, only: Collection[str] | None = None) -> Path:
        """The path of an existing folder, say of a run, that holds no links. Raises Problem 404 for anything else.

        Its files are not to be changed. A run's checkpoints may be missing where they are not asked for, and all other files
        where `only` some are.
        """
        parts = names.parts(name)
        with folders.opened(self.root, parts, name) as folder, os.scandir(folder) as found:
            if any(entry.is_symlink() for entry in found):
                raise folders.missing(name)
        return self.root.joinpath(*parts)

    def entries(self) -> list[Entry]:
        """All files that a client can name, in order of their names."""
        found = [
            Entry("/".join((*above, name)), status.st_size, status.st_mtime)
            for above, files in folders.walk(self.root)
            for name, status in files.items()
            if names.allowed(name)
        ]
        return sorted(found, key=lambda entry: entry.name)

    def runs(self) -> list[str]:
        """The folders of trained runs, at most three deep."""
        return self.holding(RUN)

    def holding(self, wanted: Set[str]) -> list[str]:
        """The folders, at most three deep, that have files of all these names."""
        return sorted("/".join(above) for above, files in folders.walk(self.root) if above and {*files} >= wanted)

    def kept(self, wanted: Set[str], only: Collection[str]) -> list[tuple[str, Path, list[Entry]]]:
        """The folders of `holding`: each with its path, where the files `only` can be read, and all files inside it.

        What goes away meanwhile, or holds a link, is left out.
        """
        found = []
        for name in self.holding(wanted):
            with contextlib.suppress(Problem):
                found.append((name, self.folder(name, checkpoints=False, only=only), self.inside(name)))
        return found

    def inside(self, name: str) -> list[Entry]:
        """All files of a folder and of those below it, at any depth, by their names from there, in order."""
        start = names.parts(name)
        found = [
            Entry("/".join((*above[len(start) :], last)), status.st_size, status.st_mtime)
            for above, files in folders.walk(self.root, whole=True, start=start)
            for last, status in files.items()
            if not last.startswith(".")
        ]
        return sorted(found, key=lambda entry: entry.name)

    def open_inside(self, name: str, inner: str) -> BinaryIO:
        """One of the files of `inside`, to read. Raises Problem 404 for anything else."""
        *below, last = inner.split("/")
        with folders.opened(self.root, [*names.parts(name), *below], name) as folder:
            return os.fdopen(folders.file_handle(folder, last, name), "rb")

    def name_of(self, path: str | Path) -> str | None:
        """The name that a client has for a place on this machine, say for where training read its data; None without one."""
        with contextlib.suppress(ValueError, Problem):
            return "/".join(names.parts(Path(path).relative_to(self.root).as_posix()))
        return None

    def made(self, by: Path, file: str) -> BinaryIO:
        """A file that a job made and that has no name of a client. Raises OSError or Problem 404 if there is none."""
        return os.fdopen(os.open(by / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")

    # Writing

    def target(self, name: str, suffixes: tuple[str, ...], overwrite: bool, by: Path | None = None) -> Path:
        """Where a new file (or with no suffixes a new folder) may be written; its parents are made.

        Raises Problem 409 if something is there and may not be overwritten, or is of another kind, and 507 without room.
        What an earlier attempt of the same job wrote may be overwritten.
        """
        *above, last = parts_of(name, suffixes)
        self.quota.check()
        with folders.opened(self.root, above, name, make=True) as folder:
            overwrite = overwrite or is_ours(folder, last, by)
            check_target(folder, last, overwrite, stat.S_IFREG if suffixes else stat.S_IFDIR)
        return self.root.joinpath(*above, last)

    @contextmanager
    def writing(self, name: str, suffixes: tuple[str, ...], overwrite: bool, by: Path | None = None) -> Iterator[Metered]:
        """Yields a file whose content takes the name when the block ends well; otherwise nothing has changed."""
        *above, last = parts_of(name, suffixes)
        left = self.quota.settings.total_bytes - self.quota.check()
        with folders.opened(self.root, above, name, make=True) as folder:
            overwrite = overwrite or is_ours(folder, last, by)
            check_target(folder, last, overwrite, stat.S_IFREG)
            temporary = f".{secrets.token_hex(8)}{PART}"
            handle = folders.new_handle(folder, temporary)
            try:
                with os.fdopen(handle, "wb") as file:
                    yield Metered(file, self.quota, left)
                    file.flush()
                    os.fsync(file.fileno())
                    if by is not None:
                        note(by, last).write_text(sign(os.fstat(file.fileno())))
                with self._committing:  # one at a time: quotas hold for writers side by side
                    self.quota.check(begun=True)
                    check_target(folder, last, overwrite, stat.S_IFREG)
                    take_place(folder, temporary, last, overwrite)
                os.fsync(folder)
            finally:
                folders.remove(folder, temporary)

    def making(self, name: str, by: Path, overwrite: bool, resume: bool | None = None) -> Folder:
        """A folder that a job writes, or goes on with: after an earlier attempt of its own, or where it is to `resume`.

        Two notes beside the job's files show a later attempt how far an earlier one came: "claimed", the folder is this
        job's; "begun", what is in it is too. Raises as `target` does.
        """
        if resume:
            return Folder(self.folder(name), resume=True)
        claimed, begun = (by.parent / note for note in ("claimed", "begun"))
        mine = claimed.exists()
        path = self.target(name, (), overwrite or mine)
        claimed.touch()
        again = mine and begun.exists() and (path / CONFIG).exists()
        return Folder(path, again, (overwrite or mine) and not again, begun.touch)

    def keep(self, by: Path, ended: bool) -> None:
        """Shows all machines what an attempt has made so far, and when it has `ended` its own files too."""

    def save(self, by: Path) -> None:
        """As `keep`, in the middle of the work: where that cannot be now, it is for a later time."""

    def left(self, by: Path) -> None:
        """The attempt is over, and the ledger knows it."""

    def remove(self, name: str, suffixes: tuple[str, ...]) -> None:
        """Removes a file, or the folder of a run with all that is in it. Raises Problem 404 for anything else."""
        *above, last = names.parts(name)
        with folders.opened(self.root, above, name) as folder:
            kind = folders.kind(folder, last)
            if kind == stat.S_IFREG and names.ends(last, suffixes):
                folders.remove(folder, last)
            elif kind == stat.S_IFDIR and "/".join((*above, last)) in self.runs():
                shutil.rmtree(last, dir_fd=folder)
            else:
                raise folders.missing(name)
            os.fsync(folder)

    def rename(self, name: str, to: str) -> None:
        """Gives the folder of a run another name.

        Raises Problem 404 where there is no such run, 409 where the name is taken, and 422 where that is more or less deep
        in folders: a run says where its data is as seen from where it stands.
        """
        old, new = names.parts(name), names.parts(to)
        check_depth(old, new)
        with (
            self._committing,
            folders.opened(self.root, old[:-1], name) as folder,
            folders.opened(self.root, new[:-1], to, make=True) as target,
        ):
            if "/".join(old) not in self.runs():
                raise folders.missing(name)
            if folders.kind(target, new[-1]):
                raise taken(to)
            os.rename(old[-1], new[-1], src_dir_fd=folder, dst_dir_fd=target)
            os.fsync(target)
            os.fsync(folder)

    def remove_inside(self, name: str, files: Iterable[str]) -> None:
        """Removes these files of a folder, those that are there, and the folder if nothing else is in it."""
        *above, last = names.parts(name)
        with folders.opened(self.root, above, name) as parent:
            with folders.opened(self.root, [*above, last], name) as folder:
                for file in files:
                    folders.remove(folder, file)
                os.fsync(folder)
            with contextlib.suppress(OSError):
                os.rmdir(last, dir_fd=parent)

    def jobs(self) -> set[str]:
        """The jobs that have files of their own."""
        homes = self.state / "jobs"
        return {home.name for home in homes.iterdir()} if homes.is_dir() else set()

    def forget(self, jobs: Iterable[str]) -> None:
        """Removes the files of these jobs."""
        for job in jobs:
            shutil.rmtree(self.state / "jobs" / job, ignore_errors=True)

    def sweep(self) -> None:
        """Removes what writers left that were killed."""
        shutil.rmtree(self.state / "held", ignore_errors=True)
        for above, files in folders.walk(self.root):
            for name, status in files.items():
                if name.startswith(".") and name.endswith(PART) and status.st_mtime < time.time() - STALE:
                    with contextlib.suppress(Problem, OSError), folders.opened(self.root, above) as folder:
                        folders.remove(folder, name)


def parts_of(name: str, suffixes: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of a name. Raises Problem 422 if it cannot be one, or has none of the suffixes."""
    parts = names.parts(name)
    if not names.ends(parts[-1], suffixes):
        raise Problem(422, "name", f"This name cannot be used here: it must end in {', '.join(suffixes)}.")
    return parts
