"""The second thread of a worker: it shows that the worker lives, and ends jobs that do not end themselves.

It beats once a second, looks ten times a second whether the job is to stop, and carries the job's news to the queue. A job
that is told to stop has PATIENCE to obey; then the process goes, and a new one takes its place. A worker that is told to
stop before it is ready goes at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from logging import WARNING
from typing import Any

from reverie.service.jobs.outbox import Outbox
from reverie.service.jobs.queue import Queue
from reverie.service.jobs.work import Ending, Work
from reverie.service.logs import say

__all__ = ["DISOBEYED", "PATIENCE", "Heart"]

PATIENCE = 1.3
"""Seconds between the wish that a job stops and the end of its process: with all delays, the slot is free within 2."""
DISOBEYED = 70
"""Exit code of a worker whose job did not stop when told."""
BEAT, LOOK = 1.0, 0.1


class Heart(threading.Thread):
    """Begins to beat when started; `attach` and `detach` stand around each job."""

    def __init__(
        self,
        queue: Queue,
        name: str,
        about: dict[str, Any],
        parent: int | None,
        ring: Callable[[], None],
        leaving: Callable[[], bool],
    ) -> None:
        super().__init__(name="heart", daemon=True)
        self._queue, self._worker, self._about, self._parent = queue, name, about, parent
        self._ring, self._leaving = ring, leaving
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = self._ready = False
        self._work: Work | None = None
        self._job, self._attempt = "", 0
        self._outbox: Outbox | None = None
        self._deadline = self._asked = 0.0
        self._beats, self._beaten = 0, float("-inf")
        self._conclude: Callable[[Ending], None] = lambda _: None

    def run(self) -> None:
        while not self._closing:
            try:
                self._look()
            except Exception as error:  # the queue may be away for a while: a heart does not stop for that
                say("the queue cannot be reached; trying again", WARNING, error)
            self._changed.wait(LOOK if self._work or not self._ready else BEAT)
            self._changed.clear()

    def ready(self) -> None:
        """The worker can take jobs, and listens itself from here on."""
        with self._lock:
            self._ready = True
        self._beaten = float("-inf")
        self._changed.set()

    def close(self) -> None:
        self._closing = True
        self._changed.set()
        self.join(5)

    def attach(
        self, work: Work, outbox: Outbox, job: str, attempt: int, seconds: float, conclude: Callable[[Ending], None]
    ) -> None:
        """Watches a job that has `seconds`; `conclude` says how it ended if it must be ended by force."""
        with self._lock:
            self._work, self._outbox, self._job, self._attempt = work, outbox, job, attempt
            self._deadline, self._asked, self._conclude = time.monotonic() + seconds, 0.0, conclude
        self._changed.set()

    def detach(self) -> None:
        """The job ended by itself: from here on its worker decides what is said about it."""
        with self._lock:
            self._work = self._outbox = None

    def _look(self) -> None:
        if self._parent is not None and os.getppid() != self._parent:
            os._exit(0)
        with self._lock:
            if not self._ready and self._leaving():
                self._queue.bury(self._worker)
                os._exit(0)
        now = time.monotonic()
        if now - self._beaten >= BEAT * 0.95:
            self._beats, self._beaten = self._beats + 1, now
            sign = {"beats": self._beats, "ready": self._ready, "job": self._job if self._work else None}
            self._queue.beat(self._worker, self._about | sign)
        work, outbox, job = self._work, self._outbox, self._job
        if work is None or outbox is None:
            return
        if outbox.flush():
            self._ring()
        self._decide(work, job, now)
        if self._asked and now - self._asked > PATIENCE and work.ending != "stopped":
            self._force(work)

    def _decide(self, work: Work, job: str, now: float) -> None:
        lost = f"lost:{job}:{self._attempt}"
        found = self._queue.read([f"cancel:{job}", f"outcome:{job}", lost])
        if f"outcome:{job}" in found or lost in found:
            work.end("overtaken")
        elif f"cancel:{job}" in found:
            work.end("cancelled")
        elif now > self._deadline:
            work.end("deadline")
        if work.ending and not self._asked:
            self._asked = now

    def _force(self, work: Work) -> None:
        with self._lock:
            if self._work is not work or work.ending is None:
                return
            say("a job did not stop when told: its worker ends", WARNING, job=self._job)
            self._conclude(work.ending)
            self._ring()
            os._exit(DISOBEYED)
