"""From a file, a folder or a frame to columns of cells: one file here for each family of formats; source.py chooses."""

from reverie.records.reading.bounds import MAX_RATIO, Bounds
from reverie.records.reading.folders import tables_below, tables_in
from reverie.records.reading.objects import in_object_storage
from reverie.records.reading.parquet import parquet_in
from reverie.records.reading.queries import Query, asks_a_server, redacted
from reverie.records.reading.source import BUNDLED, SUFFIXES, Cells, place_of, read_source, stream_of

__all__ = [
    "BUNDLED", "MAX_RATIO", "SUFFIXES", "Bounds", "Cells", "Query", "asks_a_server", "in_object_storage",
    "parquet_in", "place_of", "read_source", "redacted", "stream_of", "tables_below", "tables_in",
]  # fmt: skip
