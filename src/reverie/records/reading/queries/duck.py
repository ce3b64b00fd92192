"""DuckDB: a file of its own, opened to be read only, or files of Parquet or CSV, which the query calls `source`.

It is let at no other file and at no network, whatever the statement says, and loads no extension.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.places import at
from reverie.records.reading.queries.query import Columns, Query, failed

__all__ = ["SUFFIXES", "fetched"]

SUFFIXES = (".parquet", ".csv")
"""Of files that are asked as `source`."""

_SETTINGS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), pl.Int64),
    **dict.fromkeys(("UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM", "VARCHAR", "UUID", "ENUM", "DECIMAL"), pl.String),
    "FLOAT": pl.Float32,
    "DOUBLE": pl.Float64,
    "BOOLEAN": pl.Boolean,
    "DATE": pl.Date,
    "TIME": pl.Time,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), pl.Datetime("us")),
    "TIMESTAMP WITH TIME ZONE": pl.Datetime("us", "UTC"),
    "INTERVAL": pl.Duration("us"),
    "NULL": pl.Null,
}


@contextmanager
def fetched(query: Query) -> Iterator[tuple[Columns, Any]]:
    """See query.Fetched. Raises UsageError for a statement that fails or does more than read, and without DuckDB."""
    try:
        import duckdb
    except ImportError:
        raise UsageError("to ask DuckDB, install it: pip install 'reverie[databases]'.") from None
    try:
        statements = duckdb.extract_statements(query.statement)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise UsageError(f"{query.name}: --query takes one statement that only reads, a SELECT.")
        with _opened(duckdb, Path(query.place)) as connection:
            connection.execute(query.statement)
            columns = [(name, _type(query, name, str(dtype))) for name, dtype, *_ in connection.description]

            def fetch(count: int) -> Sequence[Sequence[Any]]:
                try:
                    return connection.fetchmany(count)
                except duckdb.Error as error:  # found out in the middle: a cast that fails
                    raise failed(query, error) from error

            yield columns, fetch
    except duckdb.Error as error:
        raise failed(query, error) from error


@contextmanager
def _opened(duckdb: Any, path: Path) -> Iterator[Any]:
    if path.is_file() and not path.name.lower().endswith(SUFFIXES):
        with duckdb.connect(
            str(path), read_only=True, config={**_SETTINGS, "enable_external_access": "false"}
        ) as connection:
            yield connection
        return
    with duckdb.connect(config=_SETTINGS) as connection:
        files = [path] if path.is_file() else sorted(path.rglob("*.parquet")) or sorted(path.glob("*.csv"))
        if not files:
            raise UsageError(f"{path} holds no .parquet and no .csv file to ask.")
        listed = "[{}]".format(", ".join("'{}'".format(str(file).replace("'", "''")) for file in files))
        parquet = files[0].name.lower().endswith(".parquet")
        reader = (
            f"read_parquet({listed}, hive_partitioning = true)" if parquet else f"read_csv({listed}, all_varchar = true)"
        )
        connection.execute(f"SET allowed_paths = {listed}")
        connection.execute(f"CREATE VIEW source AS SELECT * FROM {reader}")
        connection.execute("SET enable_external_access = false")
        yield connection


def _type(query: Query, name: str, said: str) -> Any:
    kind = said.strip('"').partition("(")[0]
    if kind not in _TYPES or said.endswith("]"):
        raise DataError(
            f"{at(query.name, None, name)}cells of type {said} cannot be modelled: cast them, to TIMESTAMP or VARCHAR say, "
            "in the query or the database, or leave the column out."
        )
    return _TYPES[kind]
