"""Linked tables as one database file: a table for each, in the types of the database that they came from, keys declared.

tables that others refer to  <-  tables that refer to them          in this order, for a key is declared of what is there

A key is declared where it is one: each row has another and none is empty; that a column refers to it, where each of its
cells names a row there. Keys in a circle are declared as far as the order goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from reverie.records.linked.schema import LinkedSchema
from reverie.records.linked.standards.databases import DatabaseFile, quoted

__all__ = ["store"]

Types = Mapping[str, Mapping[str, str]]
_SIZED = r"[A-Za-z_][\w ]*(\( *\d+ *(, *\d+ *)?\))?"
_SIMPLE = re.compile(_SIZED)
"""How SQLite writes types."""
_ENUM = r"ENUM *\( *'([^']|'')*'( *, *'([^']|'')*')* *\)"
_SAFE = re.compile(rf"({_SIZED}|{_ENUM})(\[\d*\])*", re.IGNORECASE)
"""What of a type goes into a question to DuckDB: a run may be of others, and a type be a question itself."""


def store(
    place: Path,
    schema: LinkedSchema,
    parts: Mapping[str, Sequence[Path]],
    types: Types | None = None,
    stored: Mapping[str, pl.Schema] | None = None,
) -> None:
    """Writes tables, each in parts of Parquet, to a new DuckDB or SQLite file, which takes its place when all is written.

    Args:
        types: as a database declares them; a column whose cells are not all of it, or of which none is told, has that in
            which its parts are, or that of `stored`, for SQLite.

    Raises UsageError where DuckDB is not installed, for a .duckdb file.
    """
    with DatabaseFile.new(place) as file:
        there: dict[str, str] = {}
        for table in _ordered(schema, parts):
            rows = pl.scan_parquet(list(parts[table]))
            own = (types or {}).get(table, {})
            columns = _of_duck(file, parts[table], own) if file.duck else _of_lite(rows, own, (stored or {}).get(table))
            lines = [f"{quoted(name)} {dtype}" for name, dtype in columns.items()]
            lines += _keys(table, schema, parts, there, file.duck)
            file.create(table, ", ".join(lines))
            for part in parts[table]:
                file.add(table, pl.read_parquet(part))


def _ordered(schema: LinkedSchema, parts: Mapping[str, Sequence[Path]]) -> Iterator[str]:
    """The tables, those that others refer to first, as far as they are in no circle."""
    left = {t.name: {k.table for k in t.refers} - {t.name} for t in schema.tables if t.name in parts}
    left = {name: left.get(name, set()) for name in parts}
    while left:
        name = next((name for name, above in left.items() if not above & left.keys()), next(iter(left)))
        del left[name]
        yield name


def _keys(
    table: str, schema: LinkedSchema, parts: Mapping[str, Sequence[Path]], there: dict[str, str], duck: bool
) -> Iterator[str]:
    """What declares the keys of a table; notes its own in `there`."""
    about = next((t for t in schema.tables if t.name == table), None)
    if about is None:
        return
    rows = pl.scan_parquet(list(parts[table]))
    names = rows.collect_schema().names()
    if about.key in names:
        cells = rows.select(pl.col(about.key)).collect().to_series()
        if not cells.null_count() and cells.is_unique().all():
            there[table] = about.key
            yield f"PRIMARY KEY ({quoted(about.key)})"
    for tie in about.refers:
        if tie.column not in names or tie.table not in there or (duck and tie.table == table):
            continue  # DuckDB knows no row of a table while it is written
        theirs = pl.scan_parquet(list(parts[tie.table])).select(pl.col(there[tie.table]).cast(pl.String).alias("key"))
        own = rows.select(pl.col(tie.column).cast(pl.String).alias("key")).drop_nulls()
        if not own.join(theirs, on="key", how="anti").select(pl.len()).collect().item():
            yield f"FOREIGN KEY ({quoted(tie.column)}) REFERENCES {quoted(tie.table)} ({quoted(there[tie.table])})"


def _of_duck(file: DatabaseFile, parts: Sequence[Path], types: Mapping[str, str]) -> dict[str, str]:
    """The types of columns in DuckDB."""
    import duckdb

    places = [str(part) for part in parts]
    found = file.connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [places]).fetchall()
    out = {str(name): str(dtype) for name, dtype, *_ in found}
    for column in (column for column in out if _SAFE.fullmatch(types.get(column, ""))):
        name, dtype = quoted(column), types[column]
        test = f"SELECT count(*) FROM read_parquet(?) WHERE {name} IS NOT NULL AND TRY_CAST({name} AS {dtype}) IS NULL"
        try:
            if not file.connection.execute(test, [places]).fetchall()[0][0]:
                out[column] = dtype
        except duckdb.Error:  # a type of another database
            continue
    return out


def _of_lite(rows: pl.LazyFrame, types: Mapping[str, str], stored: pl.Schema | None) -> dict[str, str]:
    """The types of columns in SQLite."""
    out = {}
    for column, dtype in {**rows.collect_schema(), **(stored or {})}.items():
        declared = types.get(column, "")
        out[column] = declared if _SIMPLE.fullmatch(declared) else _lite(dtype)
    return out


def _lite(dtype: pl.DataType) -> str:
    if dtype == pl.Boolean:
        return "BOOLEAN"
    if dtype == pl.Date:
        return "DATE"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP"
    if dtype.is_integer():
        return "INTEGER"
    return "REAL" if dtype.is_numeric() else "TEXT"
