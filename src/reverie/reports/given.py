"""Tables of synthetic patients as they were given, with their own order and faults, for these are what is judged.

    a file, a frame      read into memory: one part
    a dataset            a folder that sampling wrote: its files one by one, each compared with the manifest as it is read
    a large table        of files that may be read in parts: brought into parts of whole patients on disk (records/streaming)

Each part is parsed by the schema alone, so a cell means the same in whichever part it stands.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DamagedError, DataError, UsageError
from reverie.models import PatientModel
from reverie.records.parsing import parse
from reverie.records.places import ROW
from reverie.records.reading import read_source, stream_of
from reverie.records.schema import Schema
from reverie.records.streaming import Spool, spooled
from reverie.shards import MANIFEST, begun, sealed

__all__ = ["Given"]

IN_MEMORY = 2**29
"""Bytes of cells above which a table is brought into parts."""


@dataclass(frozen=True, eq=False)
class Given:
    """A table of synthetic visits, in parts of whole patients.

    Attributes:
        name: what messages call it.
        schema: of its columns.
        files: where its cells are: frames in memory, a dataset, or a spool.
        notes: on what of it was not read.
    """

    name: str
    schema: Schema
    files: Sequence[pl.DataFrame] | Dataset | Spool
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: Any, schema: Schema, cache: str | Path | None = None) -> Given:
        """The table of a source: what records.read_table takes, or a folder that sampling wrote.

        Raises UsageError, DataError and DamagedError for one that is not there, lacks a column or was changed.
        """
        if isinstance(source, str | Path) and (begun(folder := Path(source)) or (folder / MANIFEST).is_file()):
            files: Any = Dataset.of(folder)
            name, first = folder.name, next(iter(files))
        elif _large(source):
            folder = Path(cache) if cache else Path(tempfile.gettempdir()) / "reverie"
            files = spooled(source, {"schema": schema}, folder)
            name, first = files.name, files.part(0)
        else:
            read = read_source(source)
            files, name, first = (read.frame,), read.name, read.frame
        return cls(name, schema, files, tuple(f"In {name}, {said}" for said in schema.unread(first.drop(ROW, strict=False))))

    def made_by(self, model: PatientModel) -> str:
        """By whom and with which seed, where that is known, in words to be appended."""
        if not isinstance(self.files, Dataset):
            return ""
        config = self.files.config
        who = "this model" if config.get("model") == model.digest else "another model than this run's"
        return f", sampled with seed {config.get('seed')} from {who}"

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """The parts, typed; rows that were numbered have their number in ROW. Raises DataError for a column that is lacking
        and for cells that are not of the schema's type."""
        files = self.files
        cells = (files.part(k) for k in range(len(files))) if isinstance(files, Spool) else iter(files)
        single = not isinstance(files, Dataset | Spool)
        rows = 0
        for part in cells:
            if not single and ROW not in part.columns:
                part = part.with_columns(pl.int_range(rows + 1, rows + 1 + pl.len(), dtype=pl.Int64).alias(ROW))
            rows += part.height
            yield self._parsed(part)

    def _parsed(self, part: pl.DataFrame) -> pl.DataFrame:
        cells, name, wanted = self.schema.shaped(part, self.name), self.name, self.schema.names
        if lost := [column for column in wanted if column not in cells.columns]:
            raise DataError(
                f"{name} has no column {lost[0]!r}: a report needs synthetic patients with the source's columns."
            )
        kept = [*([ROW] if ROW in cells.columns else []), *wanted]
        return parse(cells.select(kept), name, (), self.schema).frame.select(kept)


@dataclass(frozen=True, eq=False)
class Dataset:
    """The files of a folder that sampling wrote."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def of(cls, folder: Path) -> Dataset:
        """Raises DataError for a folder that is not whole, UsageError for one of anything but patients, DamagedError for a
        manifest that was changed."""
        manifest = sealed.read(folder / MANIFEST)
        if manifest is None:
            raise DataError(
                f"{folder} is not whole, for it has no {MANIFEST}: call the reverie sample that began it once more, and it "
                "makes what is missing."
            )
        if manifest["kind"] != "patients":
            raise UsageError(f"{folder} holds {manifest['kind']}, and this run was trained on patients.")
        return cls(folder, manifest)

    @property
    def config(self) -> dict[str, Any]:
        return self.manifest["config"]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """The files one by one. Raises DamagedError, naming the first that is not as it was made."""
        for shard in self.manifest["shards"]:
            path = self.folder / Path(shard["name"]).name
            if not path.is_file():
                raise DamagedError(
                    f"{path} is missing: call the reverie sample that made it once more, and it makes it again."
                )
            content = path.read_bytes()
            if len(content) != shard["bytes"] or hashlib.sha256(content).hexdigest() != shard["sha256"]:
                raise DamagedError(
                    f"{path} was changed since it was made: delete it, and call the reverie sample that made it once more."
                )
            yield pl.read_parquet(io.BytesIO(content))


def _large(source: Any) -> bool:
    """Whether a source is better read in parts: files that may be, and a query, of more than IN_MEMORY bytes."""
    if isinstance(source, pl.DataFrame) or type(source).__module__.split(".")[0] == "pandas":
        return False
    try:
        stream = stream_of(source)
    except (UsageError, DataError):  # of another kind, or faulty: reading it says so
        return False
    return stream.bytes is not None and stream.bytes > IN_MEMORY
