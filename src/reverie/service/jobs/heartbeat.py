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
from dataclasses import replace
from logging import WARNING
from typing import Literal

from reverie.service.jobs.job import Job, JobState
from reverie.service.jobs.ledger import Ledger, WorkerSign
from reverie.service.jobs.work import EventBuffer, Work
from reverie.service.logs import say
from reverie.service.problems import Problem

__all__ = ["DISOBEYED", "PATIENCE", "WORN", "Attempt", "Heartbeat"]

PATIENCE = 1.3
"""Seconds between the wish that a job stops and the end of its process: with all delays, the slot is free within 2."""
DISOBEYED = 70
"""Exit code of a worker whose job did not stop when it should."""
WORN = 71
"""Exit code of a worker that did its part: another is to take its place."""
BEAT, LOOK = 1.0, 0.1
_LATE = Problem(504, "deadline", "The time that a job may take was up: ask for less, or let the service allow more.")


class Attempt:
    """One attempt at a job, as long as it is ours: what the job says and how it ends, on its way into the ledger.

    The worker's own thread makes it and concludes it; meanwhile that of the heartbeat reports.
    """

    def __init__(
        self, ledger: Ledger, job: Job, work: Work, buffer: EventBuffer, seconds: float, wake_server: Callable[[], None]
    ) -> None:
        self._ledger, self.job, self._work, self._buffer = ledger, job, work, buffer
        self._deadline = time.monotonic() + seconds
        self._wake_server = wake_server
        self._stopping_since: float | None = None
        self.outcome: str = "overtaken"
        """How it ended, or whether it was not ours any more."""

    def report(self) -> bool:
        """Writes what the job says, and tells it if it is to stop. True if it should have stopped long ago."""
        with self._buffer.taking() as (events, progress):
            job = self._ledger.report(self.job, events, progress)
        if events or progress:
            self._wake_server()
        work, now = self._work, time.monotonic()
        if job is None:
            work.end("overtaken")
        elif job.cancelling:
            work.end("cancelled")
        elif now > self._deadline:
            work.end("deadline")
        if work.ending is None or work.ending == "stopped":
            return False
        self._stopping_since = self._stopping_since or now
        return now - self._stopping_since > PATIENCE

    def conclude(self, state: JobState | Literal["left"], error: Problem | None = None, result: str | None = None) -> None:
        """The end of the job, or with "left" of this attempt alone, with all that was said before."""
        with self._buffer.taking() as (events, progress), self._ledger.change(self.job.id, self.job.attempt) as change:
            if change is not None:
                change.report(events, progress)
                if state == "left":
                    change.release(lost=False)
                else:
                    change.finish(state, error, result)
        if change is not None:
            self.outcome = state
        self._wake_server()

    def conclude_early(self) -> None:
        """What follows from the reason why the job stopped before its end."""
        match self._work.ending:
            case "deadline":
                self.conclude("failed", _LATE)
            case "stopped":
                self.conclude("left")
            case _:  # if the attempt is not ours any more, this is refused
                self.conclude("cancelled")


class Heartbeat(threading.Thread):
    """Begins to beat when started; `attach` and `detach` stand around each attempt.

    It ends the process if `parent` is not its parent any more, or if `leaving` says so before the worker is ready.
    """

    def __init__(self, ledger: Ledger, sign: WorkerSign, parent: int | None, leaving: Callable[[], bool]) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._ledger, self._sign, self._parent, self._leaving = ledger, sign, parent, leaving
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = False
        self._attempt: Attempt | None = None
        self._beaten = float("-inf")

    def run(self) -> None:
        while not self._closing:
            try:
                self._look()
                pause = LOOK if self._attempt or not self._sign.ready else BEAT
            except Problem:  # the ledger is away for a while, and has said so: a heart does not stop for that
                pause = BEAT / 2
            except Exception as error:
                say("a heart missed a beat; trying again", WARNING, error)
                pause = BEAT / 2
            self._changed.wait(pause)
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
        attempt = self._attempt
        if attempt is None or not attempt.report():
            return
        with self._lock:
            if self._attempt is attempt:
                say("a job did not stop when it should: its worker ends", WARNING, job=attempt.job.id)
                attempt.conclude_early()
                os._exit(DISOBEYED)

    def _beat(self) -> None:
        self._sign = replace(self._sign, beats=self._sign.beats + 1)
        self._ledger.beat(self._sign)
        self._beaten = time.monotonic()
