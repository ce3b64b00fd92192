"""Folders as .zip files: what one holds, wherever its names would lead on a disk, and a folder packed into one.

What is packed is a function of the files alone: they come in the order of their names, with one date for all.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path, PurePosixPath

from reverie.errors import DataError
from reverie.files import writing

__all__ = ["SUFFIX", "inside", "is_shown", "members", "pack"]

SUFFIX = ".zip"

_LITTER = ("__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information")
"""What systems leave in folders, beside hidden files."""


def members(archive: zipfile.ZipFile, name: str) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """The files of an archive but hidden ones, each with its path in it. Raises DataError where a password locks one."""
    files = [member for member in archive.infolist() if not member.is_dir()]
    if any(member.flag_bits & 1 for member in files):
        raise DataError(f"{name} is locked by a password: unpack it, and give the folder.")
    return [(path, member) for member in files if (path := inside(member.filename)) is not None]


def inside(name: str) -> PurePosixPath | None:
    """The path of a member inside its archive, wherever its name would lead on a disk; None for what is hidden."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return PurePosixPath(*parts) if parts and all(map(is_shown, parts)) else None


def is_shown(name: str) -> bool:
    """Whether a file or folder is neither hidden nor what systems leave behind."""
    return not name.startswith(".") and name not in _LITTER


def pack(folder: Path, out: Path) -> None:
    """Writes all files below a folder into a .zip, by their paths there; what was at `out` stays until it is whole."""
    with writing(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with path.open("rb") as file, archive.open(entry, "w", force_zip64=path.stat().st_size > 2**31) as packed:
                shutil.copyfileobj(file, packed, 1 << 20)
