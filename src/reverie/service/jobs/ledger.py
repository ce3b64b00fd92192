"""The ledger: which jobs there are, who does them, and what became of them. Server and workers alike write it.

A change is one transaction, on disk before anybody hears of it, so neither kill -9 nor a power cut takes an accepted job
back. A worker changes a job by the number of its attempt: once that attempt is over, whoever ended it, its changes are
refused. So a job has one end, and one history numbered without gaps, whatever is killed and whoever only slept.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from sqlalchemy import Connection, case, delete, func, insert, null, select, update

from reverie.service.jobs import admission
from reverie.service.jobs.admission import Asked
from reverie.service.jobs.database import (
    EVENTS,
    JOBS,
    REQUESTS,
    SUBJECTS,
    TRACES,
    WORKERS,
    queued,
    unfinished,
)
from reverie.service.jobs.ends import Outline
from reverie.service.jobs.holds import Holds
from reverie.service.jobs.job import Change, Event, Job, JobState
from reverie.service.jobs.places import Places
from reverie.service.jobs.storage import Storage
from reverie.service.problems import Problem

__all__ = ["LANES", "Ledger", "WorkerSign", "new_name"]

LANES = ("quick", "slow")

_FIELDS = tuple(field.name for field in fields(Job) if field.name in JOBS.c)
_SUBJECT = [select(SUBJECTS.c[name]).where(SUBJECTS.c.job == JOBS.c.id).scalar_subquery() for name in ("about", "who")]
_JOB = [*(JOBS.c[name] for name in _FIELDS), *_SUBJECT]
_FIXED = {"sequence", "id", "task", "lane", "again", "created"}
_OTHERS = JOBS.alias()
_BEFORE = (_OTHERS.c.state == "queued") & (_OTHERS.c.lane == JOBS.c.lane) & (_OTHERS.c.sequence <= JOBS.c.sequence)
_POSITION = case((JOBS.c.state == "queued", select(func.count()).where(_BEFORE).scalar_subquery()))
_UNFINISHED = unfinished()


@dataclass(frozen=True, slots=True)
class WorkerSign:
    """A worker as it shows itself; `beats` grows while it lives, and it is `ready` once it can take jobs."""

    name: str
    lane: str
    host: str
    pid: int
    ready: bool = False
    beats: int = 0


def new_name(lane: str) -> str:
    """For a worker: one that no worker ever had."""
    return f"{lane}-{secrets.token_hex(6)}"


class Ledger:
    """The ledger of one workspace, for the server and for each worker alike; safe to use from several threads.

    Every method raises the Problems of `storage`, where the database cannot be used.
    """

    def __init__(self, state: Path, url: str | None, events_kept: int) -> None:
        self._events_kept = events_kept
        self._storage = Storage(state, url)
        self.holds = Holds(self._storage)

    def create(self) -> None:
        """Makes the tables that are missing. Raises UsageError or DamagedError if the database cannot be used."""
        self._storage.create()

    @property
    def usable(self) -> bool:
        """Whether changes can be made, as far as this process knows; see `try_out`."""
        return self._storage.usable

    def close(self) -> None:
        self._storage.close()

    # the server's changes

    def try_out(self) -> None:
        """Writes, and takes it back, so that it is known whether changes can be made; and shows that our holds live."""
        name = new_name("trial")
        with self._storage.writing(durable=False) as connection:
            connection.execute(insert(WORKERS).values(name=name, sign={}))
            connection.execute(delete(WORKERS).where(WORKERS.c.name == name))
            self.holds.beat(connection)

    def admit(self, asked: Asked, slots: int) -> str | None:
        """Accepts a job, see `admission.admit`."""
        with self._storage.writing() as connection:
            return admission.admit(connection, asked, slots)

    @contextmanager
    def change(self, id: str, attempt: int | None = None) -> Iterator[Change | None]:
        """One transaction on a job. None if it has ended, or if the attempt, where one is given, is over."""
        with self._storage.writing() as connection:
            row = connection.execute(select(*_JOB).where(JOBS.c.id == id, _UNFINISHED).with_for_update()).one_or_none()
            job = None if row is None else Job(*row)
            change = None if job is None or attempt not in (None, job.attempt) else Change(job)
            yield change
            if change is not None:
                self._write(connection, change)

    def dismiss(self, worker: str, error: Problem | None = None) -> None:
        """Strikes off a worker that is gone; a job that it held fails with the error, or else this attempt is lost."""
        with self._storage.writing() as connection:
            connection.execute(delete(WORKERS).where(WORKERS.c.name == worker))
            held = select(*_JOB).where(JOBS.c.worker == worker, _UNFINISHED).with_for_update()
            for row in connection.execute(held).all():
                change = Change(Job(*row))
                if error is not None and not change.job.cancelling:
                    change.finish("failed", error)
                else:
                    change.release(lost=True)
                self._write(connection, change)

    def forget_beyond(self, kept: int) -> list[str]:
        """Forgets the jobs that ended, but for the newest `kept`, with keys and histories. Returns some of the forgotten."""
        ended = select(JOBS.c.id).where(~_UNFINISHED).order_by(JOBS.c.sequence.desc()).offset(kept).limit(50)
        ids = [id for (id,) in self._storage.rows(ended)]
        if ids:
            with self._storage.writing() as connection:
                for column in (EVENTS.c.job, REQUESTS.c.job, SUBJECTS.c.job, TRACES.c.job, JOBS.c.id):
                    connection.execute(delete(column.table).where(column.in_(ids)))
        return ids

    # the workers' changes

    def beat(self, sign: WorkerSign) -> None:
        """Shows that a worker lives. One that was struck off meanwhile is known again."""
        with self._storage.writing(durable=False) as connection:
            if not connection.execute(update(WORKERS).where(WORKERS.c.name == sign.name).values(sign=asdict(sign))).rowcount:
                connection.execute(insert(WORKERS).values(name=sign.name, sign=asdict(sign)))

    def claim(self, worker: str, lane: str) -> tuple[Job, str] | None:
        """Gives this worker, which holds nothing, the next attempt of its lane that waits, with the arguments as JSON.

        None if there is none, or if the worker was struck off while it slept: first it must show itself, or nobody would
        miss it.
        """
        mine = (JOBS.c.worker == worker) & _UNFINISHED  # given before, and the news of it was lost on the way
        waiting = _UNFINISHED & JOBS.c.worker.is_(null()) & (JOBS.c.lane == lane)
        next_one = select(*_JOB).where(mine | waiting).order_by(JOBS.c.sequence).limit(1)
        if not self._storage.rows(next_one):
            return None
        with self._storage.writing() as connection:
            shown = connection.execute(select(WORKERS.c.name).where(WORKERS.c.name == worker).with_for_update()).all()
            row = connection.execute(next_one.with_for_update(skip_locked=True)).one_or_none() if shown else None
            if row is None:
                return None
            change = Change(Job(*row))
            if change.job.worker is None:
                change.begin(worker)
                self._write(connection, change)
            arguments = select(REQUESTS.c.arguments).where(REQUESTS.c.job == change.job.id)
            return change.job, connection.execute(arguments).scalar_one()

    def report(self, job: Job, events: list[tuple[str, dict[str, Any]]], progress: dict[str, Any] | None) -> Job | None:
        """What the holder of an attempt says of it. Returns the job as it is now, None if the attempt is over."""
        if not events and progress is None:
            now = self.get(job.id)
            return now if now and not now.final and now.attempt == job.attempt else None
        with self.change(job.id, job.attempt) as change:
            if change is not None:
                change.report(events, progress)
        return None if change is None else change.job

    # what there is

    def get(self, id: str) -> Job | None:
        return next((Job(*row) for row in self._storage.rows(select(*_JOB, _POSITION).where(JOBS.c.id == id))), None)

    def newest(
        self,
        limit: int,
        before: int | None = None,
        states: Collection[str] = (),
        lane: str | None = None,
        tasks: Collection[str] = (),
    ) -> list[Job]:
        """Those before this sequence number, of any of the states, of the lane, of any of the tasks; newest first."""
        wanted = select(*_JOB, _POSITION).order_by(JOBS.c.sequence.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(JOBS.c.sequence < before)
        if states:
            wanted = wanted.where(JOBS.c.state.in_(states))
        if lane is not None:
            wanted = wanted.where(JOBS.c.lane == lane)
        if tasks:
            wanted = wanted.where(JOBS.c.task.in_(tasks))
        return [Job(*row) for row in self._storage.rows(wanted)]

    def using(self, name: str, writes_only: bool) -> Job | None:
        """The oldest unfinished job that writes (or reads) this place."""
        with self._storage.reading() as connection:
            held = [id for id, _, places in admission.held(connection) if places.uses(name, writes_only)]
        return self.get(held[0]) if held else None

    def held(self) -> list[tuple[str, dict[str, str], Places]]:
        """The unfinished jobs, oldest first: id, what each is about, and its places."""
        with self._storage.reading() as connection:
            return list(admission.held(connection))

    def unfinished(self) -> list[Job]:
        """Oldest first, without their places in the queue."""
        return [Job(*row) for row in self._storage.rows(select(*_JOB).where(_UNFINISHED).order_by(JOBS.c.sequence))]

    def outlines(self, floor: int) -> list[Outline]:
        """The jobs from this sequence number on, oldest first."""
        columns = [JOBS.c[field.name] for field in fields(Outline)]
        wanted = select(*columns).where(JOBS.c.sequence >= floor).order_by(JOBS.c.sequence)
        return [Outline(*row) for row in self._storage.rows(wanted)]

    def last(self) -> int:
        """The highest sequence number; 0 where there is no job."""
        return self._storage.rows(select(func.max(JOBS.c.sequence)))[0][0] or 0

    def ids(self) -> set[str]:
        return {id for (id,) in self._storage.rows(select(JOBS.c.id))}

    def last_events(self, ids: list[str]) -> dict[str, int]:
        """Number of the last event of each of these jobs."""
        return (
            dict(map(tuple, self._storage.rows(select(JOBS.c.id, JOBS.c.events).where(JOBS.c.id.in_(ids))))) if ids else {}
        )

    def queued(self, lane: str) -> int:
        return self._storage.rows(queued(lane))[0][0]

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state."""
        rows = self._storage.rows(select(JOBS.c.state, func.count()).group_by(JOBS.c.state))
        return dict.fromkeys(get_args(JobState), 0) | dict(map(tuple, rows))

    def seconds_each(self, lane: str) -> float:
        """How long the last jobs of a lane took, on average; 1 where nothing is known."""
        ended = JOBS.c.ended.is_not(null()) & JOBS.c.started.is_not(null()) & (JOBS.c.lane == lane)
        seconds = (JOBS.c.ended - JOBS.c.started).label("seconds")
        last = select(seconds).where(ended).order_by(JOBS.c.sequence.desc()).limit(20).subquery()
        return self._storage.rows(select(func.avg(last.c.seconds)))[0][0] or 1.0

    def result(self, id: str) -> str | None:
        """What came of a job that succeeded, as JSON."""
        return next((text for (text,) in self._storage.rows(select(REQUESTS.c.result).where(REQUESTS.c.job == id))), None)

    def trace(self, id: str) -> dict[str, str]:
        """The span that asked for a job, as it was told; nothing where there is none."""
        return next((trace for (trace,) in self._storage.rows(select(TRACES.c.trace).where(TRACES.c.job == id))), {})

    def events(self, id: str, after: int, limit: int = 500) -> list[Event]:
        history = select(EVENTS.c.number, EVENTS.c.kind, EVENTS.c.data).where(EVENTS.c.job == id, EVENTS.c.number > after)
        return [Event(*row) for row in self._storage.rows(history.order_by(EVENTS.c.number).limit(limit))]

    def workers(self) -> list[WorkerSign]:
        """Those that were not struck off."""
        return [WorkerSign(**sign) for (sign,) in self._storage.rows(select(WORKERS.c.sign))]

    # inside

    def _write(self, connection: Connection, change: Change) -> None:
        row = {name: getattr(change.job, name) for name in _FIELDS if name not in _FIXED}
        connection.execute(update(JOBS).where(JOBS.c.id == change.job.id).values(row))
        if change.job.final:
            request = update(REQUESTS).where(REQUESTS.c.job == change.job.id)
            connection.execute(request.values(arguments=None, result=change.result))
        self._write_events(connection, change)

    def _write_events(self, connection: Connection, change: Change) -> None:
        """Adds to a job's history; of a long one the oldest are forgotten, reports of progress first."""
        id = change.job.id
        if not change.events:
            return
        rows = [{"job": id, "number": event.number, "kind": event.kind, "data": event.data} for event in change.events]
        connection.execute(insert(EVENTS), rows)
        if change.job.events < 1.1 * self._events_kept:
            return
        held = connection.execute(select(func.count()).where(EVENTS.c.job == id)).scalar_one()
        if held >= 1.1 * self._events_kept:
            of_old = (EVENTS.c.job == id) & (EVENTS.c.number < change.events[0].number)
            importance = case((EVENTS.c.kind == "progress", 0), else_=1)
            oldest = select(EVENTS.c.number).where(of_old).order_by(importance, EVENTS.c.number)
            excess = oldest.limit(held - self._events_kept)
            connection.execute(delete(EVENTS).where(EVENTS.c.job == id, EVENTS.c.number.in_(excess)))
