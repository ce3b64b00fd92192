"""Files in folders, wherever they are kept: on the disk, in a .zip, or in a .tar such as the shards of webdataset.

Nothing of an archive is written to a folder. One that unpacks to far more than its size is refused, of a .zip by what it
says of itself, of a compressed .tar as it unpacks; a file inside is read only if it is no larger than a picture may be.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import stat
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
from reverie.images.unread import hint_of
from reverie.modality import ARCHIVES
from reverie.zips import inside, is_shown, members

__all__ = ["File", "Tree", "hinted", "is_archive", "on_disk", "opened", "passed_over", "told_links"]

_TABLES = {".csv", ".tsv", ".parquet", ".xlsx"}
_PIECE = 2**20
_XZ_MEMORY = 128 * 2**20
"""What unpacking .xz may take, which its file says: all presets take less than 66 MiB."""

MAX_RATIO = 20
"""An archive of pictures shrinks little: one that grows by more than this is a bomb,"""
_GRACE = 256 * 2**20
"""unless it unpacks to no more than so many bytes."""


@dataclass(frozen=True)
class File:
    """A file of a tree: its path in it, what reads it, to a path on the disk or to its content, and whether it is a link."""

    path: PurePosixPath
    read: Callable[[], Path | bytes]
    link: bool = False

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
        links: of folders, in an archive of anything, which are passed over: they may lead anywhere, in circles too.
    """

    name: str
    files: tuple[File, ...]
    places: tuple[Path, ...] | None = None
    links: tuple[str, ...] = ()

    def of(self, suffixes: Sequence[str]) -> list[File]:
        """The files of these suffixes."""
        return [file for file in self.files if file.path.name.lower().endswith(tuple(suffixes))]


def is_archive(path: Path) -> bool:
    """Whether a file's name is that of an archive that is read."""
    return path.name.lower().endswith(ARCHIVES)


def on_disk(folder: Path) -> Tree:
    """The files below a folder; linked folders are passed over."""
    files, links = [], []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if is_shown(name)]
        below = PurePosixPath(Path(place).relative_to(folder).as_posix())
        links += [str(below / name) for name in folders if Path(place, name).is_symlink()]
        files += [File(below / name, partial(Path, place, name)) for name in names if is_shown(name)]
    return Tree(str(folder), _sorted(files), links=tuple(sorted(links)))


@contextmanager
def opened(paths: Sequence[Path], name: str) -> Iterator[Tree]:
    """The files of an archive, or of several that are shards of one set.

    Raises DataError for one that is damaged, locked by a password, or unpacks to far too much.
    """
    with ExitStack() as stack:
        shards = {path: _members(path, stack) for path in paths}
        if len(shards) > 1:  # whose samples may be called alike
            shards = {path: [_of_shard(file, path) for file in files] for path, files in shards.items()}
        files = [file for files in shards.values() for file in files]
        links = [str(file.path) for file in files if file.link]
        yield Tree(name, _sorted([file for file in files if not file.link]), tuple(paths), tuple(sorted(links)))


def passed_over(rest: Iterable[PurePosixPath]) -> tuple[str, ...]:
    """The note on files that are not read, if there are any: how many, and of which kinds."""
    counts = Counter(path.suffix.lower() or "no suffix" for path in rest)
    if not (total := counts.total()):
        return ()
    ranked = sorted(counts.items(), key=lambda kind: (-kind[1], kind[0]))
    kinds = listed([f"{kind} ({count})" if len(counts) > 1 else kind for kind, count in ranked])
    note = f"{total:,} {'file' if total == 1 else 'files'} passed over: {kinds}."
    return (f"{note} What a table tells of the pictures is given as `conditions`." if _TABLES & counts.keys() else note,)


def hinted(tree: Tree) -> str | None:
    """What the first file of those is that have a remedy, in a tree without pictures."""
    for file in tree.files:
        place = file.read() if tree.places is None else file.path
        if not isinstance(place, bytes) and (hint := hint_of(place)):
            return f"{file.path} is {hint}"
    if table := next((file.path for file in tree.files if file.path.suffix.lower() in _TABLES), None):
        return f"{table} is a table: to train on several, put them into one folder without others, and give that"
    return None


