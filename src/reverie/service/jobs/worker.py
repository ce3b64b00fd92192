"""A worker: one warm process that does one job after the other, in its main thread.

It claims the next attempt that waits, does the job, and writes result and end into the ledger in one transaction, which is
refused if the attempt is not its own any more. It dies with the server that started it. SIGTERM lets training save its
checkpoint; the job is then left to be continued, which is not an end.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from logging import ERROR, WARNING

from reverie.errors import ReverieError
from reverie.memory import held, ran_out, resident
from reverie.service import logs, problems
from reverie.service.jobs.heartbeat import WORN, Attempt, Heartbeat
from reverie.service.jobs.job import Job
from reverie.service.jobs.ledger import Ledger, WorkerSign, new_name
from reverie.service.jobs.registry import TASKS, TaskLike, tasks_named, warm
from reverie.service.jobs.wakeup import Lifeline
from reverie.service.jobs.work import Cancelled, EventBuffer, Work
from reverie.service.logs import say
from reverie.service.objects import open_workspace
from reverie.service.problems import Problem
from reverie.service.settings import Settings
from reverie.service.telemetry import telemetry

__all__ = ["Worker", "main"]

QUICKEST, SLOWEST = 0.002, 0.05
"""Seconds between two looks into the ledger, of a worker that nobody wakes."""


class Worker:
    """Takes jobs of one lane until it is told to stop.

    Attributes of a worker that a server started: its `name`, the `parent` process to die with, and the `lifeline` to it.
    """

    def __init__(
        self,
        settings: Settings,
        lane: str,
        name: str | None = None,
        tasks: str = TASKS,
        threads: int = 1,
        parent: int | None = None,
        lifeline: Lifeline | None = None,
    ) -> None:
        self._settings, self._lane, self._lifeline = settings, lane, lifeline
        self._memory, self._grown = settings.memory, settings.grown  # as the machine says: later our own limit would
        self._workspace = open_workspace(settings)
        self._ledger = Ledger(self._workspace.state, settings.queue_url, settings.events_kept)
        self._name = name or new_name(lane)
        self._wake_server = lifeline.wake_server if lifeline else lambda: None
        sign = WorkerSign(self._name, lane, socket.gethostname(), os.getpid())
        self._heartbeat = Heartbeat(self._ledger, sign, parent, self._leaving)
        self._tasks, self._threads = tasks, threads
        self._telemetry = telemetry(settings)
        self._stopping = False
        self._done = 0
        self._work: Work | None = None

    def run(self, announce: Callable[[], None] = lambda: None) -> bool:
        """Works until told to stop, or worn; `announce` is called once it can take jobs. Returns whether it is worn."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        with held(self._memory):
            return self._run(announce)

    def _run(self, announce: Callable[[], None]) -> bool:
        self._heartbeat.start()
        tasks = tasks_named(self._tasks)
        if self._lane == "quick":
            self._warm()
        _insist(self._heartbeat.ready)
        self._wake_server()
        announce()
        pause = QUICKEST
        while not self._leaving() and not self._worn():
            if (claimed := self._claim()) is None:
                self._wait(pause)
                pause = min(1.05 * pause, SLOWEST)
            else:
                pause = QUICKEST
                self._do(*claimed, tasks)
                self._done += 1
        self._heartbeat.close()
        _insist(lambda: self._ledger.dismiss(self._name))
        self._wake_server()
        if self._telemetry is not None:
            self._telemetry.close()
        return not self._stopping

    def _worn(self) -> bool:
        """Whether a new process should take its place: libraries keep memory, and it is never given back but so."""
        if not self._done:
            return False
        return self._done >= self._settings.worker_jobs or (self._grown is not None and (resident() or 0) > self._grown)

    def _warm(self) -> None:
        """Imports what our own tasks need; once it is done it costs nothing.

        In the quick lane that is before anyone waits, in the slow one with the first job: the cores are for a new server's
        first callers.
        """
        if self._tasks == TASKS:
            warm(self._threads)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        if self._work is not None:
            self._work.end("stopped")

    def _wait(self, seconds: float) -> None:
        """Until there may be something to do; without a server that wakes it, a little longer each time."""
        if self._lifeline is None:
            time.sleep(seconds)
        else:
            self._lifeline.wait(0.5)

    def _leaving(self) -> bool:
        if self._lifeline is not None:
            self._lifeline.wait(0)
            self._stopping = self._stopping or self._lifeline.cut
        return self._stopping

    def _claim(self) -> tuple[Job, str] | None:
        try:
            return self._ledger.claim(self._name, self._lane)
        except Exception as error:
            if not isinstance(error, Problem):  # of those the ledger has told itself
                say("no job can be taken; trying again", WARNING, error)
            time.sleep(0.5)
            return None

    def _do(self, job: Job, arguments: str, tasks: Mapping[str, TaskLike]) -> None:
        """One attempt at one job; a span, where they are wanted."""
        if self._telemetry is None:
            self._attend(job, arguments, tasks)
            return
        trace: dict[str, str] = {}
        with suppress(Problem):  # the ledger is away for a moment: then the span is by itself
            trace = self._ledger.trace(job.id)
        with self._telemetry.attempt(job, trace) as ended:
            ended(self._attend(job, arguments, tasks))

    def _attend(self, job: Job, arguments: str, tasks: Mapping[str, TaskLike]) -> str:
        """The attempt itself. Returns how it ended."""
        self._wake_server()
        buffer = EventBuffer(self._settings.events_kept)
        folder = self._workspace.state / "jobs" / job.id / job.files
        self._work = work = Work(self._settings, self._workspace, folder, job.attempt, buffer)
        seconds = self._settings.quick_seconds if self._lane == "quick" else self._settings.slow_seconds
        attempt = Attempt(self._ledger, job, work, buffer, seconds, self._wake_server)
        self._heartbeat.attach(attempt)
        if self._stopping:
            work.end("stopped")
        try:
            for earlier in folder.parent.glob("files-*"):
                shutil.rmtree(earlier, ignore_errors=True)
            folder.mkdir(parents=True)
            self._warm()
            result = tasks[job.task].run(work, json.loads(arguments))
            text = json.dumps(result, allow_nan=False, separators=(",", ":"))
            _insist(partial(self._workspace.keep, folder, ended=True), unless=_lasts)
            conclude = partial(attempt.conclude, "succeeded", result=text)
        except Cancelled:
            conclude = attempt.conclude_early
        except Exception as error:
            if _stopped(error):
                self._stopping = True  # the signal came to the task, and was meant for us
                work.end("stopped")
                self._workspace.save(folder)
                conclude = attempt.conclude_early
            else:
                conclude = partial(attempt.conclude, "failed", self._failure(job, error))
        self._work = None
        self._heartbeat.detach()
        _insist(conclude)
        self._workspace.left(folder)
        return attempt.outcome

    def _failure(self, job: Job, error: Exception) -> Problem:
        too_little = problems.too_little_memory(self._memory)
        problem = too_little if ran_out(error) else problems.of(error, self._workspace.root)
        if problem.status >= 500:
            say("a job failed", ERROR, error, job=job.id)
            if problem.kind == "internal":
                problem = Problem(problem.status, "internal", f"The server's log has more under job {job.id}.")
        return problem


