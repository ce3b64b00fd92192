"""The collector: one thread that takes what the workers said out of the queue and writes it into the ledger.

Each pass reads the facts about all jobs that have not ended, writes the news in one transaction, and only then drops the
facts and wakes those who wait: killed at any point, it says the same again at the next start, and says it once.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from logging import WARNING
from pathlib import Path
from typing import Any

from reverie.service.jobs.bell import Bell
from reverie.service.jobs.job import MAX_LOSSES, Job
from reverie.service.jobs.ledger import Change, Ledger
from reverie.service.jobs.outbox import AHEAD, batch_key
from reverie.service.jobs.queue import LANES, Queue
from reverie.service.jobs.signs import Signs
from reverie.service.jobs.supervisor import Supervisor
from reverie.service.jobs.waiters import Waiters
from reverie.service.logs import say
from reverie.service.problems import Problem

__all__ = ["Collector"]

LAST_RESORT = 1.8
"""Seconds after which a worker of ours that did not act on a cancel is killed."""


@dataclass
class _News:
    """What one pass found."""

    jobs: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)
    again: list[tuple[Job, int]] = field(default_factory=list)
    over: list[str] = field(default_factory=list)


class Collector(threading.Thread):
    def __init__(
        self, ledger: Ledger, queue: Queue, supervisor: Supervisor, waiters: Waiters, bell: Bell, homes: Path, kept: int
    ) -> None:
        super().__init__(name="collector", daemon=True)
        self._ledger, self._queue, self._supervisor, self._waiters = ledger, queue, supervisor, waiters
        self._bell, self._homes, self._kept = bell, homes, kept
        self.signs = Signs(queue, supervisor)
        self._one_at_a_time = threading.RLock()
        self._closing = self.draining = False
        self._missing: set[tuple[str, int]] = set()
        self._kept_house = float("-inf")

    def run(self) -> None:
        while not self._closing:
            pause = 0.5
            try:
                if self.collect():
                    # workers of other machines have no bell
                    pause = 0.004 if self._waiters.any() and self.signs.foreign else 0.05
                if time.monotonic() - self._kept_house > 1:
                    self.keep_house()
            except Exception as error:
                say("the queue or the ledger cannot be reached; trying again", WARNING, error)
            self._bell.wait(pause)

    def close(self) -> None:
        self._closing = True
        self._bell.ring()
        self.join(30)

    def collect(self) -> bool:
        """One pass. True if there are jobs that have not ended."""
        with self._one_at_a_time:
            jobs = self._ledger.unfinished()
            if not jobs:
                return False
            gone = {job.id for job in jobs if job.worker and self.signs.gone(job.worker)}  # before reading: then it said all
            facts = self._queue.read(key for job in jobs for key in _keys(job))
            news = _News()
            if facts or gone:
                with self._ledger.change() as change:
                    for job in jobs:
                        self._note(change, job, facts, job.id in gone, news)
            self._tell(news)
            for job in jobs:
                if job.cancelling and job.id not in news.over:
                    self._press(job)
            return True

    def _note(self, change: Change, job: Job, facts: dict[str, Any], gone: bool, news: _News) -> None:
        """Writes down what is new about one job."""
        worker = job.worker
        claimed = facts.get(f"claim:{job.id}:{job.attempt}")
        if worker is None and claimed and claimed.get("name"):
            worker = claimed
            started = job.started or max(job.created, min(worker["at"], time.time()))
            change.update(job.id, state="running", worker=worker, started=started)
            change.event(job.id, "state", {"state": "running", "attempt": job.attempt})
            news.jobs.add(job.id)
        if worker is not None:
            self._take_batches(change, job, news)
        outcome = facts.get(f"outcome:{job.id}")
        if outcome is not None:
            if change.finish(job.id, outcome["state"], outcome["error"]):
                news.jobs.add(job.id)
                news.over.append(job.id)
        elif facts.get(f"left:{job.id}:{job.attempt}"):
            self._go_on(change, job, job.losses, "The worker was stopped; the job goes on from what it had saved.", news)
        elif worker and gone and not job.cancelling and (excess := self._supervisor.excess(worker["name"])):
            self._queue.conclude(job.id, {"state": "failed", "error": excess.view()})
            self._bell.ring()
        elif gone:
            left = MAX_LOSSES - job.losses - 1
            self._go_on(
                change, job, job.losses + 1, f"The worker was lost; the job is tried again, {left} more times.", news
            )

    def _take_batches(self, change: Change, job: Job, news: _News) -> None:
        taken = job.batches
        while True:
            keys = [batch_key(job.id, job.attempt, taken + n + 1) for n in range(AHEAD)]
            found = self._queue.read(keys)
            for key in keys:
                if key not in found:
                    break
                for kind, data in found[key]:
                    change.event(job.id, kind, data)
                    if kind == "progress":
                        change.update(job.id, progress=data)
                    elif kind == "say":
                        change.update(job.id, message=data["message"])
                taken += 1
                news.taken.append(key)
            if len(found) < AHEAD:
                break
        if taken > job.batches:
            change.update(job.id, batches=taken)
            news.jobs.add(job.id)

    def _go_on(self, change: Change, job: Job, losses: int, sentence: str, news: _News) -> None:
        """An attempt ended and the job did not: once more, if that is safe; otherwise the job is interrupted."""
        if job.cancelling:
            self._queue.conclude(job.id, {"state": "cancelled", "error": None})
        elif not job.again or losses >= MAX_LOSSES:
            why = f"its worker was lost {losses} times" if losses > 1 else "its worker ended before it did"
            advice = "it may need more memory than there is" if losses > 1 else "it was not begun again, as that is not safe"
            error = Problem(500, "interrupted", f"The job was interrupted: {why}; {advice}. Ask for it once more.").view()
            self._queue.conclude(job.id, {"state": "interrupted", "error": error})
        else:
            self._queue.put(f"lost:{job.id}:{job.attempt}", True)
            attempt = job.attempt + 1
            change.update(job.id, state="running", attempt=attempt, losses=losses, worker=None, batches=0, message=sentence)
            change.event(job.id, "state", {"state": "running", "attempt": attempt, "message": sentence})
            news.again.append((job, attempt))
            news.jobs.add(job.id)
            return
        self._bell.ring()  # whoever was first to conclude, the next pass finds it

    def _press(self, job: Job) -> None:
        """Sees to it that a cancel is obeyed."""
        if job.worker is None:
            self.cancel_waiting(job)
        elif time.time() - (job.cancelling or 0) > LAST_RESORT and self._supervisor.owns(job.worker["name"]):
            if self._queue.read([f"outcome:{job.id}"]):
                self._bell.ring()
            else:
                self._supervisor.kill(job.worker["name"])

    def cancel_waiting(self, job: Job) -> None:
        """Wins the attempt before any worker does; then nobody ever makes it."""
        mine = {"name": None}
        if (
            self._queue.claim(job.id, job.attempt, mine)
            or self._queue.read([claim := f"claim:{job.id}:{job.attempt}"])[claim] == mine
        ):
            self._queue.conclude(job.id, {"state": "cancelled", "error": None})
            self._bell.ring()

    def _tell(self, news: _News) -> None:
        """After the commit: the facts are not needed any more, and those who wait may look."""
        self._waiters.wake(news.jobs)
        for job, attempt in news.again:
            if not self.draining:  # otherwise the next start says it
                self.call(job.lane, job.id, attempt)
        self._queue.drop(news.taken)
        for id in news.over:
            (self._homes / id / "request.json").unlink(missing_ok=True)

    def call(self, lane: str, id: str, attempt: int, request: str | None = None) -> None:
        """Asks the workers of a lane for an attempt. The job's folder gets a copy of the request that the ledger holds."""
        request = self._ledger.request(id) if request is None else request
        if request is None:
            return  # it has ended meanwhile
        home = self._homes / id
        home.mkdir(exist_ok=True)
        temporary = home / f".request-{secrets.token_hex(4)}"
        temporary.write_text(request)
        temporary.replace(home / "request.json")
        self._queue.enqueue(lane, id, attempt)
        self._supervisor.ring(lane)

    def keep_house(self) -> None:
        """What is done once a second: signs of life, messages that got lost, jobs that are old."""
        self._kept_house = time.monotonic()
        holders = [job.worker for job in self._ledger.unfinished() if job.worker]
        self.signs.look(holders)
        if not self.draining:
            self.reconcile()
        with self._one_at_a_time:
            for job in self._ledger.finished_beyond(self._kept)[:50]:
                self.forget(job)

    def reconcile(self) -> None:
        """Calls again for what the ledger holds as waiting and the queue does not, once it was missing twice."""
        waiting = [job for job in self._ledger.unfinished() if job.worker is None]
        if not waiting:
            self._missing.clear()
            return
        said = {lane: self._queue.waiting(lane) for lane in LANES}
        claimed = self._queue.read(f"claim:{job.id}:{job.attempt}" for job in waiting)
        missing = {
            (job.id, job.attempt): job.lane
            for job in waiting
            if (job.id, job.attempt) not in said[job.lane] and f"claim:{job.id}:{job.attempt}" not in claimed
        }
        for (id, attempt), lane in missing.items():
            if (id, attempt) in self._missing:
                self.call(lane, id, attempt)
        self._missing = set(missing)

    def forget(self, job: Job) -> None:
        """Removes a job that ended, with its files and all that was said about it."""
        shutil.rmtree(self._homes / job.id, ignore_errors=True)
        keys = [f"outcome:{job.id}", f"cancel:{job.id}"]
        for attempt in range(1, job.attempt + 1):
            keys += [f"{kind}:{job.id}:{attempt}" for kind in ("claim", "left", "lost")]
            keys += [batch_key(job.id, attempt, job.batches + n + 1) for n in range(AHEAD)]
        self._queue.drop(self._queue.read(keys))
        with self._ledger.change() as change:
            change.remove(job.id)


def _keys(job: Job) -> list[str]:
    keys = [f"outcome:{job.id}"]
    if job.worker is None:
        return [*keys, f"claim:{job.id}:{job.attempt}"]
    return [*keys, f"left:{job.id}:{job.attempt}", batch_key(job.id, job.attempt, job.batches + 1)]
