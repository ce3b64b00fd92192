"""What clients name, opened: pictures, tables, models, schedules."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reverie.errors import DamagedError, DataError
from reverie.service import bounded
from reverie.service.schemas.parts import Schedule

if TYPE_CHECKING:
    from reverie.config import RunConfig
    from reverie.process import NoiseSchedule
    from reverie.records import Schema, Table
    from reverie.records.reading import Cells
    from reverie.service.jobs.work import Work
    from reverie.sources import DataSource
    from reverie.studies import Subject

__all__ = ["TABLES", "WRITTEN", "cells", "is_table", "model", "picture", "schedule", "source", "table", "too_many_weights"]

TABLES = (
    *(".csv", ".tsv", ".psv", ".txt", ".tab", ".csv.gz", ".tsv.gz", ".psv.gz", ".txt.gz", ".tab.gz", ".parquet"),
    *(".sas7bdat", ".xpt", ".sav", ".zsav", ".dta", ".xlsx", ".xlsm"),
)
"""Suffixes of the tables that are read: all that the command line reads but .xls and .ods, which cannot be bounded."""

WRITTEN = (".csv", ".csv.gz", ".parquet")
"""Suffixes of the tables that are written."""

ARRAYS = (".npy", ".npz")
"""Suffixes of the arrays of pictures that are read."""

PARAMETERS = 100_000_000
"""Weights of the largest network that is trained or loaded."""


def schedule(told: Schedule | None) -> NoiseSchedule:
    """The schedule, linear if none was told. Its warning is part of what is answered, not of the log."""
    from reverie.process import NoiseSchedule, TerminalSNRWarning

    with warnings.catch_warnings(action="ignore", category=TerminalSNRWarning):
        return NoiseSchedule.linear() if told is None else NoiseSchedule.named(**told.config)


def picture(work: Work, named: str | None, encoded: str | None, largest: int, field: str = "image_base64") -> Subject:
    """The picture of a call: by its name, bundled or in the workspace, or inside the call."""
    from reverie.images.pictures import SUFFIXES
    from reverie.studies.subject import is_bundled, subject

    if encoded is not None:
        return subject(bounded.from_base64(encoded, work.settings, field), largest=largest, name=field)
    assert named is not None
    if is_bundled(named):
        return subject(named, largest=largest)
    with work.workspace.open(named, SUFFIXES) as file:
        return subject(bounded.from_file(file, work.settings, named), largest=largest, name=named)


def is_table(name: str) -> bool:
    """Whether the data of a call is a table rather than pictures: by its name alone, before anything of it is read."""
    from reverie.records.reading import BUNDLED

    return name in BUNDLED or name.lower().endswith(TABLES)


def table(work: Work, name: str, schema: Schema | None = None, /, **options: Any) -> Table:
    """The table of a call, bundled or in the workspace, read within the limits; for the options see read_table."""
    from reverie.records.reading import BUNDLED
    from reverie.records.table import read_table

    source = cells(work, name)
    with _within_memory(name):
        found = read_table(source, schema, **{"name": name.rpartition("/")[2], **options})
    return found if name in BUNDLED else replace(found, path=work.workspace.path(name, TABLES))


def source(work: Work, name: str, options: dict[str, Any]) -> DataSource:
    """The data of a call to train on, bundled or in the workspace, read within the limits.

    `options` are those given, see planning.Options. Raises UsageError for one of the other kind of source.
    """
    from reverie.images import read_images
    from reverie.images.pictures import SUFFIXES
    from reverie.sources import ImageSource, TableSource

    kind = TableSource if is_table(name) else ImageSource
    kind.modality.check_options(name, options, lambda option: "id" if option == "identifier" else option)
    if kind is TableSource:
        return TableSource(table(work, name, **options))
    files = (*ARRAYS, *SUFFIXES)
    if name == "digits":
        pictures = read_images(name, **options)
    elif name.lower().endswith(files):
        with work.workspace.held(name, files) as path:
            pictures = replace(read_images(path, **options), name=name, path=work.workspace.path(name, files))
    else:
        pictures = replace(read_images(work.workspace.folder(name), **options), name=name)
    return ImageSource(pictures, options.get("size"), options.get("channels"))


def cells(work: Work, name: str) -> Cells:
    """The cells of a table as they come, read within the limits."""
    from reverie.records.reading import BUNDLED, Bounds, read_source

    if name in BUNDLED:
        return read_source(name)
    told = work.settings
    most = Bounds(told.table_bytes, told.table_rows, told.table_columns, told.table_cells, told.table_text)
    with work.workspace.held(name, TABLES) as path, _within_memory(name):
        return read_source(path, most=most)


@contextmanager
def _within_memory(name: str) -> Iterator[None]:
    """Raises DataError for a table that a worker's memory is too small for."""
    try:
        yield
    except MemoryError as error:
        raise DataError(
            f"{name} takes more memory to read than a worker may have: split it into files of some patients each, "
            "or leave out columns."
        ) from error


def model(work: Work, name: str) -> Any:
    """The trained model of a run in the workspace. Raises DamagedError for one that is not what training writes."""
    from reverie import config
    from reverie.models import load
    from reverie.models.card import channels

    run = work.workspace.folder(name)
    if sentence := too_many_weights(config.read(run), channels(run, work.settings.pixels)):
        raise DamagedError(f"{name} is no run that is loaded here: {sentence}.")
    return load(run)


def too_many_weights(config: RunConfig, channels: int) -> str | None:
    """Why a network is too large to be built here, or None. Nothing is allocated to find out."""
    import torch

    with torch.device("meta"):
        weights = sum(weight.numel() for weight in config.network.build(channels, channels).parameters())
    return None if weights <= PARAMETERS else f"it has {weights:,} weights, and at most {PARAMETERS:,} are allowed"
