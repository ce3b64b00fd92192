"""Holds: places that a server changes itself (a file or a run that is replaced, renamed or deleted), while it does.

A hold is taken in a transaction of the kind in which jobs are admitted, and admission sees holds as it sees jobs: of a job
and a change that cannot be together the second to come is refused, on one server or on several. A hold ends with its change;
that of a server that died is let go as a worker is given up: with its process, or when its beats have stopped.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields

from sqlalchemy import Connection, delete, insert, select, update

from reverie.service.jobs.admission import check
from reverie.service.jobs.database import HOLDS, hold_admission
from reverie.service.jobs.places import Places
from reverie.service.jobs.storage import Storage
from reverie.service.problems import Problem

__all__ = ["Hold", "Holds"]


@dataclass(frozen=True, slots=True)
class Hold:
    """Of the process `pid` on `host`; `beats` grows while that lives."""

    name: str
    host: str
    pid: int
    beats: int = 0


class Holds:
    """The holds of one ledger, as one server has them; safe to use from several threads."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._mine: set[str] = set()

    @contextmanager
    def taken(self, places: Places) -> Iterator[None]:
        """In the block no job is admitted, and no hold taken, that this change is against.

        Raises Problem 409 where there is one already. On a full disk, where nothing can be written down, the transaction
        itself keeps others out until the end of the block: what makes room must not need any.
        """
        hold = Hold(f"hold-{secrets.token_hex(6)}", socket.gethostname(), os.getpid())
        self._mine.add(hold.name)
        try:
            if self._noted(hold, places):
                try:
                    yield
                finally:
                    with suppress(Problem):  # the ledger is away: it is let go when its beats have stopped
                        self.let_go(hold.name)
            else:
                with self._storage.writing() as connection:
                    hold_admission(connection)
                    check(connection, places)
                    yield
        finally:
            self._mine.discard(hold.name)

    def _noted(self, hold: Hold, places: Places) -> bool:
        """Whether there was room for it."""
        try:
            with self._storage.writing(durable=False) as connection:  # of no use after a power cut
                hold_admission(connection)
                check(connection, places)
                connection.execute(insert(HOLDS).values(asdict(hold) | {"places": places.view}))
        except Problem as problem:
            if problem.status == 507:
                return False
            raise
        return True

    def let_go(self, name: str) -> None:
        """Ends a hold."""
        with self._storage.writing(durable=False) as connection:
            connection.execute(delete(HOLDS).where(HOLDS.c.name == name))

    def beat(self, connection: Connection) -> None:
        """Shows that this server lives, if it has holds."""
        if mine := [*self._mine]:
            connection.execute(update(HOLDS).where(HOLDS.c.name.in_(mine)).values(beats=HOLDS.c.beats + 1))

    def others(self) -> list[Hold]:
        """Holds that are not of this server, or not any more."""
        rows = self._storage.rows(select(*(HOLDS.c[field.name] for field in fields(Hold))))
        return [hold for row in rows if (hold := Hold(*row)).name not in self._mine]
