"""Files in folders, wherever they are kept: on the disk, in a .zip, or in a .tar such as the shards of webdataset.

Nothing of an archive is written to a folder. One that unpacks to far more than its size is refused, of a .zip by what it
says of itself, of a compressed .tar as it unpacks; a file inside is read only if it is no larger than a picture may be.
"""

from __future__ import annotations

import bz2
import gzip
import os
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from reverie.errors import DataError
from reverie.images.pictures import MAX_FILE_BYTES
from reverie.images.splits import listed
from reverie.modality import ARCHIVES
from reverie.zips import inside, is_shown, members

__all__ = ["File", "Tree", "is_archive", "on_disk", "opened", "passed_over"]

_PACKED = {".tar.gz": gzip.open, ".tgz": gzip.open, ".tar.bz2": bz2.open, ".tbz2": bz2.open}

MAX_RATIO = 20
"""An archive of pictures shrinks little: one that grows by more than this is a bomb,"""
_GRACE = 256 * 2**20
"""unless it unpacks to no more than so many bytes."""


@dataclass(frozen=True)
class File:
    """A file of a tree: its path in it, and what reads it, to a path on the disk or to its content."""

    path: PurePosixPath
    read: Callable[[], Path | bytes]

    @property
    def content(self) -> bytes:
        found = self.read()
        return found if isinstance(found, bytes) else found.read_bytes()


@dataclass(frozen=True, eq=False)
class Tree:
    """The files of a folder or an archive.

    Attributes:
        name: of it, for messages.
        files: all of them but hidden ones, sorted by their paths.
        places: the files on the disk that they are in, on which a cache hangs.
    """

    name: str
    files: tuple[File, ...]
    places: tuple[Path, ...] | None = None

    def of(self, suffixes: Sequence[str]) -> list[File]:
        """The files of these suffixes."""
        return [file for file in self.files if file.path.name.lower().endswith(tuple(suffixes))]


def is_archive(path: Path) -> bool:
    """Whether a file's name is that of an archive that is read."""
    return path.name.lower().endswith(ARCHIVES)


def on_disk(folder: Path) -> Tree:
    """The files below a folder; linked folders are passed over."""
    files = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if is_shown(name)]
        below = PurePosixPath(Path(place).relative_to(folder).as_posix())
        files += [File(below / name, partial(Path, place, name)) for name in names if is_shown(name)]
    return Tree(str(folder), _sorted(files))


@contextmanager
def opened(paths: Sequence[Path], name: str) -> Iterator[Tree]:
    """The files of an archive, or of several that are shards of one set.

    Raises DataError for one that is damaged, locked by a password, or unpacks to far too much.
    """
    with ExitStack() as stack:
        shards = {path: _members(path, stack) for path in paths}
        if len(shards) > 1:  # whose samples may be called alike
            shards = {path: [_of_shard(file, path) for file in files] for path, files in shards.items()}
        yield Tree(name, _sorted([file for files in shards.values() for file in files]), tuple(paths))


def passed_over(rest: Iterable[PurePosixPath]) -> tuple[str, ...]:
    """The note on files that are not read, if there are any: how many, and of which kinds."""
    counts = Counter(path.suffix.lower() or "no suffix" for path in rest)
    if not (total := counts.total()):
        return ()
    ranked = sorted(counts.items(), key=lambda kind: (-kind[1], kind[0]))
    kinds = listed([f"{kind} ({count})" if len(counts) > 1 else kind for kind, count in ranked])
    return (f"{total:,} {'file' if total == 1 else 'files'} passed over: {kinds}.",)


def _of_shard(file: File, shard: Path) -> File:
    return replace(file, path=file.path.with_name(f"{shard.name.partition('.')[0]}-{file.path.name}"))


def _members(path: Path, stack: ExitStack) -> list[File]:
    try:
        return (_of_zip if path.name.lower().endswith(".zip") else _of_tar)(path, stack)
    except DataError:
        raise
    except Exception as error:  # a damaged archive fails in as many ways as there are formats
        raise DataError(f"{path} is damaged, or no archive ({error}): fetch it again.") from error


def _of_zip(path: Path, stack: ExitStack) -> list[File]:
    archive = stack.enter_context(zipfile.ZipFile(path))
    found = members(archive, str(path))
    _check_growth(path, sum(member.file_size for member in archive.infolist()))
    return [
        File(place, partial(_read, f"{path}/{place}", member.file_size, partial(archive.open, member)))
        for place, member in found
    ]


def _of_tar(path: Path, stack: ExitStack) -> list[File]:
    packed = next((unpack for suffix, unpack in _PACKED.items() if path.name.lower().endswith(suffix)), None)
    plain = stack.enter_context(path.open("rb")) if packed is None else _unpacked(path, packed, stack)
    archive = stack.enter_context(tarfile.open(fileobj=plain, mode="r:"))  # noqa: SIM115  (the stack closes it)
    found = [(inside(member.name), member) for member in archive if member.isfile() and not member.issparse()]
    return [
        File(place, partial(_read, f"{path}/{place}", member.size, partial(archive.extractfile, member)))
        for place, member in found
        if place is not None
    ]


def _unpacked(path: Path, unpack: Callable[..., Any], stack: ExitStack) -> IO[bytes]:
    """The .tar inside, in a temporary file that is gone with its last reader: what is packed is only read from its start."""
    plain = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  (the stack closes it)
    total = 0
    with unpack(path) as file:
        while piece := file.read(2**20):
            _check_growth(path, total := total + len(piece))
            plain.write(piece)
    plain.seek(0)
    return plain


def _check_growth(path: Path, size: int) -> None:
    if size > max(_GRACE, MAX_RATIO * path.stat().st_size):
        raise DataError(
            f"{path} unpacks to {size:,} bytes or more, {size // max(1, path.stat().st_size):,} times its size, which "
            "pictures do not: if they are pictures, unpack it, and give the folder."
        )


def _read(name: str, size: int, source: Callable[[], Any]) -> bytes:
    if size > MAX_FILE_BYTES:
        raise DataError(f"{name} has {size:,} bytes, more than the {MAX_FILE_BYTES:,} that are read: make it smaller.")
    try:
        with source() as file:
            return file.read(MAX_FILE_BYTES)
    except Exception as error:
        raise DataError(f"{name} is damaged or cut short and cannot be read ({error}): fetch its archive again.") from error


def _sorted(files: list[File]) -> tuple[File, ...]:
    """By their paths; of several with one path, as an archive may hold, the last."""
    return tuple(sorted({file.path: file for file in files}.values(), key=lambda file: file.path.parts))
