"""The codes of a table beyond memory: written once, read a batch at a time.

codes/ codes.bin       of each patient one stretch, float32: both ends of the statics, then of each visit; part after part
       index.npy       int64 [2, P]: where each patient's stretch begins (in floats; -1 for none), and how many visits it has
       manifest.json   written last: a folder without it is not whole (manifest.py)

A batch is read by one call of the system a patient (preadv), so the pages belong to the system's cache and not to this
process: however many patients are visited, in whatever order, it holds one batch and the index.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reverie.errors import DamagedError
from reverie.files import flush_folder
from reverie.manifest import MANIFEST, seal, verify
from reverie.records.codec import RecordCodec
from reverie.records.encoded import EncodedTable, Records, drawn
from reverie.records.streaming.spooling import temporary
from reverie.records.streaming.table import StreamedTable

__all__ = ["StoredTable", "stored"]

CODES, INDEX = "codes.bin", "index.npy"
VERSION = 1


@dataclass(frozen=True, eq=False)
class StoredTable:
    """Patients whose codes lie on disk; what is asked of an EncodedTable in training.

    Attributes:
        file: of the codes.
        widths: channels of the static token, and of a visit.
        starts: int64 [P], where the stretch of each patient begins, in floats.
        lengths: visits of each patient, int64 [P].
    """

    file: Path
    widths: tuple[int, int]
    starts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def channels(self) -> int:
        return max(self.widths)

    def take(self, indices: np.ndarray) -> StoredTable:
        """Those of some patients, in this order."""
        return replace(self, starts=self.starts[indices], lengths=self.lengths[indices])

    def records(self, indices: Any, generator: torch.Generator | None) -> Records:
        """These patients, int [B], see EncodedTable.records. Raises DamagedError for a file that was cut short."""
        chosen = torch.as_tensor(indices, dtype=torch.int64).numpy()
        visits, starts = self.lengths[chosen], self.starts[chosen]
        ends = np.cumsum(visits)
        statics = np.empty((len(chosen), 2, self.widths[0]), np.float32)
        rows = np.empty((int(ends[-1]) if len(ends) else 0, 2, self.widths[1]), np.float32)
        size = 8 * (self.widths[0] + visits * self.widths[1])  # bytes of both ends
        for i, (start, first, end, bytes) in enumerate(zip(starts, ends - visits, ends, size, strict=True)):
            if os.preadv(self._handle, [statics[i].data, rows[first:end].data], 4 * int(start)) != bytes:
                raise DamagedError(f"{self.file} was cut short: remove the folder {self.file.parent}, and begin again.")
        of_statics, of_rows = (torch.from_numpy(ends).transpose(0, 1) for ends in (statics, rows))
        return drawn(of_statics, of_rows, torch.from_numpy(visits), generator)

    @cached_property
    def _handle(self) -> int:
        return os.open(self.file, os.O_RDONLY)


def stored(
    table: StreamedTable,
    codec: RecordCodec,
    of: np.ndarray,
    cache: Path,
    on_step: Callable[[str, int, int], None] = lambda what, done, of: None,
) -> StoredTable:
    """The codes of some patients, bool [P], in the folder `cache`: those that are there already, or else new ones.

    Raises DamagedError for codes that are not what was written, OSError where the disk is full.
    """
    widths = tuple(int((codec.stage[token] >= 0).sum()) for token in (0, 1))
    about = json.dumps([VERSION, table.fingerprint, codec.config], sort_keys=True).encode()
    folder = cache / f"codes-{hashlib.sha256(about + np.packbits(of).tobytes()).hexdigest()[:20]}"
    if not (folder / MANIFEST).is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with temporary(cache, table.name) as making:
            _write(making, table, of, ((whose, codec.encode(part)) for whose, part in table.parts(of)), on_step)
            with contextlib.suppress(OSError):  # another process was as fast
                making.rename(folder)
            flush_folder(cache)
    verify(folder)
    starts, lengths = np.load(folder / INDEX, allow_pickle=False)
    return StoredTable(folder / CODES, (widths[0], widths[1]), starts, lengths)


def _write(
    folder: Path,
    table: StreamedTable,
    of: np.ndarray,
    parts: Iterable[tuple[np.ndarray, EncodedTable]],
    on_step: Callable[[str, int, int], None],
) -> None:
    starts, place = np.full(len(table), -1, dtype=np.int64), 0
    with (folder / CODES).open("wb") as file:
        for number, (patients, encoded) in enumerate(parts, start=1):
            codes, begins = _stretches(encoded)
            starts[patients] = place + begins
            place += len(codes)
            file.write(codes.data)
            on_step("the table is coded", number, len(table.numbers))
        file.flush()
        os.fsync(file.fileno())
    lengths = np.where(of, table.lengths, 0).astype(np.int64)
    with (folder / INDEX).open("wb") as file:
        np.save(file, np.stack([starts, lengths]), allow_pickle=False)
    seal(folder, [CODES, INDEX])


def _stretches(encoded: EncodedTable) -> tuple[np.ndarray, np.ndarray]:
    """The codes of some patients, one after the other, float32 [n], and where each patient's begin, int64 [P]."""
    statics, rows = (ends.numpy().transpose(1, 0, 2).reshape(ends.shape[1], -1) for ends in (encoded.statics, encoded.rows))
    visits = encoded.lengths
    size = statics.shape[1] + visits * rows.shape[1]
    begins = np.cumsum(size) - size
    codes = np.empty(int(size.sum()), dtype=np.float32)
    codes[begins[:, None] + np.arange(statics.shape[1])] = statics
    place = np.arange(len(rows)) - np.repeat(np.cumsum(visits) - visits, visits)
    first = np.repeat(begins + statics.shape[1], visits) + place * rows.shape[1]
    codes[first[:, None] + np.arange(rows.shape[1])] = rows
    return codes, begins
