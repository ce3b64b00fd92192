"""The ledger: which jobs there are and what became of them, in SQLite, written by the server alone.

A change is in the file before anybody is told of it (WAL, flushed at each commit), so neither kill -9 nor a power cut
takes an accepted job back. Everything else can be lost and is made again from here.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from reverie.service.jobs.job import FINAL, Event, Job, JobState, may_follow

__all__ = ["Change", "Ledger"]

_TABLES = """
create table if not exists jobs (
  sequence integer primary key autoincrement, id text not null unique, task text not null, lane text not null,
  again integer not null, state text not null, attempt integer not null default 1, losses integer not null default 0,
  worker text, cancelling real, batches integer not null default 0, created real not null, started real, ended real,
  progress text, message text, error text, request text);
create index if not exists jobs_by_state on jobs (state, lane, sequence);
create table if not exists events (
  job text not null, number integer not null, kind text not null, data text not null, primary key (job, number)
) without rowid;
create table if not exists keys (key text primary key, digest text not null, job text not null);
create index if not exists keys_by_job on keys (job);
"""
_JSON = frozenset({"worker", "progress", "error"})
_COLUMNS = "id, task, lane, state, attempt, created, started, ended, progress, message, error, sequence, again, losses, "
_COLUMNS += "worker, cancelling, batches"
_NOT_FINAL = "state in ('queued', 'running')"


class Ledger:
    """Reads and writes have a connection each, so that a reader never waits for a flush to disk."""

    def __init__(self, path: Path, events_kept: int) -> None:
        self._events_kept = events_kept
        self._write, self._read = _connect(path), _connect(path)
        self._writing, self._reading = threading.RLock(), threading.Lock()
        with self._writing:
            self._write.executescript(_TABLES)

    def close(self) -> None:
        with self._writing, self._reading:
            self._write.close()
            self._read.close()

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One transaction: everything in the block, or nothing of it."""
        with self._writing:
            self._write.execute("begin immediate")
            try:
                yield Change(self._write, self._events_kept)
            except BaseException:
                self._write.execute("rollback")
                raise
            self._write.execute("commit")

    def get(self, id: str) -> Job | None:
        rows = self._rows(f"select {_COLUMNS} from jobs where id = ?", id)
        return self._placed(_job(rows[0])) if rows else None

    def newest(self, limit: int) -> list[Job]:
        rows = self._rows(f"select {_COLUMNS} from jobs order by sequence desc limit ?", limit)
        return [self._placed(_job(row)) for row in rows]

    def unfinished(self) -> list[Job]:
        """Oldest first."""
        return [_job(row) for row in self._rows(f"select {_COLUMNS} from jobs where {_NOT_FINAL} order by sequence")]

    def finished_beyond(self, kept: int) -> list[Job]:
        """Those that ended, but for the newest `kept`."""
        return [
            _job(row)
            for row in self._rows(
                f"select {_COLUMNS} from jobs where not {_NOT_FINAL} order by sequence desc limit -1 offset ?", kept
            )
        ]

    def request(self, id: str) -> str | None:
        """What was asked for, as JSON; forgotten when the job has ended."""
        rows = self._rows("select request from jobs where id = ?", id)
        return rows[0][0] if rows else None

    def ids(self) -> set[str]:
        return {row[0] for row in self._rows("select id from jobs")}

    def queued(self, lane: str) -> int:
        return self._rows("select count(*) from jobs where state = 'queued' and lane = ?", lane)[0][0]

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        return dict.fromkeys(get_args(JobState), 0) | dict(self._rows("select state, count(*) from jobs group by state"))

    def seconds_each(self, lane: str) -> float:
        """How long the last jobs of a lane took, on average; 1 where nothing is known."""
        rows = self._rows(
            "select avg(ended - started) from (select ended, started from jobs where lane = ? and ended is not null "
            "and started is not null order by sequence desc limit 20)",
            lane,
        )
        return rows[0][0] or 1.0

    def by_key(self, key: str) -> tuple[str, str] | None:
        """The (digest of the request, job) that an idempotency key was used for."""
        rows = self._rows("select digest, job from keys where key = ?", key)
        return (rows[0][0], rows[0][1]) if rows else None

    def events(self, id: str, after: int, limit: int = 500) -> list[Event]:
        rows = self._rows(
            "select number, kind, data from events where job = ? and number > ? order by number limit ?", id, after, limit
        )
        return [Event(number, kind, json.loads(data)) for number, kind, data in rows]

    def _placed(self, job: Job) -> Job:
        if job.state != "queued":
            return job
        rows = self._rows(
            "select count(*) from jobs where state = 'queued' and lane = ? and sequence <= ?", job.lane, job.sequence
        )
        return replace(job, position=rows[0][0])

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._read.execute(statement, values).fetchall()


