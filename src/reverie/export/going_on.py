"""Parts of linked tables beside the place where they shall be, with which a call that was killed goes on.

.NAME.making/ work.json       what is made
              parts/T/K       table T of shard K, as Parquet; and its first rows as they were made, in first/T/K
              shards/K.json   of shard K the bytes and SHA-256 of its files, and all that its successor has to know

A record is written when its parts are: a part without one, or unlike it, is made again, and all after it. What ends in an
error, or well, takes the folder away.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DamagedError
from reverie.files import folder_beside, locked
from reverie.models import LinkedModel
from reverie.shards import sealed

__all__ = ["FIRST", "Parts", "parts_beside", "work_of"]

FIRST = 64
"""Rows of each part that are kept as they were made, for the first look."""
VERSION = 1


@dataclass(frozen=True)
class Parts:
    """The parts of tables that are made, in a folder."""

    folder: Path

    def keep(self, number: int, table: int, spelled: pl.DataFrame, typed: pl.DataFrame) -> None:
        """A part of a table as it is written, and how it was made."""
        for kind, frame in (("parts", spelled), ("first", typed.head(FIRST))):
            place = self.folder / kind / str(table)
            place.mkdir(parents=True, exist_ok=True)
            frame.write_parquet(place / f"{number:08d}.parquet", compression="lz4", statistics=False)

    def alone(self, table: int, spelled: pl.DataFrame) -> Path:
        """A table that is whole, as it is written, and of no shard."""
        file = self.folder / f"{table}.parquet"
        spelled.write_parquet(file, compression="lz4", statistics=False)
        return file

    def seal(self, number: int, about: Mapping[str, Any]) -> None:
        """Says that a shard is whole, and what is known of it."""
        files = {str(path.relative_to(self.folder)): _entry(path) for path in self._files(number)}
        sealed.write(self._record(number), {**about, "files": files})

    def there(self) -> Iterator[dict[str, Any]]:
        """What is known of each shard that is there and whole, the first, the second and so on."""
        number = 0
        while (record := self._whole(number)) is not None:
            yield record
            number += 1

    def first(self, number: int, table: int) -> pl.DataFrame:
        return pl.read_parquet(self.folder / "first" / str(table) / f"{number:08d}.parquet")

    def of(self, table: int, shards: int) -> list[Path]:
        """The files of a table, of so many shards, in order."""
        found = (self.folder / "parts" / str(table) / f"{number:08d}.parquet" for number in range(shards))
        return [path for path in found if path.exists()]

    def _whole(self, number: int) -> dict[str, Any] | None:
        try:
            record = sealed.read(self._record(number))
        except DamagedError:
            return None
        if record is None or record["files"] != {str(p.relative_to(self.folder)): _entry(p) for p in self._files(number)}:
            return None
        return record

    def _record(self, number: int) -> Path:
        return self.folder / "shards" / f"{number:08d}.json"

    def _files(self, number: int) -> list[Path]:
        return sorted(path for kind in ("parts", "first") for path in self.folder.glob(f"{kind}/*/{number:08d}.parquet"))


@contextmanager
def parts_beside(place: Path, work: Mapping[str, Any] | None) -> Iterator[Parts]:
    """The parts that a call for the same work at this place left there that was killed; none of another work.

    Args:
        work: what is made, as strict JSON; None of what no other call can be known to ask for.
    """
    folder = place.parent / f".{place.name}.making"
    with folder_beside(place) as apart:
        lock = None if work is None else _taken(folder)
        if lock is None:  # another process is at it, or nothing can be locked here
            yield Parts(apart)
            return
        try:
            if _work(folder) != work:
                for path in folder.iterdir():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                sealed.write(folder / "work.json", dict(work or {}))
            yield Parts(folder)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def work_of(
    model: LinkedModel, count: int | None, seed: int, settings: Mapping[str, Any], how: Any
) -> dict[str, Any] | None:
    """All that decides the bytes of what is made, as strict JSON; None where that cannot be told."""
    told = {name: value for name, value in settings.items() if name not in ("workers", "on_step", "on_choice")}
    given = told.pop("given", None)
    frame = getattr(given, "frame", given)
    if isinstance(frame, pl.DataFrame):
        told["given"] = hashlib.sha256(f"{dict(frame.schema)}\n{frame.write_csv()}".encode()).hexdigest()
    elif isinstance(frame, str | Path) and Path(frame).is_file():
        told["given"] = hashlib.sha256(Path(frame).read_bytes()).hexdigest()
    elif frame is not None:
        return None
    told = {
        name: value if isinstance(value, bool | int | float | str | None) else repr(value) for name, value in told.items()
    }
    return {"version": VERSION, "model": model.digest, "count": count, "seed": seed, "how": repr(how), "settings": told}


def _work(folder: Path) -> dict[str, Any] | None:
    try:
        return sealed.read(folder / "work.json")
    except DamagedError:
        return None


def _taken(folder: Path) -> int | None:
    """A handle that holds the lock of the folder, which is made where it is not there; None where another holds it."""
    for _ in range(10):
        folder.mkdir(exist_ok=True)
        if (lock := locked(folder)) is None:
            return None
        if folder.exists() and os.fstat(lock).st_ino == folder.stat().st_ino:
            return lock
        os.close(lock)  # whoever held it has just taken the folder away
    return None


def _entry(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return [path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()]
