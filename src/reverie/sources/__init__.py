"""Sources of data: what can be trained on, opened once.

Whether a source is pictures or a table of visits is asked here, and nowhere else: all that follows is asked of the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import UsageError
from reverie.images.parquet import holds_pictures
from reverie.images.sources import reads_in
from reverie.modality import Spelling
from reverie.records import Table
from reverie.records.reading import BUNDLED, SUFFIXES, parquet_in, tables_in
from reverie.sources.pictures import ImageSource
from reverie.sources.source import DataSource, Parts
from reverie.sources.tables import TableSource

__all__ = ["DataSource", "ImageSource", "Parts", "TableSource", "is_table", "open_source"]

LOOKED_AT = 3
"""Parquet files of a folder that are asked whether they hold pictures."""


def open_source(source: Any, options: Mapping[str, Any], spelled: Spelling = str) -> DataSource:
    """The source, read; one that was opened already is taken as it is.

    Args:
        source: a table of visits (a file or a folder of files, see records.read_table, a polars or pandas frame, "pbc2"), or
            pictures ("digits", a folder, an .npy or .npz file, an array; see images.read_images).
        options: by name, see planning.Options; those of None were not given. `cache` says where pictures may be kept, which
            is no fault where there are none: it may come from the environment, for all runs.
        spelled: how the user writes an option's name.

    Raises UsageError for an option of the other kind of source, and what reading raises.
    """
    if isinstance(source, DataSource):
        name = source.about.name
        source.modality.check_options(name, options, spelled)
        if late := [option for option in (*source.modality.reading, "holdout") if options.get(option) is not None]:
            raise UsageError(f"{spelled(late[0])} says how a source is read, and {name} was read already: leave it out.")
        return source
    kind, keep = (TableSource, ("holdout",)) if is_table(source) else (ImageSource, ("holdout", "cache"))
    kind.modality.check_options(_called(source), options, spelled)
    names = (*kind.modality.reading, *keep)
    return kind.read(source, **{name: options[name] for name in names if options.get(name) is not None})


def is_table(source: Any) -> bool:
    """Whether a source is a table of visits rather than pictures."""
    if isinstance(source, str | Path):
        name = str(source).lower()
        if name.endswith(".parquet"):
            return not holds_pictures(Path(source))
        return str(source) in BUNDLED or name.endswith(SUFFIXES) or holds_tables(Path(source))
    return isinstance(source, pl.DataFrame | Table) or type(source).__module__.split(".")[0] == "pandas"


def holds_tables(folder: Path) -> bool:
    """Whether a folder has files of separated text in it and no pictures in it or below, or Parquet without any."""
    if not folder.is_dir():
        return False
    stored = parquet_in(folder)
    if stored and not tables_in(folder):
        return not any(map(holds_pictures, stored[:LOOKED_AT]))
    return bool(tables_in(folder)) and not reads_in(folder)


def _called(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else "the source"
