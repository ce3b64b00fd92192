"""A table beyond memory, kept on disk as a sequence of small tables, each of whole patients.

    part k = the rows of the patients with  hash(identifier) mod P = k,  in the order of the source

Every row carries its number in the source in the column ROW, from which the order of patients comes back: they appear in
the order of their first rows, whichever part each is in.

spool/ spool.json             what it is: rows, patients, fingerprint, and of each part its bytes and SHA-256
       first.bin              the first data row of each patient, int64, little-endian, part after part
       part-00000.parquet     ...
       manifest.json          written last, so a folder without it is not whole (manifest.py)
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import DamagedError
from reverie.manifest import verify

__all__ = ["FIRST", "SPOOL", "Part", "Spool"]

SPOOL, FIRST = "spool.json", "first.bin"
"""The files of a spool besides its parts and its manifest."""


@dataclass(frozen=True)
class Part:
    """One file of a spool: its name, how many rows of how many patients it holds, its size in bytes and its SHA-256."""

    file: str
    rows: int
    patients: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Spool:
    """A source that was read once, from front to back.

    Attributes:
        folder: where it lies. It holds patients' rows.
        name: what messages call the source.
        rows: data rows of the source.
        fingerprint: SHA-256 of names, types and cells in the order of the source: equal for equal cells of equal types,
            however they were cut into files; text of a CSV and typed cells are two forms.
        identifier: the columns by which rows were brought together; none where each row is a patient of its own.
        parts: its files.
        notes: what was decided about the form of the source.
        path: of the file or folder that was read, absolute; None for an address.
        query: what a database was asked; None for a source that was read as it is.
    """

    folder: Path
    name: str
    rows: int
    fingerprint: str
    identifier: tuple[str, ...]
    parts: tuple[Part, ...] = field(repr=False)
    notes: tuple[str, ...] = ()
    path: Path | None = None
    query: str | None = None

    @classmethod
    def open(
        cls, folder: Path, name: str, notes: tuple[str, ...] = (), path: Path | None = None, query: str | None = None
    ) -> Spool:
        """The spool in a folder. Raises DamagedError where it is not whole; parts are checked as they are read."""
        verify(folder)
        about: dict[str, Any] = json.loads((folder / SPOOL).read_text())
        parts = tuple(Part(**part) for part in about["parts"])
        for part in parts:
            if not (folder / part.file).is_file():
                raise DamagedError(
                    f"{folder / part.file} is missing: remove the folder {folder}, and the source is read again."
                )
        identifier = tuple(about["identifier"])
        return cls(folder, name, about["rows"], about["fingerprint"], identifier, parts, notes, path, query)

    def __len__(self) -> int:
        """The number of parts."""
        return len(self.parts)

    def part(self, number: int) -> pl.DataFrame:
        """The cells of one part as they were read, text or typed, with their data row (int64, from 1) in ROW; rows in the
        order of the source. Raises DamagedError, naming the file, if it is not what was written."""
        part = self.parts[number]
        path = self.folder / part.file
        content = path.read_bytes() if path.is_file() else b""
        if len(content) != part.bytes or hashlib.sha256(content).hexdigest() != part.sha256:
            raise DamagedError(
                f"{path} is damaged, its content is not what was written: remove the folder {self.folder}, and the source "
                "is read again."
            )
        return pl.read_parquet(io.BytesIO(content))

    @property
    def patients(self) -> int:
        """How many patients there are, told apart by the text of their identifiers."""
        return sum(part.patients for part in self.parts)

    @cached_property
    def first(self) -> np.ndarray:
        """The first data row of each patient, int64 [patients]: of part 0, then of part 1 and so on, in each part in the
        order in which its patients appear. argsort(first) is the order of all patients in the source."""
        return np.memmap(self.folder / FIRST, dtype="<i8", mode="r", shape=(self.patients,))
