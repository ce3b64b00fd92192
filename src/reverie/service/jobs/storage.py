"""The way to the ledger's database: one writer at a time, short waits, and what is wrong with it in words.

    a full disk                507, at once
    held by others, or away    503: who notices it has waited LOCKED seconds, who comes after it waits BRIEF
    damaged                    503, with the remedy
    replaced by another file   that one is opened, and its tables are made if it has none

The first change that succeeds again ends it; no restart is needed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from logging import INFO, WARNING
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Executable, exc

from reverie.service.jobs import database
from reverie.service.logs import say
from reverie.service.problems import Problem

__all__ = ["Storage"]

BRIEF = 0.1
"""Seconds that a change waits for others while they are known to hold the database for longer."""
FULL = ("full", "no space")
AWAY = ("lock", "connect", "unable to open", "readonly", "read-only", "disk i/o")
DAMAGED = ("malformed", "not a database", "corrupt")
PAGE = 1_000_000
"""Bytes below which a disk is full, where an error does not say so."""


class Storage:
    """The database of one workspace, for one process; safe to use from several threads."""

    def __init__(self, state: Path, url: str | None) -> None:
        self._state, self._in_file = state, url is None
        self._engine = database.opened(state, url)
        self._one_writer = threading.Lock()
        self._away, self._made = False, True

    def create(self) -> None:
        """Makes the tables that are missing. Raises UsageError or DamagedError if the database cannot be used."""
        database.create(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    @property
    def usable(self) -> bool:
        """Whether the last change of this process could be made, as far as that was for the database to say."""
        return not self._away

    @contextmanager
    def alone(self) -> Iterator[None]:
        """In the block no other thread of this process writes."""
        if not self._one_writer.acquire(timeout=self._patience):
            raise _busy()
        try:
            yield
        finally:
            self._one_writer.release()

    @contextmanager
    def writing(self, durable: bool = True) -> Iterator[Connection]:
        """Everything in the block, or nothing of it. What is not durable may be lost in a power cut, and costs no flush."""
        with self.alone(), self._told():
            with self._begun(writes=True, durable=durable) as connection:
                yield connection
            if self._away:
                self._away = False
                say("the ledger can be used again", INFO)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One view of all that is there."""
        with self._told(), self._begun() as connection:
            yield connection

    def rows(self, query: Executable) -> list[Any]:
        with self.reading() as connection:
            return list(connection.execute(query).all())

    @property
    def _patience(self) -> float:
        return BRIEF if self._away else database.LOCKED

    @contextmanager
    def _begun(self, **options: bool) -> Iterator[Connection]:
        if not self._made:
            database.create_tables(self._engine)
            self._made = True
        with self._engine.connect() as connection:
            connection = connection.execution_options(patience=self._patience, **options)
            with connection.begin():
                yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What becomes of a database that is full, in use, damaged, or away for a while."""
        try:
            yield
        except exc.SQLAlchemyError as error:
            problem = self._problem(error)
            if problem is None:
                raise
            if not self._away:
                self._away = True
                say(f"the ledger cannot be used: {problem.detail}", WARNING, error)
            raise problem from error

    def _problem(self, error: exc.SQLAlchemyError) -> Problem | None:
        if isinstance(error, exc.TimeoutError):
            return _busy()
        if not isinstance(error, exc.DBAPIError):
            return None
        reason = str(error.orig).lower()
        if any(word in reason for word in FULL) or ("disk i/o" in reason and self._free() < PAGE):
            return Problem(507, "storage", "There is no room for jobs: delete files that are not needed.")
        if self._in_file and any(word in reason for word in DAMAGED):
            self._engine.dispose()
            return Problem(503, "damaged", f"The ledger of jobs is damaged: {database.REMEDY}.", {"Retry-After": "60"})
        if self._in_file and "no such table" in reason:
            self._made = False  # another file stands in its place
            return _busy()
        environment = isinstance(error, exc.OperationalError) and not self._in_file
        return _busy() if error.connection_invalidated or environment or any(word in reason for word in AWAY) else None

    def _free(self) -> int:
        disk = os.statvfs(self._state)
        return disk.f_bavail * disk.f_frsize


def _busy() -> Problem:
    return Problem(503, "busy", "The ledger of jobs cannot be used now: try again in a moment.", {"Retry-After": "5"})