def _stopped(error: Exception) -> bool:
    """Whether this is a clean stop after a signal, as of training: its exit code is 128 and the signal's number."""
    return isinstance(error, ReverieError) and error.exit_code > 128


def _lasts(error: Exception) -> bool:
    """Whether there is no sense in trying again."""
    return not (isinstance(error, Problem) and error.status == 503)


def _insist(action: Callable[[], object], unless: Callable[[Exception], bool] = lambda error: False) -> None:
    """A job that was done is not lost to a ledger, or a store, that is away for a minute. After that the error passes."""
    for pause in (0.1, 0.5, 2, 5, 10, 20, 20):
        try:
            action()
            return
        except Exception as error:
            if unless(error):
                raise
            say("what became of a job cannot be written; trying again", WARNING, error)
        time.sleep(pause)
    action()


def _die_with(parent: int) -> None:
    """Asks Linux to kill this process with the thread that started it; elsewhere the heartbeat watches the parent."""
    if sys.platform == "linux":
        import ctypes

        death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None, use_errno=True).prctl(death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def main() -> None:
    """A worker of a server, which says on standard input, in one line of JSON, what this worker is."""
    lifeline = Lifeline()
    about = json.loads(lifeline.first_line() or "{}")
    if not about:  # the server went away meanwhile
        return
    _die_with(about["parent"])
    logs.configure()
    if about["lane"] == "slow":
        os.nice(5)
    if Worker(Settings(**about.pop("settings")), **about, lifeline=lifeline).run():
        sys.exit(WORN)


if __name__ == "__main__":
    main()
