"""Linked tables as a folder of files, one for each table, and the cutting of tables into parts of whole patients."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import polars as pl

from reverie.errors import UsageError
from reverie.records.linked.standards.standard import Frames, Parts, Written, new_folder
from reverie.records.linked.tables import LinkedTables, file_of
from reverie.records.output import GROUP

__all__ = ["TableFiles", "parts_of", "write_tables"]

PATIENTS = 500
"""Patients of a part."""


class TableFiles:
    """Files of tables in a folder, which grow by frames: of text, or of Parquet."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder, self.suffix = folder, suffix
        self.rows: dict[str, int] = {}
        self._open: dict[str, BinaryIO] = {}
        self._columns: dict[str, list[str]] = {}

    def add(self, table: str, frame: pl.DataFrame) -> None:
        """Writes further rows of a table. Raises UsageError where they have other columns than the first."""
        first = table not in self._columns
        if first:
            file_of(table, self.suffix)
            self._columns[table] = frame.columns
        elif frame.columns != self._columns[table]:
            raise UsageError(f"{table} has other columns in one part than in another: give every part the same.")
        number, self.rows[table] = self.rows.get(table, 0), self.rows.get(table, 0) + frame.height
        if self.suffix == ".parquet":
            parts = self.folder / f".{table}"
            parts.mkdir(exist_ok=True)
            frame.write_parquet(parts / f"{number:012d}-{len(list(parts.iterdir())):06d}.parquet", compression="lz4")
            return
        if first:
            self._open[table] = (self.folder / file_of(table, ".csv")).open("wb")
        self._open[table].write(frame.write_csv(include_header=first, datetime_format="%Y-%m-%dT%H:%M:%S%.f").encode())

    def close(self) -> None:
        """Ends all files; call it however the writing ends."""
        for file in self._open.values():
            file.close()

    def join(self) -> None:
        """Makes one file of each table from its parts."""
        self.close()
        if self.suffix == ".parquet":
            for table in self._columns:
                parts = sorted((self.folder / f".{table}").iterdir())
                whole = self.folder / file_of(table, ".parquet")
                pl.scan_parquet(parts).sink_parquet(whole, row_group_size=GROUP, maintain_order=True)
                shutil.rmtree(self.folder / f".{table}")


def write_tables(parts: Parts, place: Path, suffix: str) -> Written:
    """Writes linked tables to a folder, a .csv or .parquet file each. Rows of lookups that come twice are written once."""
    with new_folder(place, (f"*{suffix}",)) as folder:
        files = TableFiles(folder, suffix)
        try:
            for part in parts:
                for table, frame in part.items():
                    files.add(table, frame)
            files.join()
        finally:
            files.close()
    return Written(files.rows, len(files.rows))


def parts_of(tables: LinkedTables, patients: int = PATIENTS) -> Iterator[Frames]:
    """The tables in parts of so many patients each; lookups, and rows that belong to no patient, come with the first."""
    schema, owners = tables.schema, {}
    for table in schema.tables:
        frame = tables.frames[table.name]
        if table.kind == "lookup":
            owners[table.name] = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
        elif table.kind == "entities":
            owners[table.name] = frame[str(table.key)].cast(pl.String)
        else:
            above = sorted((k for k in table.refers if k.table in owners), key=lambda key: key.table != table.parent)
            found = [
                _through(frame[k.column], tables.frames[k.table][str(schema[k.table].key)], owners[k.table]) for k in above
            ]
            owners[table.name] = (
                pl.select(pl.coalesce(found)).to_series() if found else pl.repeat(None, frame.height, eager=True)
            )
    people = pl.concat([owners[name] for name in schema.entities]).unique(maintain_order=True)
    part = pl.DataFrame({"who": people, "part": pl.int_range(people.len(), eager=True) // patients})
    where = {
        name: pl.DataFrame({"who": who.cast(pl.String)})
        .join(part, on="who", how="left", maintain_order="left")["part"]
        .fill_null(0)
        for name, who in owners.items()
    }
    for number in range(int(part["part"].max() or 0) + 1):  # pyright: ignore[reportArgumentType]
        yield {
            name: frame.filter(where[name] == number)
            for name, frame in tables.frames.items()
            if number == 0 or schema[name].kind != "lookup"
        }


def _through(column: pl.Series, keys: pl.Series, owners: pl.Series) -> pl.Series:
    """Whose each row is, by the key of another table's row that it names."""
    theirs = pl.DataFrame({"key": keys.cast(pl.String), "who": owners}).drop_nulls("key").unique("key", maintain_order=True)
    return pl.DataFrame({"key": column.cast(pl.String)}).join(theirs, on="key", how="left", maintain_order="left")["who"]
