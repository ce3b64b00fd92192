"""Rows brought together by patient on disk, in bounded memory: blocks of rows appended to the bucket of their hash."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from reverie.records.places import ROW

__all__ = ["HASH", "KEY", "PENDING", "Buckets", "blocks", "keyed"]

HASH, KEY = "\0hash", "\0key"
"""Columns made here: the hash of whose row it is, and the text that is hashed."""

PENDING = 48 * 2**20
"""Bytes of cells that wait to be appended."""


def keyed(chunk: pl.DataFrame, identifier: tuple[str, ...], read: int, rows: int) -> pl.DataFrame:
    """With the number of each row, the text of its identifier and a hash of that (uint64).

    Rows of one patient always have one hash, also where the identifier is 7 in one row and "7.0" or " 7" in another: whether
    these are one patient is decided where the table is parsed. The hash is CRC-32, which is the same everywhere, stirred by
    the finalizer of splitmix64 so that its remainders are even.
    """
    numbered = chunk.with_columns(pl.int_range(read + 1, read + 1 + pl.len(), dtype=pl.Int64).alias(ROW))
    if not identifier:
        return numbered.with_columns(pl.col(ROW).alias(KEY), ((pl.col(ROW) - 1) // rows).cast(pl.UInt64).alias(HASH))
    texts = [pl.col(column).cast(pl.String).str.strip_chars().fill_null("") for column in identifier]
    numbers = [text.cast(pl.Float64, strict=False) for text in texts]
    alike = [pl.coalesce(n.cast(pl.String), text) for n, text in zip(numbers, texts, strict=True)]
    hashed = numbered.with_columns(
        pl.concat_str(texts, separator="\0").alias(KEY), pl.concat_str(alike, separator="\0").alias(HASH)
    )
    unique = hashed[HASH].unique()
    crc = np.fromiter((zlib.crc32(text.encode()) for text in unique), dtype=np.uint64, count=len(unique))
    return hashed.with_columns(pl.col(HASH).replace_strict(unique, pl.Series(_stirred(crc)), return_dtype=pl.UInt64))


def _stirred(x: np.ndarray) -> np.ndarray:
    """splitmix64's finalizer (Steele, Lea and Flood 2014), modulo 2^64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class Buckets:
    """Files to which the rows of patients are appended, by the hash divided by `level`, modulo their number."""

    def __init__(self, folder: Path, count: int, level: int = 1) -> None:
        self.folder, self.count, self.level = folder, count, level
        self.rows = [0] * count
        self._pending: list[pl.DataFrame] = []
        self._bytes = 0

    def add(self, keyed: pl.DataFrame) -> None:
        self._pending.append(keyed)
        self._bytes += int(keyed.estimated_size())
        if self._bytes > PENDING:
            self.flush()

    def flush(self) -> None:
        if not self._pending:
            return
        frame = pl.concat(self._pending)
        self._pending, self._bytes = [], 0
        where = (frame[HASH] // self.level % self.count).alias("\0where")
        for (number,), block in frame.with_columns(where).partition_by("\0where", as_dict=True, include_key=False).items():
            content = io.BytesIO()
            block.write_ipc_stream(content, compression="lz4")
            with self.path(int(number)).open("ab") as file:
                file.write(len(content.getbuffer()).to_bytes(8, "little"))
                file.write(content.getbuffer())
            self.rows[int(number)] += block.height

    def path(self, number: int) -> Path:
        return self.folder / f"bucket-{self.level}-{number:05}"

    def groups(self, rows: int) -> Iterator[tuple[int, list[Path]]]:
        """(rows, files) of neighbouring buckets that have about so many rows together; one that has more stands alone."""
        height, group = 0, []
        for number, count in enumerate(self.rows):
            if group and height + count > rows:
                yield height, group
                height, group = 0, []
            if count:
                height, group = height + count, [*group, self.path(number)]
        if group:
            yield height, group


def blocks(path: Path) -> Iterator[pl.DataFrame]:
    with path.open("rb") as file:
        while length := file.read(8):
            yield pl.read_ipc_stream(io.BytesIO(file.read(int.from_bytes(length, "little"))))
