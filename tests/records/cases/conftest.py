"""Tables of the kinds that people bring, and what becomes of each: read, made anew, completed, and written.

A test says what is in the file; the rest is the same for all: a file, the table read from it, a model of it whose weights
are drawn (what is asked of it holds whatever was learned), and the text of the files that it writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from reverie import export
from reverie.models import PatientModel
from reverie.records import RecordCodec, Records, Schema, Table, read_table
from reverie.records.output import write_table
from reverie.records.reading import read_source

PATIENTS, VISITS = 30, 4


@dataclass(frozen=True, eq=False)
class Brought:
    """A file that somebody brings.

    Attributes:
        path: where it lies; what is written lies beside it.
        table: what is read from it.
        model_of: makes a model of a table, with its weights drawn.
    """

    path: Path
    table: Table
    model_of: Callable[[Table], PatientModel]

    @property
    def schema(self) -> Schema:
        return self.table.schema

    @property
    def notes(self) -> str:
        return " ".join(self.table.notes)

    @cached_property
    def cells(self) -> pl.DataFrame:
        """The cells of the file, as text."""
        return read_source(self.path, None).frame

    @cached_property
    def model(self) -> PatientModel:
        return self.model_of(self.table)

    @property
    def codec(self) -> RecordCodec:
        return self.model.codec

    @property
    def back(self) -> pl.DataFrame:
        """The table as it was read, written to a file again: its text."""
        return self._written([self.schema.unshaped(self.table.frame)], "back.csv")

    def drawn(self, patients: int = 300, spread: float = 1.0) -> pl.DataFrame:
        """The text of a file of patients whose scores are independent, N(0, spread^2): of N(0, 1) columns have their law."""
        draw = torch.Generator().manual_seed(1)
        values = spread * torch.randn(patients, int(self.table.lengths.max()) + 1, self.codec.channels, generator=draw)
        visits = self.codec.visits(values)
        frame = self.codec.decode(Records(values, self.codec.known(values, visits), visits)).frame
        return self._written([self.schema.unshaped(frame)], "drawn.csv")

    def made(self, patients: int = 20, **told: Any) -> pl.DataFrame:
        """The text of a file of new patients of the model."""
        out = self.path.with_name("made.csv")
        export.patients(self.model, patients, out, 1, {"steps": 2, **told})
        return pl.read_csv(out, infer_schema=False)

    def completed(self, given: pl.DataFrame | Path, columns: tuple[str, ...] | None = None) -> pl.DataFrame:
        """The text of a table completed by the model; all that was given is asserted to stand in its place as it was."""
        path = given if isinstance(given, Path) else self.path.with_name("given.csv")
        if isinstance(given, pl.DataFrame):
            given.write_csv(path)
        done = export.complete(self.model, path, columns=columns, settings={"steps": 2})
        stands, count = done.unchanged
        assert stands == count
        out = self.path.with_name("whole.csv")
        done.write(out)
        source, whole = read_source(path, None).frame, pl.read_csv(out, infer_schema=False)
        assert whole.columns == source.columns and whole.height == source.height
        for cells in source.iter_columns():
            here = cells.is_not_null()
            nulls = self.schema.nulls(cells.name) if cells.name in self.schema.names else ()
            here &= ~cells.is_in(list(nulls)).fill_null(True)
            assert whole[cells.name].filter(here).equals(cells.filter(here)), f"{cells.name} was changed where it was given"
        return whole

    def _written(self, frames: list[pl.DataFrame], name: str) -> pl.DataFrame:
        write_table(self.path.with_name(name), frames, self.schema.spelled)
        return pl.read_csv(self.path.with_name(name), infer_schema=False)


@pytest.fixture(autouse=True)
def _alone(request) -> None:
    """A test draws the same numbers alone as among others."""
    if (draw := getattr(request.module, "draw", None)) is not None:
        draw.bit_generator.state = np.random.default_rng(0).bit_generator.state


@pytest.fixture
def brought(tmp_path, drawn_model) -> Callable[..., Brought]:
    """A file of this text, or of the cells of this frame, read; further arguments are those of read_table."""

    def of(what: str | bytes | pl.DataFrame, name: str = "brought.csv", **reading: Any) -> Brought:
        path = tmp_path / name
        if isinstance(what, pl.DataFrame):
            what.write_csv(path) if path.suffix == ".csv" else what.write_parquet(path)
        else:
            path.write_bytes(what.encode() if isinstance(what, str) else what)
        return Brought(path, read_table(path, **reading), drawn_model)

    return of


@pytest.fixture(scope="session")
def visits() -> Callable[..., pl.DataFrame]:
    """30 patients of 4 visits, as text: id, day, and columns of one cell for each visit (120), or for each patient (30)."""

    def of(**columns: Any) -> pl.DataFrame:
        told = {
            "id": range(1, PATIENTS + 1),
            "day": [v * 30 + p % 7 * (v > 0) for p in range(PATIENTS) for v in range(VISITS)],
        }
        full = {}
        for name, values in (told | columns).items():
            cells = [None if value is None else str(value) for value in values]
            full[name] = cells if len(cells) == PATIENTS * VISITS else [cell for cell in cells for _ in range(VISITS)]
        return pl.DataFrame(full, schema=dict.fromkeys(full, pl.String))

    return of


@pytest.fixture(scope="session")
def holes() -> Callable[..., pl.DataFrame]:
    """The frame with each of these columns empty in another third of its rows."""

    def of(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
        row = pl.int_range(pl.len())
        return frame.with_columns(
            pl.when(row % 3 == k % 3).then(None).otherwise(pl.col(name)).alias(name) for k, name in enumerate(columns)
        )

    return of
