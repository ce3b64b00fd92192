"""Admission: what becomes of a call that asks for a job, decided in one transaction that nobody else admits one in.

a key that was used     the job that it made, or 422 where it came with another request
no room in the lane     503 with Retry-After
a place in use          409, which names the job that uses it
otherwise               a new job
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from reverie.service.jobs.database import EVENTS, JOBS, REQUESTS, SUBJECTS, hold_admission, queued, unfinished
from reverie.service.jobs.job import Change, Job, Lane
from reverie.service.jobs.places import Places, in_use
from reverie.service.problems import Problem

__all__ = ["Asked", "admit", "held"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for.

    `id` is for the job, `digest` of task and arguments, `key` its Idempotency-Key, `who` the name of its API key.
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


def admit(connection: Connection, asked: Asked, slots: int) -> str | None:
    """The id of the job, new or made before by the same key. None where no slot is free for a new one.

    Raises Problem 409 for a place in use, and 422 for a key that came with another request.
    """
    hold_admission(connection)
    if asked.key is not None:
        used = select(REQUESTS.c.digest, REQUESTS.c.job).where(REQUESTS.c.key == asked.key)
        for digest, id in connection.execute(used).all():
            if digest != asked.digest:
                raise Problem(422, "key-reused", "This Idempotency-Key came with another request: use a new one.")
            return id
    if connection.execute(queued(asked.lane)).scalar_one() >= slots:
        return None
    for id, about, places in held(connection):
        if name := asked.places.against(places):
            raise in_use(name, id, about)
    return _new(connection, asked)


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
    request = {"job": id, "key": asked.key, "digest": asked.digest, "arguments": asked.arguments}
    connection.execute(insert(REQUESTS).values(request))
    connection.execute(insert(SUBJECTS).values(job=id, about=asked.about, who=asked.who, places=asked.places.view))
    for event in change.events:
        connection.execute(insert(EVENTS).values(job=id, number=event.number, kind=event.kind, data=event.data))
    return id
