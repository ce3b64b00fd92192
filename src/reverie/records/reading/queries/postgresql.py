"""PostgreSQL, by psycopg: a cursor of the server, in a transaction that only reads.

Where the address holds no password, libpq finds one as it does for all its programs: in PGPASSWORD or ~/.pgpass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.records.places import at
from reverie.records.reading.queries.query import Columns, Query, failed

__all__ = ["fetched"]

WAIT = 10
"""Seconds in which a server must answer."""

_TYPES: dict[str, Any] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), pl.Int64),
    **dict.fromkeys(("float4", "float8"), pl.Float64),
    "bool": pl.Boolean,
    "date": pl.Date,
    "timestamp": pl.Datetime("us"),
    "timestamptz": pl.Datetime("us", "UTC"),
    "time": pl.Time,
    "interval": pl.Duration("us"),
}
"""Of other types, numeric among them, the text is taken."""
_STARTS = ("select", "with", "values", "table", "(")
_NO_VALUE = ("json", "jsonb", "bytea", "xml", "record")


@contextmanager
def fetched(query: Query) -> Iterator[tuple[Columns, Any]]:
    """See query.Fetched. Raises UsageError for a statement that fails or does more than read, a server that does not answer
    or refuses, and without psycopg."""
    try:
        import psycopg
    except ImportError:
        raise UsageError("to ask PostgreSQL, install its driver: pip install 'reverie[databases]'.") from None
    statement = query.statement.strip().rstrip(";")
    try:
        with _connected(psycopg, query) as connection:
            connection.read_only = True
            with connection.transaction():
                _check(psycopg, connection, statement, query)
                with connection.cursor(name="reverie") as cursor:
                    cursor.execute(statement.encode())
                    columns = [(about.name, _type(query, connection, about)) for about in cursor.description or ()]

                    def fetch(count: int) -> Sequence[Sequence[Any]]:
                        try:
                            return cursor.fetchmany(count)
                        except psycopg.Error as error:  # found out in the middle: a cast that fails, a server that ends
                            raise failed(query, error) from error

                    yield columns, fetch
    except psycopg.Error as error:
        raise failed(query, error) from error


def _connected(psycopg: Any, query: Query) -> Any:
    address = "postgresql://" + query.place.partition("://")[2]
    user, _, path = address.partition("://")[2].partition("?")[0].partition("/")
    if user.count("@") > 1 or "@" in path:  # a sign of the password would be taken for the end of the server's name
        raise UsageError(
            f"{query.name} is no address: write postgresql://user@host:port/database, and : / @ % in a password as %3A %2F "
            "%40 %25."
        )
    try:
        return psycopg.connect(address, connect_timeout=WAIT)
    except psycopg.Error as error:
        said = str(failed(query, error)).partition("fails (")[2].removesuffix("): correct it.")
        if "password" in said.lower():
            raise UsageError(
                f"{query.name} lets nobody in with this user and password: put the right one in ~/.pgpass or PGPASSWORD."
            ) from None  # what psycopg raised may quote the address
        raise UsageError(f"{query.name} cannot be reached ({said}): start the server, or correct the address.") from None


def _check(psycopg: Any, connection: Any, statement: str, query: Query) -> None:
    """Lets the server parse the statement alone, by which it refuses several in one."""
    result = connection.pgconn.prepare(b"", statement.encode())
    if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise failed(query, Exception(result.error_message.decode(errors="replace").strip()))
    described = connection.pgconn.describe_prepared(b"")
    if not described.nfields or statement.split(None, 1)[0].lower() in (
        "insert",
        "update",
        "delete",
        "merge",
        "explain",
        "show",
    ):
        raise UsageError(f"{query.name}: --query takes one statement that only reads, a SELECT.")


def _type(query: Query, connection: Any, about: Any) -> Any:
    known = connection.adapters.types.get(about.type_code)
    name = known.name if known else ""
    if name in _NO_VALUE or (known and about.type_code == known.array_oid):
        raise DataError(
            f"{at(query.name, None, about.name)}cells of type {name} cannot be modelled: cast them in the query, or leave "
            "the column out."
        )
    return _TYPES.get(name, pl.String)
