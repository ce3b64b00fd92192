"""What the server and the workers say to each other: messages, facts that are written once, and signs of life.

A message asks for one attempt at a job. Who wins `claim:<job>:<attempt>` makes that attempt, and what first stands in
`outcome:<job>` is how the job ended: so a message that comes twice does no harm, and there is exactly one end. All is
JSON. The queue may lose what it holds in a power cut; the ledger does not, and says it again.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable
from logging import WARNING
from pathlib import Path
from typing import Any

from huey.storage import BaseStorage, RedisStorage, SqliteStorage

from reverie.errors import UsageError
from reverie.files import write_atomically
from reverie.service.logs import say

__all__ = ["LANES", "Queue"]

LANES = ("quick", "slow")


class _Sqlite(SqliteStorage):
    """Commits reach the disk at checkpoints only: a killed process loses nothing, and a power cut cannot damage the file."""

    def _create_connection(self) -> sqlite3.Connection:
        connection = super()._create_connection()
        connection.execute("pragma synchronous=normal")
        return connection


class Queue:
    """The queue of one workspace, for the server and for each worker alike; safe to use from several threads."""

    def __init__(self, state: Path, url: str | None) -> None:
        self._lanes = {lane: _storage(state, url, lane) for lane in LANES}
        self._facts = _storage(state, url, "facts")
        self._hearts = _storage(state, url, "hearts")

    def close(self) -> None:
        for storage in (*self._lanes.values(), self._facts, self._hearts):
            if isinstance(storage, RedisStorage):
                storage.pool.disconnect()
            else:
                storage.close()

    # messages

    def enqueue(self, lane: str, job: str, attempt: int) -> None:
        self._lanes[lane].enqueue(_written({"job": job, "attempt": attempt}))

    def dequeue(self, lane: str) -> tuple[str, int] | None:
        """Takes the next message out; None if there is none."""
        content = self._lanes[lane].dequeue()
        return None if content is None else _message(content)

    def waiting(self, lane: str) -> set[tuple[str, int]]:
        """The (job, attempt) of every message of a lane."""
        return {found for content in self._lanes[lane].enqueued_items() if (found := _message(content))}

    # facts

    def claim(self, job: str, attempt: int, worker: dict[str, Any]) -> bool:
        """Whether this attempt is now the caller's, and nobody else's ever."""
        return bool(self._facts.put_if_empty(f"claim:{job}:{attempt}", _written(worker)))

    def conclude(self, job: str, outcome: dict[str, Any]) -> bool:
        """Says how a job ended, unless that has been said."""
        return bool(self._facts.put_if_empty(f"outcome:{job}", _written(outcome)))

    def put(self, key: str, value: Any) -> None:
        self._facts.put_data(key, _written(value))

    def read(self, keys: Iterable[str]) -> dict[str, Any]:
        """The facts among `keys` that are there."""
        wanted = list(keys)
        return {key: json.loads(value) for key, value in self._facts.peek_many(wanted).items()} if wanted else {}

    def drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._facts.delete_data(key)

    # signs of life

    def beat(self, worker: str, sign: dict[str, Any]) -> None:
        self._hearts.put_data(worker, _written(sign))

    def hearts(self) -> dict[str, dict[str, Any]]:
        """The last sign of each worker that was not buried."""
        return {name: json.loads(value) for name, value in self._hearts.result_items().items()}

    def bury(self, worker: str) -> None:
        self._hearts.delete_data(worker)


def _storage(state: Path, url: str | None, name: str) -> BaseStorage:
    if url is None:
        return _Sqlite(name, filename=str(state / "queue.sqlite"), timeout=30, cache_mb=2)
    try:
        return RedisStorage(f"reverie_{_identity(state)}_{name}", url=url, blocking=False)
    except ValueError as error:
        raise UsageError(f"{url.split('@')[-1]!r} is no address of a Redis server: write redis://host:port/0.") from error


def _identity(state: Path) -> str:
    """A name for this workspace, so that several may share one Redis server."""
    path = state / "identity"
    if not path.exists():
        write_atomically(path, secrets.token_hex(8))
    return path.read_text().strip()


def _written(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def _message(content: bytes) -> tuple[str, int] | None:
    try:
        message = json.loads(content)
        return str(message["job"]), int(message["attempt"])
    except (ValueError, KeyError, TypeError):
        say("a message in the queue is not one of ours; it was thrown away", WARNING)
        return None
