"""What a standard is to linked tables: how it is recognised, read, written, and which tables it states.

    place -> (frames by name, notes)     read;  the schema then follows from what is stated (stated.py), nothing is guessed
    parts -> files                       write; a part holds whole patients: whatever refers to one of them lies in it, too

Lookups (codes, units, concepts) may come with any part, and are written once. Memory holds one part at a time.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import polars as pl

from reverie.errors import UsageError
from reverie.files import flush_folder
from reverie.records.linked.standards.stated import Stated
from reverie.records.places import few
from reverie.records.reading import Bounds

__all__ = ["Content", "Frames", "Parts", "Standard", "Written", "new_folder"]

Frames = Mapping[str, pl.DataFrame]
Parts = Iterable[Frames]


@dataclass
class Content:
    """What was read: typed frames by the name of the table, and what was decided or left alone."""

    frames: dict[str, pl.DataFrame]
    notes: list[str] = field(default_factory=list)


@dataclass
class Written:
    """What was written.

    Attributes:
        rows: by table.
        files: their number.
        checked: how many files or resources the standard's own library found right, and which it is; "" where none did.
        notes: what was decided.
    """

    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    checked: str = ""
    notes: list[str] = field(default_factory=list)


class Standard(ABC):
    """One way in which many keep hospital records.

    Attributes:
        called: its name in requests.
        title: its name for people.
        tables: what it states of each; parents before their children.
    """

    called: ClassVar[str]
    title: ClassVar[str]
    tables: ClassVar[tuple[Stated, ...]]

    @abstractmethod
    def recognises(self, place: str) -> bool:
        """Whether what lies there is of this standard; by names and first bytes alone."""

    @abstractmethod
    def read(self, place: str, name: str, most: Bounds = Bounds()) -> Content:
        """Reads all of it. Raises DataError for what is wrong with it, naming the file and row."""

    @abstractmethod
    def write(self, parts: Parts, place: Path) -> Written:
        """Writes tables as this standard keeps them, and has them checked.

        Raises UsageError where the library that checks them is not installed, before anything is written, and for tables
        that are not of this standard; DataError for a row that cannot be.
        """

    def fits(self, tables: Mapping[str, Iterable[str]], name: str) -> None:
        """Raises UsageError unless tables, given by their columns, are those that this standard states."""
        known = {table.name: table for table in self.tables}
        first = self.tables[0]
        strange = [table for table in tables if table not in known]
        if strange or first.name not in tables or str(first.key) not in tables[first.name]:
            what = f"{few(strange)}, and not" if strange else f"no {first.name} with {first.key}, one of"
            raise UsageError(
                f"{name} cannot be written as {self.title}: it has {what} the tables {', '.join(known)}, and nothing tells "
                "what its tables would be there: write csv or parquet."
            )


@contextmanager
def new_folder(place: Path, made: tuple[str, ...]) -> Iterator[Path]:
    """Yields a temporary folder beside `place`, which takes its place when the block ends well.

    Where something is at `place`, it must be a folder of files of these patterns alone, as an earlier call made it.

    Raises UsageError where it holds anything else.
    """
    if place.exists():
        known = {path for pattern in made for path in place.rglob(pattern)}
        other = [p for p in (place.rglob("*") if place.is_dir() else [place]) if not p.is_dir() and p not in known]
        if other:
            raise UsageError(f"{place} holds {other[0].name}, which was not made by this command: choose another name.")
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    try:
        new = folder / "new"
        new.mkdir()
        yield new
        for path in new.rglob("*"):
            if path.is_file():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
        if place.exists():
            place.rename(folder / "old")
        new.rename(place)
        flush_folder(place.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
