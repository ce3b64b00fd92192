"""The server's side of all jobs: take them in, show them, cancel them, and stop without losing any."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import math
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from reverie.errors import unknown
from reverie.service.jobs.admission import Asked
from reverie.service.jobs.ends import Outline
from reverie.service.jobs.job import LARGE, Event, Job
from reverie.service.jobs.ledger import Ledger
from reverie.service.jobs.monitor import Monitor
from reverie.service.jobs.overview import Overview
from reverie.service.jobs.places import Places, in_use, named
from reverie.service.jobs.registry import TASKS, tasks_named
from reverie.service.jobs.supervisor import Supervisor
from reverie.service.jobs.waiters import Waiters
from reverie.service.jobs.wakeup import WakeupPipe
from reverie.service.problems import Problem, from_view
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

__all__ = ["Jobs"]

ENDING = 0.6
"""Part of the grace in which jobs may end by themselves; the rest is for leaving them."""
KEY = re.compile(r"[\x21-\x7e]{1,255}")
ID = re.compile(r"[0-9a-f]{32}")


class Jobs:
    """Safe to use from every thread of the server. `submit` and `cancel` write to the disk: not for the event loop."""

    def __init__(self, settings: Settings, workspace: Workspace, tasks: str = TASKS) -> None:
        self._settings, self._tasks = settings, tasks_named(tasks)
        self._workspace = workspace
        self._ledger = Ledger(workspace.state, settings.queue_url, settings.events_kept)
        self._ledger.create()
        self._pipe, self.waiters = WakeupPipe(), Waiters()
        self._supervisor = Supervisor(settings, tasks, self._pipe)
        self._monitor = Monitor(settings, self._ledger, self._supervisor, self.waiters, self._pipe, workspace)
        self._leave_at = math.inf
        self.stopped = False

    # its own life

    def start(self) -> None:
        """Takes up what an earlier server left, then lets the workers begin."""
        self._workspace.forget(self._workspace.jobs() - self._ledger.ids())
        self._monitor.start()

    def close_admission(self) -> None:
        """New jobs are refused from here on, and calls that wait for a job not yet begun are answered with its address."""
        if self.draining:
            return
        self._monitor.draining = True
        self._supervisor.drain()
        self.waiters.wake()

    def stop(self, grace: float) -> None:
        """Returns when no worker is left, after this long at most; what could not end goes on at the next start. Blocks.

        What can go on later where it is stopped (training) saves at once. All else has the first part of the time to end;
        then it is left, to be done again, and calls that wait for it are answered with its address.
        """
        self.close_admission()
        if not self._monitor.is_alive():
            return
        began = time.monotonic()
        self._leave_at = began + ENDING * grace
        self._supervisor.stop(self._leave_at, began + grace, self._saving)
        with contextlib.suppress(Exception):
            self._monitor.look()
        self.stopped = True
        self.waiters.wake()
        self._monitor.close()

    def _saving(self) -> set[str]:
        """Workers whose job goes on later from where it is stopped, so that it need not be waited for."""
        with contextlib.suppress(Problem):
            jobs = [job for job in self._ledger.unfinished() if job.task in self._tasks]
            return {job.worker for job in jobs if job.worker and self._tasks[job.task].saves}
        return set()

    def close(self) -> None:
        """After `stop`, when nobody asks any more."""
        self._ledger.close()
        self._pipe.close()

    @property
    def wait_seconds(self) -> float:
        """The longest that one call may wait."""
        return self._settings.wait_seconds

    @property
    def draining(self) -> bool:
        return self._monitor.draining

    # what routes ask for

    def submit(
        self,
        task: str,
        arguments: dict[str, Any],
        *,
        key: str | None = None,
        who: str | None = None,
        trace: dict[str, str] | None = None,
    ) -> Job:
        """Accepts a job: it is in the ledger when this returns, and will end in exactly one way.

        A `key` (Idempotency-Key) makes asking twice ask once; `who` is the name of the API key that asks, `trace` its span
        (see telemetry). Raises Problem 503 where there is no room, or no time left, and 409 where an unfinished job uses a
        place that this one would write, or one is being changed that this one would use.
        """
        if task not in self._tasks:
            raise unknown("task", task, self._tasks)
        if key is not None and not KEY.fullmatch(key):
            raise Problem(422, "invalid", "An Idempotency-Key is 1 to 255 visible ASCII characters.")
        does = self._tasks[task]
        text = json.dumps(arguments, sort_keys=True, allow_nan=False, separators=(",", ":"))
        digest = hashlib.sha256(f"{task} {text}".encode()).hexdigest()
        about, places = does.about(arguments), does.places(arguments)
        asked = Asked(secrets.token_hex(16), task, does.lane, does.again, text, digest, about, places, key, who, trace)
        id = self._ledger.admit(asked, 0 if self.draining else self._settings.queue_slots)
        if id is None:
            raise self._no_room(does.lane)
        self._supervisor.wake(does.lane)
        self._pipe.wake()
        return self.get(id)

    def get(self, id: str) -> Job:
        job = self._ledger.get(id) if ID.fullmatch(id) else None
        if job is None:
            raise Problem(404, "not-found", "There is no such job; old ones are forgotten after a while.")
        return job

    def list(
        self,
        limit: int,
        after: str | None = None,
        states: Collection[str] = (),
        lane: str | None = None,
        operation: str | None = None,
    ) -> tuple[list[Job], str | None]:
        """Jobs, newest first, and where the next part of the list begins if there is more: then ask again `after` that."""
        tasks = () if operation is None else (operation, operation + LARGE)
        found = self._ledger.newest(limit + 1, None if after is None else int(after), states, lane, tasks)
        return found[:limit], str(found[limit - 1].sequence) if len(found) > limit else None

    def using(self, name: str, writes_only: bool = True) -> Job | None:
        """The unfinished job that writes (or, if not `writes_only`, reads) this name of the workspace, or in it."""
        return self._ledger.using(name, writes_only)

    def held(self) -> list[tuple[str, dict[str, str], Places]]:
        """The unfinished jobs, oldest first: id, what each is about, and its places."""
        return self._ledger.held()

    def check_unused(self, name: str, writes_only: bool = False) -> None:
        """Raises Problem 409, which names the job, where an unfinished one uses this name of the workspace."""
        if job := self.using(name, writes_only):
            raise in_use(name, job.id, job.view()["about"])

    @contextlib.contextmanager
    def changing(self, *names: str, replaces: bool = True) -> Iterator[None]:
        """In the block these names of the workspace are replaced, renamed or deleted, and no job is admitted that uses one.

        Raises Problem 409 where an unfinished job uses one, or writes it where nothing is there that this `replaces`.
        """
        places = Places(writes=tuple(place for name in names for place in named(name)), replaces=replaces)
        with self._ledger.holds.taken(places):
            yield

    def cancel(self, id: str) -> Job:
        """Ends a job that waits at once, and one that runs within 2 s. Does nothing to one that ended."""
        job = self.get(id)
        if job.final:
            return job
        with self._ledger.change(id) as change:
            if change is not None:
                change.cancel()
        self._pipe.wake()
        return self.get(id)

    async def wait(self, id: str, seconds: float) -> Job:
        """The job when it has ended, or as it is after this time; sooner if the service stops meanwhile."""
        until = time.monotonic() + seconds
        with self.waiters.watching(id) as news:
            while True:
                news.clear()
                job = await asyncio.to_thread(self.get, id)  # the ledger may be far away
                left = min(until, self._leave_at) - time.monotonic()
                if job.final or left <= 0 or self.stays(job):
                    return job
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), left)

    def stays(self, job: Job) -> bool:
        """Whether nothing more will happen to a job before the next start."""
        return job.final or self.stopped or (self.draining and job.worker is None)

    def result(self, id: str) -> dict[str, Any]:
        return json.loads(self.result_bytes(id))

    def result_bytes(self, id: str) -> bytes:
        """The result as it was written. Raises Problem 409 where there is none, or the problem the job ended with."""
        job = self.get(id)
        match job.state:
            case "succeeded":
                return (self._ledger.result(id) or "null").encode()
            case "queued" | "running":
                raise Problem(409, "unfinished", f"The job is {job.state}: its result is here when it has succeeded.")
            case "cancelled":
                raise Problem(409, "cancelled", "The job was cancelled: it has no result.")
        raise from_view(job.error or {})

    def folder(self, id: str) -> Path:
        """Where the files of a job are, for downloading."""
        job = self.get(id)
        return self._workspace.state / "jobs" / job.id / job.files

    def events(self, id: str, after: int) -> list[Event]:
        """The next events after number `after`, oldest first."""
        return self._ledger.events(self.get(id).id, after)

    def overview(self) -> Overview:
        """What goes on, as it was seen within the last second; asks no database."""
        return self._monitor.overview

    def hear(self, on_end: Callable[[Outline], None]) -> None:
        """Tells of each job that ends from here on, in a thread of its own."""
        self._monitor.on_end = on_end

    def worker_processes(self) -> dict[str, int]:
        """The process of each of the server's own workers, by its name."""
        return self._supervisor.processes()

    def _no_room(self, lane: str) -> Problem:
        if self.draining:
            return Problem(503, "stopping", "The server is stopping: ask again in a moment.", {"Retry-After": "5"})
        workers = max(1, self._settings.quick_workers if lane == "quick" else self._settings.slow_workers)
        seconds = min(60, max(1, math.ceil(self._settings.queue_slots * self._ledger.seconds_each(lane) / workers)))
        sentence = f"{self._settings.queue_slots} jobs wait already: ask again in {seconds} s."
        return Problem(503, "busy", sentence, {"Retry-After": str(seconds)})