def told_links(links: Sequence[str]) -> tuple[str, ...]:
    """The note on links that are not followed, if there are any."""
    if not links:
        return ()
    count, it = ("1 link", "it leads") if len(links) == 1 else (f"{len(links):,} links", "they lead")
    return (f"{count} passed over, for links are not followed: {listed(links)}. Put what {it} to in that place to read it.",)


def _of_shard(file: File, shard: Path) -> File:
    return replace(file, path=file.path.with_name(f"{shard.name.partition('.')[0]}-{file.path.name}"))


def _members(path: Path, stack: ExitStack) -> list[File]:
    try:
        with path.open("rb") as file:
            head = file.read(max(map(len, _PACKED)))
        packed = next((pieces for magic, pieces in _PACKED.items() if head.startswith(magic)), None)
        if packed is None and (head.startswith(_ZIP) or path.name.lower().endswith(".zip")):
            return _of_zip(path, stack)
        return _of_tar(path, packed, stack)
    except DataError:
        raise
    except Exception as error:  # a damaged archive fails in as many ways as there are formats
        raise DataError(f"{path} is damaged, or no archive ({error}): fetch it again.") from error


def _of_zip(path: Path, stack: ExitStack) -> list[File]:
    archive = stack.enter_context(zipfile.ZipFile(path))
    found = members(archive, str(path))
    _check_growth(path, sum(member.file_size for member in archive.infolist()))
    return [
        File(
            place,
            partial(_read, f"{path}/{place}", member.file_size, partial(archive.open, member)),
            link=stat.S_ISLNK(member.external_attr >> 16),
        )
        for place, member in found
    ]


def _of_tar(path: Path, packed: Callable[[Path], Iterator[bytes]] | None, stack: ExitStack) -> list[File]:
    plain = stack.enter_context(path.open("rb")) if packed is None else _unpacked(path, packed, stack)
    archive = stack.enter_context(tarfile.open(fileobj=plain, mode="r:"))  # noqa: SIM115  (the stack closes it)
    found = [
        (inside(member.name), member)
        for member in archive
        if (member.isfile() and not member.issparse()) or member.issym() or member.islnk()
    ]
    return [
        File(
            place,
            partial(_read, f"{path}/{place}", member.size, partial(archive.extractfile, member)),
            link=not member.isfile(),
        )
        for place, member in found
        if place is not None
    ]


def _unpacked(path: Path, unpack: Callable[[Path], Iterator[bytes]], stack: ExitStack) -> IO[bytes]:
    """The .tar inside, in a temporary file that is gone with its last reader: what is packed is only read from its start."""
    plain = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  (the stack closes it)
    total = 0
    for piece in unpack(path):
        _check_growth(path, total := total + len(piece))
        plain.write(piece)
    plain.seek(0)
    return plain


def _pieces(unpack: Callable[..., Any]) -> Callable[[Path], Iterator[bytes]]:
    def pieces(path: Path) -> Iterator[bytes]:
        with unpack(path) as file:
            yield from iter(partial(file.read, _PIECE), b"")

    return pieces


def _of_xz(path: Path) -> Iterator[bytes]:
    """One stream after another, each within the memory that is allowed."""
    with path.open("rb") as file:
        left = file.read(_PIECE)
        while left := left.lstrip(b"\0") or file.read(_PIECE):  # between streams there may be zeros
            stream = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
            while not stream.eof:
                if stream.needs_input and not (left := left or file.read(_PIECE)):
                    raise EOFError("its end is missing")
                try:
                    yield stream.decompress(left, _PIECE)
                except lzma.LZMAError as error:
                    if "limit" not in str(error):
                        raise
                    raise DataError(
                        f"{path} takes more than {_XZ_MEMORY // 2**20} MiB of memory to unpack: unpack it, and give the "
                        "folder."
                    ) from error
                left = b""
            left = stream.unused_data


_ZIP = b"PK"
_PACKED = {b"\x1f\x8b": _pieces(gzip.open), b"BZh": _pieces(bz2.open), b"\xfd7zXZ\0": _of_xz}
"""By how what is packed begins, for browsers unpack a .tar.gz and keep its name, or keep it packed and call it .tar."""


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
