"""Where linked tables lie: which places are several tables, and a .zip of a folder opened.

A .zip is unpacked to a folder that is gone once it was read. What it says of its size is compared first: one that grows like
a bomb is refused before anything of it is unpacked.
"""

from __future__ import annotations

import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from reverie import zips
from reverie.errors import DataError, ReverieError, UsageError
from reverie.modality import IMAGE_FILES, RESOURCES
from reverie.records.linked.sources import is_linked_plain
from reverie.records.linked.standards.registry import standard_at
from reverie.records.places import damaged, few
from reverie.records.reading import Bounds, tables_in
from reverie.records.reading.bounds import check_growth
from reverie.records.reading.folders import SEPARATED

__all__ = ["FILES", "SEPARATE", "is_linked", "is_packed", "not_linked", "opened"]

SEPARATE = (*SEPARATED, ".parquet")
"""Suffixes of files of one table."""
FILES = (*SEPARATE, *RESOURCES)
"""Suffixes of files that linked tables are read from: text, Parquet, and resources of FHIR."""

MOST = 100_000
"""Files of one archive."""
_FAULTS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, NotImplementedError, EOFError, ValueError)
"""How an archive fails that is damaged, or packed in a way that is not read."""


def is_linked(source: Any) -> bool:
    """Whether a source is several tables rather than one: frames by name, a folder of files with different columns, a .zip
    of tables (by the names in it), a database that no query asks, or what a standard keeps in another way."""
    return is_packed(source) or _is_linked(source)


def _is_linked(source: Any) -> bool:
    return standard_at(source) is not None or is_linked_plain(source)


def is_packed(source: Any) -> bool:
    """Whether a source is a .zip with files of tables in it and no pictures, by the names in it; also one that is damaged,
    which reading says."""
    if not isinstance(source, str | Path) or not str(source).lower().endswith(zips.SUFFIX) or not Path(source).is_file():
        return False
    try:
        with zipfile.ZipFile(source) as archive:
            files = [name for name in archive.namelist() if zips.inside(name) is not None]
    except _FAULTS:
        return False
    return any(name.lower().endswith(FILES) for name in files) and not any(n.lower().endswith(IMAGE_FILES) for n in files)


@contextmanager
def opened(source: Any, name: str | None = None, most: Bounds = Bounds(), within: Path | None = None) -> Iterator[Any]:
    """Of a .zip the folder in it, with its files of tables alone, unpacked into a new folder in `within` (else among
    temporary files); anything else as it is.

    `name` is what messages call it. Raises DataError for one that is damaged or locked or unpacks to more than the bounds,
    and UsageError for one of no linked tables.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    if path is None or path.suffix.lower() != zips.SUFFIX or not path.is_file():
        yield source
        return
    with tempfile.TemporaryDirectory(dir=within, prefix="unpacked-") as folder:
        _unpack(path, Path(folder), name or path.name, most)
        top = _top(Path(folder))
        if not _is_linked(top):
            raise not_linked(top, name or path.name)
        yield top


def not_linked(folder: Path, name: str) -> UsageError:
    """The error for a folder whose files are not linked tables."""
    inner = sorted(path.name for path in folder.iterdir() if path.is_dir())
    if inner and not tables_in(folder):
        return UsageError(f"{name} holds its files in several folders, {few(inner)}: give one of them.")
    return UsageError(f"{name} holds no tables with different columns: give one table as one file, and name that.")


def _unpack(path: Path, folder: Path, name: str, most: Bounds) -> None:
    most.check(name, bytes=path.stat().st_size)
    try:
        with zipfile.ZipFile(path) as archive:
            files = [(place, file) for place, file in zips.members(archive, name) if place.name.lower().endswith(FILES)]
            if not files:
                raise UsageError(f"{name} holds no tables: pack .csv or .parquet files, one for each table.")
            if len(files) > MOST:
                raise DataError(f"{name} holds more than the {MOST:,} files that are read: pack fewer into it.")
            size = sum(file.file_size for _, file in files)
            most.check(name, bytes=size)
            check_growth(path, name, size)
            for place, file in files:
                with archive.open(file) as packed, _new(folder, place, name).open("xb") as out:
                    shutil.copyfileobj(packed, out, 1 << 20)  # no more comes out than the size that it says
    except ReverieError:
        raise
    except (FileExistsError, NotADirectoryError) as error:
        raise DataError(f"{name} holds two files called {Path(error.filename).name}: keep one of them.") from error
    except _FAULTS as error:
        raise damaged(name, "zip file", error) from error


def _new(folder: Path, place: PurePosixPath, name: str) -> Path:
    if max(len(part.encode("utf-8", "replace")) for part in place.parts) > 255:
        raise DataError(f"{name} holds a file with a name of more than 255 bytes: rename it.")
    path = folder.joinpath(*place.parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _top(folder: Path) -> Path:
    """The folder itself, or the one that all is in."""
    while len(inner := [*folder.iterdir()]) == 1 and inner[0].is_dir():
        (folder,) = inner
    return folder
