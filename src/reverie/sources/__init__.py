"""Sources of data: what can be trained on, opened once.

Whether a source is pictures or a table of visits is asked here, and nowhere else: all that follows is asked of the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from reverie import config as configs
from reverie.errors import UsageError
from reverie.images.parquet import holds_pictures
from reverie.images.pictures import SUFFIXES as PICTURES
from reverie.images.sources import reads_in
from reverie.images.trees import is_archive
from reverie.modality import ARRAYS, DATABASES, RESOURCES, ROWS, asked
from reverie.records import Table
from reverie.records.linked import LinkedTables, is_linked
from reverie.records.linked.sources import names_of
from reverie.records.linked.standards.registry import standard_at
from reverie.records.reading import (
    BUNDLED,
    SUFFIXES,
    Query,
    asks_a_server,
    in_object_storage,
    parquet_in,
    redacted,
    tables_in,
)
from reverie.records.reading.source import no_resources
from reverie.records.reading.stream import Stream
from reverie.sources.large import whole_or_parts
from reverie.sources.linked import LinkedSource
from reverie.sources.pictures import ImageSource
from reverie.sources.source import DataSource, Parts
from reverie.sources.streamed import StreamedSource
from reverie.sources.tables import TableSource

__all__ = [
    "DataSource",
    "ImageSource",
    "LinkedSource",
    "Parts",
    "StreamedSource",
    "TableSource",
    "is_table",
    "open_source",
    "open_table",
]

LOOKED_AT = 3
"""Parquet files of a folder that are asked whether they hold pictures."""


def open_source(
    source: Any,
    options: Mapping[str, Any],
    say: Callable[[str], None] = lambda sentence: None,
) -> DataSource:
    """The source, read; one that was opened already is taken as it is.

    Args:
        source: a table of visits (a file or a folder of files, a database to be asked, see records.read_table, a polars or
            pandas frame, "pbc2"), or pictures ("digits", a folder, an archive, arrays, a data set; see images.read_images).
        options: by name, see planning.Options; those of None were not given. `cache` says where pictures may be kept, and
            the rows of tables beyond memory: by default in the run folder `out`, or else among temporary files. It is no
            fault where neither is, as it may come from the environment, for all runs.
        say: receives where rows are kept, and how it goes on.

    Raises UsageError for an option of the other kind of source, and what reading raises.
    """
    if isinstance(source, DataSource):
        name = source.about.name
        source.modality.check_options(name, options)
        if late := [option for option in (*source.modality.reading, "holdout") if options.get(option) is not None]:
            raise UsageError(f"{asked(late[0])} says how a source is read, and {name} was read already: leave it out.")
        return source
    _check_no_run(source)
    if options.get("query") is None and is_hospital(source):
        LinkedSource.modality.check_options(_called(source), options)
        names = (*LinkedSource.modality.reading, "holdout")
        return LinkedSource.read(source, **{name: options[name] for name in names if options.get(name) is not None})
    if isinstance(source, str | Path) and str(source).lower().endswith(RESOURCES) and Path(source).is_file():
        raise no_resources(Path(source).name)
    kind = TableSource if options.get("query") is not None or is_table(source) else ImageSource
    kind.modality.check_options(_called(source), options)
    if kind is TableSource:
        return open_table(source, options, say)
    names = (*kind.modality.reading, "holdout", "cache")
    return kind.read(source, **{name: options[name] for name in names if options.get(name) is not None})


def open_table(source: Any, options: Mapping[str, Any], say: Callable[[str], None]) -> TableSource:
    """A table of visits, in memory or in parts; see open_source. Raises UsageError for pictures."""
    _check_no_run(source)
    if options.get("query") is None and isinstance(source, str | Path) and is_pictures(source):
        raise UsageError(
            f"{source} is pictures, which have no columns to describe: give a table, or see how they are read with "
            f"reverie train {source}."
        )
    names = (*TableSource.modality.reading, "holdout")
    given = {name: options[name] for name in names if options.get(name) is not None}
    asked, stream = given.pop("query", None), given.pop("stream", False)
    found = whole_or_parts(source if asked is None else Query.of(source, asked), stream)
    if not isinstance(found, Stream):
        return TableSource.read(found, **given)
    cache, out = options.get("cache"), options.get("out")
    cache = cache or (None if out is None else Path(out) / ROWS)
    where = StreamedSource.usual_cache() if cache is None else Path(cache)
    say(f"{found.name} is read in parts; its patients' rows are kept in {where}: remove them when they are not needed.")
    return StreamedSource.read(found, cache=where, on_step=_said(say), **given)


def _check_no_run(source: Any) -> None:
    """Raises UsageError for a run folder: the few pictures in it, of its samples, are not what anyone means."""
    if isinstance(source, str | Path) and all((Path(source) / name).is_file() for name in (configs.NAME, "codec.json")):
        raise UsageError(
            f"{source} is a run folder, not data: name what it was trained on; `parent` takes a run to go on from."
        )


def _said(say: Callable[[str], None]) -> Callable[[str, int, int], None]:
    """What tells each thing that is done once, as it begins."""
    told: list[str] = []

    def on_step(what: str, done: int, of: int) -> None:
        if told[-1:] != [what]:
            told.append(what)
            say(f"{what} ...")

    return on_step


def is_hospital(source: Any) -> bool:
    """Whether a source is linked tables: a folder of tables with different columns, a .zip of tables, a file of a database
    that has several, a file of FHIR, frames by name. (An address may be of many tables that nobody means: it is asked by a
    query.)"""
    if isinstance(source, LinkedTables | Mapping):
        return True
    if not isinstance(source, str | Path) or str(source) in BUNDLED or in_object_storage(str(source)):
        return False
    path = Path(source)
    if asks_a_server(str(source)) or (path.is_file() and str(source).lower().endswith(DATABASES)):
        return path.is_file() and len(names_of(str(source), path.name)) > 1
    if path.is_dir() and not holds_tables(path):
        return not reads_in(path) and standard_at(path) is not None  # FHIR, whose files are no tables
    return is_linked(source)


def is_table(source: Any) -> bool:
    """Whether a source is a table of visits rather than pictures."""
    if isinstance(source, str | Path):
        name = str(source).lower()
        if asks_a_server(name) or in_object_storage(name):
            return True
        if name.endswith(".parquet"):
            return not holds_pictures(Path(source))
        return str(source) in BUNDLED or name.endswith((*SUFFIXES, *DATABASES)) or holds_tables(Path(source))
    return isinstance(source, pl.DataFrame | Table) or type(source).__module__.split(".")[0] == "pandas"


def is_pictures(source: str | Path) -> bool:
    """Whether a name is that of pictures by all that it says: its suffix, or that of files in the folder and no table."""
    path, name = Path(source), str(source).lower()
    if path.is_dir():
        return reads_in(path, stored=False) and not tables_in(path) and not parquet_in(path)
    return name == "digits" or (path.is_file() and (name.endswith((*PICTURES, *ARRAYS)) or is_archive(path)))


def holds_tables(folder: Path) -> bool:
    """Whether a folder has files of separated text in it and no pictures in it or below, or Parquet without any."""
    if not folder.is_dir():
        return False
    stored = parquet_in(folder)
    if stored and not tables_in(folder):
        return not reads_in(folder, stored=False) and not any(map(holds_pictures, stored[:LOOKED_AT]))
    return bool(tables_in(folder)) and not reads_in(folder)


def _called(source: Any) -> str:
    return redacted(str(source)) if isinstance(source, str | Path) else "the source"
