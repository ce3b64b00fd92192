"""The monitor: one thread of the server that looks after its workers and what they do in the ledger.

It keeps our own workers running; strikes off workers that are gone, so that their jobs are taken up again; sees to it that a
cancel is obeyed; wakes calls that wait for news of a job; and forgets old jobs. All that it needs to know stands in the
ledger, and is found again after a kill. What it sees is kept for those who watch the server.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from logging import WARNING

from reverie.service.jobs.ends import Ends, Outline
from reverie.service.jobs.holds import Hold
from reverie.service.jobs.job import Job
from reverie.service.jobs.ledger import LANES, Ledger, WorkerSign
from reverie.service.jobs.overview import LaneView, Overview
from reverie.service.jobs.supervisor import Supervisor
from reverie.service.jobs.waiters import Waiters
from reverie.service.jobs.wakeup import WakeupPipe
from reverie.service.logs import say
from reverie.service.problems import Problem, too_little_memory
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

__all__ = ["SILENT", "Liveness", "Monitor"]

LAST_RESORT = 1.8
"""Seconds after which a worker of ours that did not act on a cancel is killed."""
SILENT = 15.0
"""Seconds without a beat after which a worker is given up."""
FRESH = 10.0
"""Seconds for which what was seen of the ledger still holds."""


class Liveness:
    """Which workers, and holds, are gone, by the beats of all.

    A beat is a number that grows; how long it stood still is measured with this machine's own clock, so that neither clocks
    that differ nor a laptop that slept makes a worker seem dead.
    """

    def __init__(self) -> None:
        self._here = socket.gethostname()
        self._seen: dict[str, tuple[int, float]] = {}

    def silent(self, workers: Sequence[WorkerSign | Hold]) -> set[str]:
        """Those whose last beat is too long ago. To be asked often."""
        now = time.monotonic()
        before, self._seen = self._seen, {}
        for worker in workers:
            beats, since = before.get(worker.name, (-1, now))
            self._seen[worker.name] = (worker.beats, since if worker.beats == beats else now)
        return {name for name, (_, since) in self._seen.items() if now - since > SILENT}

    def vanished(self, worker: WorkerSign | Hold) -> bool:
        """Whether its process should be on this machine and there is no such process."""
        if worker.host != self._here:
            return False
        with contextlib.suppress(PermissionError):
            try:
                os.kill(worker.pid, 0)
            except ProcessLookupError:
                return True
        return False


class Monitor(threading.Thread):
    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        supervisor: Supervisor,
        waiters: Waiters,
        pipe: WakeupPipe,
        workspace: Workspace,
    ) -> None:
        super().__init__(name="monitor", daemon=True)
        self._settings, self._ledger, self._supervisor = settings, ledger, supervisor
        self._waiters, self._pipe, self._workspace = waiters, pipe, workspace
        self._liveness = Liveness()
        self._one_at_a_time = threading.Lock()
        self._ended: dict[str, int] = {}
        self._foreign = self._closing = self.draining = False
        self._last_events: dict[str, int] = {}
        self._cleaned = float("-inf")
        self._ends = Ends(ledger)
        self.on_end: Callable[[Outline], None] = lambda job: None
        self._seen, self._seen_at = Overview({lane: LaneView(own=supervisor.own(lane)) for lane in LANES}), float("-inf")

    def start(self) -> None:
        self._ends.new()  # what ended before is no news
        super().start()

    def run(self) -> None:
        busy = woken = True
        while not self._closing:
            pause = 0.05
            try:
                self._ended |= self._supervisor.tend()
                if busy or woken or self._ended or time.monotonic() - self._cleaned > 1:
                    busy = self.look()
                if busy and self._foreign and self._waiters.watched():
                    pause = 0.01  # workers of other machines have no pipe to wake us by
            except Problem:
                pause = 0.5  # the ledger cannot be used, and has said so
            except Exception as error:
                say("the monitor could not do its round; trying again", WARNING, error)
                pause = 0.5
            woken = self._pipe.wait(pause)

    def close(self) -> None:
        self._closing = True
        self._pipe.wake()
        self.join(30)

    @property
    def overview(self) -> Overview:
        """What was seen last."""
        fresh = time.monotonic() - self._seen_at < FRESH
        return replace(self._seen, usable=fresh and self._ledger.usable)

    def look(self) -> bool:
        """One pass through the ledger. True if there are jobs that have not ended."""
        with self._one_at_a_time:
            self._dismiss_ended()
            if time.monotonic() - self._cleaned > 1:
                self._cleaned = time.monotonic()
                self._check_ledger()
                self._dismiss_silent()
                self._cleanup()
                self._tell()
            jobs = self._ledger.unfinished()
            self._enforce_cancel(jobs)
            for lane in {job.lane for job in jobs if job.worker is None and not self.draining}:
                self._supervisor.wake(lane)
            self._wake_waiters()
            return bool(jobs)

    def _dismiss_ended(self) -> None:
        """Our own workers that ended, by their exit: what they wrote is all there."""
        self._ended |= self._supervisor.tend()
        for name, code in [*self._ended.items()]:
            # libraries abort where memory is refused to them
            self._ledger.dismiss(name, too_little_memory(self._settings.memory) if code == -signal.SIGABRT else None)
            del self._ended[name]

    def _check_ledger(self) -> None:
        """While nobody can write, that a worker does not is no sign of its death."""
        try:
            self._ledger.try_out()
        except Problem:
            self._liveness = Liveness()
            raise

    def _tell(self) -> None:
        """For whoever watches: what goes on, and which jobs have ended."""
        jobs = [(job.lane, job.worker is not None) for job in self._ledger.unfinished()]
        workers = [worker.lane for worker in self._ledger.workers() if worker.ready]
        lanes = {
            lane: LaneView(
                jobs.count((lane, False)), jobs.count((lane, True)), workers.count(lane), self._supervisor.own(lane)
            )
            for lane in LANES
        }
        restarts, memory = dict(self._supervisor.restarts), self._supervisor.memory()
        self._seen = Overview(lanes, self._ledger.counts(), True, restarts, memory)
        self._seen_at = time.monotonic()
        for job in self._ends.new():
            self.on_end(job)

    def _dismiss_silent(self) -> None:
        """All others, by their beats; and of ours those that hang."""
        holders = {job.worker for job in self._ledger.unfinished() if job.worker}  # before the workers: they are all there
        workers, holds = self._ledger.workers(), self._ledger.holds.others()
        own, silent = self._supervisor.processes(), self._liveness.silent([*workers, *holds])
        self._foreign = any(worker.name not in own for worker in workers)
        for worker in workers:
            if worker.name in own:
                if worker.name in silent:
                    self._supervisor.kill(worker.name)
            elif worker.name in silent or self._liveness.vanished(worker):
                self._ledger.dismiss(worker.name)
        for name in holders - {worker.name for worker in workers}:
            self._ledger.dismiss(name)
        for hold in holds:
            if hold.name in silent or self._liveness.vanished(hold):
                self._ledger.holds.let_go(hold.name)

    def _enforce_cancel(self, jobs: list[Job]) -> None:
        """Ends workers of ours that do not act on a cancel, whatever they do."""
        now, own = time.time(), self._supervisor.processes()
        for job in jobs:
            if job.worker in own and job.cancelling and now - job.cancelling > LAST_RESORT:
                self._supervisor.kill(job.worker)

    def _wake_waiters(self) -> None:
        before, self._last_events = self._last_events, self._ledger.last_events(self._waiters.watched())
        self._waiters.wake(id for id, number in self._last_events.items() if before.get(id) != number)

    def _cleanup(self) -> None:
        """Forgets jobs that ended long ago, with their files."""
        self._workspace.forget(self._ledger.forget_beyond(self._settings.kept_jobs))
