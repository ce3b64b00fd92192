"""The second thread of a worker: it shows that the worker lives, and ends jobs that do not end themselves.

It beats once a second; ten times a second it writes what the job says into the ledger, and learns there whether the job is
to stop. A job that is to stop has PATIENCE to obey; then the process goes, and a new one takes its place. A worker that is
to stop before it is ready goes at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from logging import WARNING

from reverie.service.jobs.job import Job
from reverie.service.jobs.ledger import Ledger, WorkerSign
from reverie.service.jobs.work import Ending, EventBuffer, Work
from reverie.service.logs import say

__all__ = ["DISOBEYED", "PATIENCE", "Attempt", "Heartbeat"]

PATIENCE = 1.3
"""Seconds between the wish that a job stops and the end of its process: with all delays, the slot is free within 2."""
DISOBEYED = 70
"""Exit code of a worker whose job did not stop when it should."""
BEAT, LOOK = 1.0, 0.1


@dataclass
class Attempt:
    """One attempt at a job that is being made."""

    job: Job
    work: Work
    buffer: EventBuffer
    deadline: float
    """On the monotonic clock."""
    stopping_since: float | None = None


class Heartbeat(threading.Thread):
    """Begins to beat when started; `attach` and `detach` stand around each attempt.

    `wake_server` is called when there is news, `leaving` says whether the worker is to stop, and `conclude` says in the ledger
    that an attempt was ended for this reason.
    """

    def __init__(
        self,
        ledger: Ledger,
        sign: WorkerSign,
        parent: int | None,
        wake_server: Callable[[], None],
        leaving: Callable[[], bool],
        conclude: Callable[[Attempt, Ending], None],
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._ledger, self._sign, self._parent = ledger, sign, parent
        self._wake_server, self._leaving, self._conclude = wake_server, leaving, conclude
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = False
        self._attempt: Attempt | None = None
        self._beaten = float("-inf")

    def run(self) -> None:
        while not self._closing:
            try:
                self._look()
            except Exception as error:  # the ledger may be away for a while: a heart does not stop for that
                say("the ledger cannot be reached; trying again", WARNING, error)
            self._changed.wait(LOOK if self._attempt or not self._sign.ready else BEAT)
            self._changed.clear()

    def ready(self) -> None:
        """The worker can take jobs, and listens itself from here on."""
        with self._lock:
            self._sign = replace(self._sign, ready=True)
            self._beat()

    def close(self) -> None:
        self._closing = True
        self._changed.set()
        self.join(5)

    def attach(self, attempt: Attempt) -> None:
        with self._lock:
            self._attempt = attempt
        self._changed.set()

    def detach(self) -> None:
        """The job ended by itself: from here on its worker decides what is said about it."""
        with self._lock:
            self._attempt = None

    def _look(self) -> None:
        if self._parent is not None and os.getppid() != self._parent:
            os._exit(0)
        with self._lock:
            if not self._sign.ready and self._leaving():
                self._ledger.dismiss(self._sign.name)
                os._exit(0)
            if time.monotonic() - self._beaten >= BEAT * 0.95:
                self._beat()
        if (attempt := self._attempt) is not None:
            self._tend(attempt)

    def _beat(self) -> None:
        self._sign = replace(self._sign, beats=self._sign.beats + 1)
        self._ledger.beat(self._sign)
        self._beaten = time.monotonic()

    def _tend(self, attempt: Attempt) -> None:
        work, now = attempt.work, time.monotonic()
        with attempt.buffer.taking() as (events, progress):
            job = self._ledger.report(attempt.job, events, progress)
        if events or progress:
            self._wake_server()
        if job is None:
            work.end("overtaken")
        elif job.cancelling:
            work.end("cancelled")
        elif now > attempt.deadline:
            work.end("deadline")
        if work.ending and attempt.stopping_since is None:
            attempt.stopping_since = now
        elif attempt.stopping_since and now - attempt.stopping_since > PATIENCE and work.ending != "stopped":
            self._force(attempt)

    def _force(self, attempt: Attempt) -> None:
        with self._lock:
            if self._attempt is not attempt or attempt.work.ending is None:
                return
            say("a job did not stop when it should: its worker ends", WARNING, job=attempt.job.id)
            self._conclude(attempt, attempt.work.ending)
            self._wake_server()
            os._exit(DISOBEYED)
