"""Admission: what becomes of a call that asks for a job, decided in one transaction that nobody else admits one in.

a key that was used     the job that it made, or 422 where it came with another request
no room in the lane     503 with Retry-After
a place in use          409, which names the job that uses it
a place that changes    409: a server replaces, renames or deletes it (see holds)
otherwise               a new job
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from reverie.service.jobs.database import (
    EVENTS,
    HOLDS,
    JOBS,
    REQUESTS,
    SUBJECTS,
    TRACES,
    hold_admission,
    queued,
    unfinished,
)
from reverie.service.jobs.job import Change, Job, Lane
from reverie.service.jobs.places import Places, in_change, in_use
from reverie.service.problems import Problem

__all__ = ["Asked", "admit", "check", "held"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for.

    `id` is for the job, `digest` of task and arguments, `key` its Idempotency-Key, `who` the name of its API key, `trace`
    its span. A key is each caller's own: others who send the same get jobs of their own.
    """

    id: str
    task: str
    lane: Lane
    again: bool
    arguments: str
    digest: str
    about: dict[str, str]
    places: Places
    key: str | None = None
    who: str | None = None
    trace: dict[str, str] | None = None

    @property
    def own_key(self) -> str | None:
        """The key as it is kept: no key has a space in it, so that of no other caller is the same."""
        return self.key if self.key is None or self.who is None else f"{self.who} {self.key}"


def admit(connection: Connection, asked: Asked, slots: int) -> str | None:
    """The id of the job, new or made before by the same key. None where no slot is free for a new one.

    Raises Problem 409 for a place in use, and 422 for a key that came with another request.
    """
    hold_admission(connection)
    if asked.key is not None:
        earlier = (REQUESTS.c.key == asked.key) & (SUBJECTS.c.who == asked.who)  # of a ledger that kept keys without a name
        used = select(REQUESTS.c.digest, REQUESTS.c.job).outerjoin(SUBJECTS, SUBJECTS.c.job == REQUESTS.c.job)
        for digest, id in connection.execute(used.where((REQUESTS.c.key == asked.own_key) | earlier)).all():
            if digest != asked.digest:
                raise Problem(422, "key-reused", "This Idempotency-Key came with another request: use a new one.")
            return id
    if connection.execute(queued(asked.lane)).scalar_one() >= slots:
        return None
    check(connection, asked.places)
    return _new(connection, asked)


def check(connection: Connection, places: Places) -> None:
    """Raises Problem 409 where an unfinished job uses these places, or a server changes them."""
    for id, about, others in held(connection):
        if name := places.against(others):
            raise in_use(name, id, about)
    for (view,) in connection.execute(select(HOLDS.c.places)).all():
        if name := places.against(changed := Places.seen(view)) or changed.against(places):
            raise in_change(name)


def held(connection: Connection) -> Iterator[tuple[str, dict[str, str], Places]]:
    """The unfinished jobs, oldest first: id, what each is about, and its places."""
    rows = select(JOBS.c.id, SUBJECTS.c.about, SUBJECTS.c.places).join(SUBJECTS, SUBJECTS.c.job == JOBS.c.id)
    for id, about, places in connection.execute(rows.where(unfinished()).order_by(JOBS.c.sequence)).all():
        yield id, about, Places.seen(places)


def _new(connection: Connection, asked: Asked) -> str:
    id = asked.id
    change = Change(Job(id, asked.task, asked.lane, "queued", 1, time.time(), again=asked.again))
    change.event("state", {"state": "queued", "attempt": 1})
    names = ("id", "task", "lane", "state", "attempt", "created", "again", "losses", "events")
    row: dict[str, Any] = {name: getattr(change.job, name) for name in names}
    connection.execute(insert(JOBS).values(row))
    request = {"job": id, "key": asked.own_key, "digest": asked.digest, "arguments": asked.arguments}
    connection.execute(insert(REQUESTS).values(request))
    connection.execute(insert(SUBJECTS).values(job=id, about=asked.about, who=asked.who, places=asked.places.view))
    if asked.trace:
        connection.execute(insert(TRACES).values(job=id, trace=asked.trace))
    for event in change.events:
        connection.execute(insert(EVENTS).values(job=id, number=event.number, kind=event.kind, data=event.data))
    return id