class Change:
    """What one transaction may do."""

    def __init__(self, connection: sqlite3.Connection, events_kept: int) -> None:
        self._connection, self._events_kept = connection, events_kept

    def add(self, id: str, task: str, lane: str, again: bool, request: str, key: str | None, digest: str) -> None:
        self._connection.execute(
            "insert into jobs (id, task, lane, again, request, state, created) values (?, ?, ?, ?, ?, 'queued', ?)",
            (id, task, lane, again, request, time.time()),
        )
        if key is not None:
            self._connection.execute("insert into keys (key, digest, job) values (?, ?, ?)", (key, digest, id))
        self.event(id, "state", {"state": "queued", "attempt": 1})

    def update(self, id: str, **fields: Any) -> bool:
        """Sets columns of a job that has not ended; False, and nothing is set, if it has."""
        if "state" in fields:
            row = self._connection.execute("select state from jobs where id = ?", (id,)).fetchone()
            if row is None or not may_follow(row[0], fields["state"]):
                return False
        columns = ", ".join(f"{name} = ?" for name in fields)
        values = [json.dumps(v) if k in _JSON and v is not None else v for k, v in fields.items()]
        done = self._connection.execute(f"update jobs set {columns} where id = ? and {_NOT_FINAL}", (*values, id))
        return done.rowcount == 1

    def finish(self, id: str, state: JobState, error: dict[str, Any] | None) -> bool:
        """The end of a job, told once: its last event holds the job as it will stay."""
        assert state in FINAL
        if not self.update(id, state=state, error=error, ended=time.time(), worker=None, request=None):
            return False
        row = self._connection.execute(f"select {_COLUMNS} from jobs where id = ?", (id,)).fetchone()
        self.event(id, "end", _job(row).view())
        return True

    def event(self, id: str, kind: str, data: dict[str, Any]) -> None:
        """Adds to a job's history; of a long one the oldest are forgotten, reports of progress first."""
        last, held = self._connection.execute(
            "select coalesce(max(number), 0), count(*) from events where job = ?", (id,)
        ).fetchone()
        self._connection.execute("insert into events values (?, ?, ?, ?)", (id, last + 1, kind, json.dumps(data)))
        if held >= 1.1 * self._events_kept:
            self._connection.execute(
                "delete from events where job = ? and number in (select number from events where job = ? and number <= ? "
                "order by (kind <> 'progress'), number limit ?)",
                (id, id, last, held + 1 - self._events_kept),
            )

    def remove(self, id: str) -> None:
        for table, column in (("events", "job"), ("keys", "job"), ("jobs", "id")):
            self._connection.execute(f"delete from {table} where {column} = ?", (id,))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    return connection


def _job(row: tuple[Any, ...]) -> Job:
    fields: dict[str, Any] = dict(zip(_COLUMNS.split(", "), row, strict=True))
    for name in _JSON:
        fields[name] = None if fields[name] is None else json.loads(fields[name])
    fields["again"] = bool(fields["again"])
    return Job(**fields)
