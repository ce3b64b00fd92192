"""What concepts are called: the rows of a vocabulary that other tables name, found without reading all of it.

The vocabularies of OHDSI come as CONCEPT.csv of millions of rows, separated by tabs and without quotes; a hospital names
some of them. A file is passed through once, a database asked for these rows: what no table names never becomes a row in
memory.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.modality import DATABASES
from reverie.records.linked.sources import files_of, read_tables, rows_in
from reverie.records.places import ROW, counted
from reverie.records.reading import Bounds
from reverie.records.reading.bounds import unzip
from reverie.records.reading.queries import asks_a_server

__all__ = ["commonest", "concepts", "named_in"]

KEY = "concept_id"
_QUOTED = r'^"((?:[^"]|"")*)"$'
_LISTED = 50_000
"""Concepts that a database is asked for by their numbers, at most: a question of a megabyte is refused."""
_SHOWN = 3
"""Concepts of a table that a note names."""


def named_in(frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    """The concepts that tables name, each once, Int64."""
    found = [f[c].unique() for t, f in frames.items() if t != "concept" for c in f.columns if c.endswith(KEY)]
    return pl.concat([pl.Series([], dtype=pl.Int64), *found]).drop_nulls().unique().sort()


def concepts(place: str, table: str, name: str, most: Bounds, ids: pl.Series) -> tuple[pl.DataFrame, int]:
    """The rows of these concepts, as they stand, with the numbers of the rows where they do (ROW), and how many there are.

    Args:
        table: what the table is called there.

    Raises DataError for a file that cannot be read, as read_tables does.
    """
    if asks_a_server(place) or place.lower().endswith(DATABASES):
        if 0 < ids.len() <= _LISTED:
            try:
                return _asked(place, table, name, most, f"{KEY} IN ({', '.join(map(str, ids))})"), rows_in(place, table)
            except DataError:
                pass  # keys of another type, perhaps: read whole, which says what is wrong
    else:
        file = files_of(Path(place))[table]
        try:
            return _passed(_lazily(file, f"{name}/{file.name}", most), ids)
        except pl.exceptions.PolarsError:
            pass  # another encoding, rows of unequal length
    return _passed(_asked(place, table, name, most).with_row_index(ROW).lazy(), ids)


def _asked(place: str, table: str, name: str, most: Bounds, where: str = "") -> pl.DataFrame:
    try:
        frames, _ = read_tables(place, name, most, only=lambda other: other == table, where=where)
    except UsageError:  # not a row
        return pl.DataFrame(schema={KEY: pl.Int64})
    return frames[table]


def _lazily(file: Path, name: str, most: Bounds) -> pl.LazyFrame:
    if file.suffix.lower() == ".parquet":
        return pl.scan_parquet(file, row_index_name=ROW)
    packed = file.suffix.lower() == ".gz"
    content = unzip(file, name, most) if packed else b""
    with io.BytesIO(content) if packed else file.open("rb") as lines:
        header = lines.readline().decode("utf-8-sig")
    tabs = "\t" in header
    frame = pl.scan_csv(
        io.BytesIO(content) if packed else file,
        separator="\t" if tabs else max(",;|", key=header.count),
        quote_char=None if tabs else '"',
        infer_schema=False,
        row_index_name=ROW,
    )
    if tabs:  # quotes stand for themselves, but around a cell as programs write one that holds some
        frame = frame.with_columns(
            pl.when(pl.col(pl.String).str.contains(_QUOTED))
            .then(pl.col(pl.String).str.extract(_QUOTED).str.replace_all('""', '"', literal=True))
            .otherwise(pl.col(pl.String))
            .name.keep()
        )
    return frame


def _passed(rows: pl.LazyFrame, ids: pl.Series) -> tuple[pl.DataFrame, int]:
    schema = rows.collect_schema()
    key = next((column for column in schema if column.lower() == KEY), None)
    if key is None:  # of the table as it is, which says what it lacks
        return rows.head(1).collect(), 1
    number = pl.col(key)
    if not schema[key].is_integer():
        number = number.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
    found = rows.filter(number.is_in(ids.implode()))
    frame, height = pl.collect_all([found, rows.select(pl.len())], engine="streaming")
    return frame.sort(ROW), int(height.item())


def commonest(frames: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    """What the rows of each table are most often about, by name."""
    known = frames["concept"].select(KEY, "concept_name").unique(KEY)
    for table, frame in frames.items():
        if (column := f"{table.partition('_')[0]}_{KEY}") not in frame.columns or table == "concept":
            continue
        counts = frame.group_by(pl.col(column).alias(KEY)).len().join(known, on=KEY, how="left").filter(pl.col(KEY) != 0)
        named = counts.drop_nulls("concept_name").sort(["len", KEY], descending=[True, False])
        if named.height:
            first = "; ".join(f"{said} ({n:,})" for said, n in named.select("concept_name", "len").head(_SHOWN).iter_rows())
            most = f", most often {first}" if named.height > 1 else f", {first}"
            yield f"{table}.{column}: {counted(named.height, 'concept', 'has have')} a name{most}."
