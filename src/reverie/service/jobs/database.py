"""The database of the ledger: its tables, in SQLite in the workspace, or in PostgreSQL for workers on several machines.

In PostgreSQL each workspace has a schema of its own, so that several may share one database.
"""

from __future__ import annotations

import json
import math
import secrets
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import Boolean, Column, Connection, Double, Engine, Integer, String, Text, event
from sqlalchemy.exc import ArgumentError, DatabaseError, DisconnectionError, OperationalError

from reverie.errors import DamagedError, UsageError
from reverie.files import write_atomically

__all__ = [
    "EVENTS",
    "HOLDS",
    "JOBS",
    "LOCKED",
    "REMEDY",
    "REQUESTS",
    "SUBJECTS",
    "TRACES",
    "WORKERS",
    "create",
    "create_tables",
    "hold_admission",
    "opened",
    "queued",
    "unfinished",
]

LOCKED = 2.0
"""Seconds that a change waits for others before it is refused."""
REMEDY = "move .reverie/ledger.sqlite away, and jobs begin anew, or put a whole copy in its place"

TABLES = sql.MetaData()
_JSON = sql.JSON(none_as_null=True)  # also for free text, which may hold what a database's own text may not
JOBS = sql.Table(
    "jobs",
    TABLES,
    Column("sequence", Integer, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("task", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("again", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("worker", String, index=True),
    Column("cancelling", Double),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("progress", _JSON),
    Column("message", _JSON),
    Column("error", _JSON),
    Column("events", Integer, nullable=False),
    sql.Index("jobs_by_state", "state", "lane", "sequence"),
    sqlite_autoincrement=True,
)
REQUESTS = sql.Table(
    "requests",
    TABLES,
    Column("job", String, primary_key=True),
    Column("key", String, unique=True),
    Column("digest", String, nullable=False),
    Column("arguments", Text),
    Column("result", Text),
)
SUBJECTS = sql.Table(  # beside the jobs, so that a ledger of an earlier version goes on
    "subjects",
    TABLES,
    Column("job", String, primary_key=True),
    Column("about", _JSON, nullable=False),
    Column("who", String),
    Column("places", _JSON, nullable=False),
)
EVENTS = sql.Table(
    "events",
    TABLES,
    Column("job", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("data", _JSON, nullable=False),
)
WORKERS = sql.Table(
    "workers",
    TABLES,
    Column("name", String, primary_key=True),
    Column("sign", _JSON, nullable=False),
)
TRACES = sql.Table(  # beside the jobs too
    "traces",
    TABLES,
    Column("job", String, primary_key=True),
    Column("trace", _JSON, nullable=False),
)
HOLDS = sql.Table(
    "holds",
    TABLES,
    Column("name", String, primary_key=True),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("beats", Integer, nullable=False),
    Column("places", _JSON, nullable=False),
)


def opened(state: Path, url: str | None) -> Engine:
    """The database of the workspace whose `state` this is; nothing is read or written yet.

    A transaction with the execution option `writes` holds its rows from the start; with `durable` False a power cut may
    undo it, and it waits for no disk; `patience` are the seconds that it waits for others. Raises UsageError if the
    address is not of a PostgreSQL server.
    """
    return _sqlite(state / "ledger.sqlite") if url is None else _postgresql(state, url)


def create(engine: Engine) -> None:
    """Makes the tables that are missing. Raises UsageError if the database cannot be reached, and DamagedError."""
    try:
        create_tables(engine)
    except DatabaseError as error:
        if engine.dialect.name == "sqlite" and not isinstance(error, OperationalError):
            raise DamagedError(f"the ledger of jobs is damaged: {REMEDY}.") from error
        reason = str(error.orig).strip().splitlines()[0]
        raise UsageError(f"the ledger of jobs cannot be opened: {reason}; see REVERIE_QUEUE_URL.") from error


def create_tables(engine: Engine) -> None:
    """The same; errors are those of the database."""
    with engine.execution_options(writes=True).begin() as connection:
        if schema := engine.get_execution_options().get("schema"):
            connection.execute(sql.schema.CreateSchema(schema, if_not_exists=True))
        TABLES.create_all(connection)


def hold_admission(connection: Connection) -> None:
    """Until the transaction ends no other one admits a job or takes a hold; in SQLite no other one writes at all."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"lock table {SUBJECTS.name} in share row exclusive mode")


def unfinished() -> sql.ColumnElement[bool]:
    """The jobs that have not ended."""
    return JOBS.c.state.in_(["queued", "running"])


def queued(lane: str) -> sql.Select[Any]:
    """How many jobs wait in a lane."""
    return sql.select(sql.func.count()).where(JOBS.c.state == "queued", JOBS.c.lane == lane)


def _sqlite(path: Path) -> Engine:
    arguments = {"timeout": LOCKED, "isolation_level": None, "check_same_thread": False}
    engine = _engine(f"sqlite:///{path}", arguments)

    @event.listens_for(engine, "connect")
    def write_ahead(connection: Any, record: Any) -> None:
        """Readers do not wait for writers, nor for their flushes to disk."""
        connection.execute("pragma journal_mode=wal")
        record.info["file"] = _inode(path)

    @event.listens_for(engine, "checkout")
    def of_this_file(_: Any, record: Any, proxy: Any) -> None:
        """A connection to a file that was moved away is replaced: who repairs a ledger stops nothing."""
        if record.info.get("file") != _inode(path):
            raise DisconnectionError

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(f"pragma busy_timeout={1000 * options.get('patience', LOCKED):.0f}")
        if options.get("writes"):
            connection.exec_driver_sql(f"pragma synchronous={'full' if options.get('durable', True) else 'normal'}")
        connection.exec_driver_sql("begin immediate" if options.get("writes") else "begin")

    return engine


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _postgresql(state: Path, url: str) -> Engine:
    try:
        address = sql.make_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or address.get_backend_name() != "postgresql":
        raise UsageError(
            f"{url.split('@')[-1]!r} is no address of a PostgreSQL server: write postgresql://USER:PASSWORD@HOST/DATABASE."
        )
    schema = f"reverie_{_identity(state)}"
    options = f"-c search_path={schema}"
    away = {"connect_timeout": math.ceil(LOCKED), "tcp_user_timeout": math.ceil(1000 * LOCKED)}
    try:
        engine = _engine(address.set(drivername="postgresql+psycopg"), {"options": options, **away})
    except ImportError as error:
        raise UsageError("a ledger in PostgreSQL needs its client: pip install 'reverie[postgres]'.") from error

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        patience = connection.get_execution_options().get("patience", LOCKED)
        connection.exec_driver_sql(f"set local lock_timeout to {1000 * patience:.0f}")
        if not connection.get_execution_options().get("durable", True):
            connection.exec_driver_sql("set local synchronous_commit to off")

    return engine.execution_options(schema=schema)


def _engine(url: Any, arguments: dict[str, Any]) -> Engine:
    """One for many threads that read for an instant; a connection that broke is replaced."""
    strict = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
    return sql.create_engine(
        url,
        connect_args=arguments,
        json_serializer=strict,
        pool_size=8,
        pool_timeout=LOCKED,
        max_overflow=8,
        pool_pre_ping=True,
        pool_use_lifo=True,
    )


def _identity(state: Path) -> str:
    """A name for this workspace that no other has."""
    path = state / "identity"
    if not path.exists():
        write_atomically(path, secrets.token_hex(8))
    return path.read_text().strip()
