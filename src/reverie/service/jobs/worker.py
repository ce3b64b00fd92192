"""A worker: one warm process that does one job after the other, in its main thread.

    python -m reverie.service.jobs.worker --workspace DIR --lane quick

It wins the claim on an attempt, does the job, writes the result whole, and says once how it ended. It dies with the server
that started it. SIGTERM lets training save its checkpoint; the job is then left to be continued, which is not an end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from logging import ERROR, WARNING
from pathlib import Path
from typing import Any

from reverie.errors import ReverieError
from reverie.files import write_atomically
from reverie.memory import hold, ran_out
from reverie.service import logs, problems
from reverie.service.jobs.bell import Lifeline
from reverie.service.jobs.heart import Heart
from reverie.service.jobs.outbox import Outbox
from reverie.service.jobs.queue import LANES, Queue
from reverie.service.jobs.registry import TASKS, TaskLike, tasks_named, warm
from reverie.service.jobs.work import Cancelled, Ending, Work
from reverie.service.logs import say
from reverie.service.problems import Problem
from reverie.service.settings import Settings, read
from reverie.service.workspace import Workspace

__all__ = ["Worker", "main", "new_name"]

QUICKEST, SLOWEST = 0.002, 0.05
"""Seconds between two looks into the queue, where no bell rings."""


class Worker:
    """Takes jobs of one lane until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        lane: str,
        name: str,
        tasks: str = TASKS,
        threads: int = 1,
        parent: int | None = None,
        line: Lifeline | None = None,
    ) -> None:
        self._settings, self._lane, self._line = settings, lane, line
        self._workspace = Workspace(settings.workspace, settings)
        self._memory = settings.memory
        self._queue = Queue(self._workspace.state, settings.queue_url)
        self._about = {"name": name, "lane": lane, "host": socket.gethostname(), "pid": os.getpid()}
        self._ring = line.ring if line else lambda: None
        self._heart = Heart(self._queue, name, self._about, parent, self._ring, self._leaving)
        self._tasks, self._threads = tasks, threads
        self._stopping = False
        self._work: Work | None = None

    def run(self, announce: Callable[[], None] = lambda: None) -> None:
        """Works until told to stop; `announce` is called once it can take jobs."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        if self._memory is not None:
            hold(self._memory)
        self._heart.start()
        tasks = tasks_named(self._tasks)
        if self._lane == "quick":
            self._warm()
        self._heart.ready()
        self._ring()
        announce()
        pause = QUICKEST
        while not self._stopping:
            self._listen(0.0)
            if self._stopping:
                break
            message = self._next()
            if message is None:
                self._listen(pause)
                pause = min(1.05 * pause, SLOWEST)
                continue
            pause = QUICKEST
            self._attend(*message, tasks)
        self._heart.close()
        self._queue.bury(self._about["name"])
        self._ring()

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

    def _listen(self, seconds: float) -> None:
        """Waits for a ring where there is a bell, and otherwise a little longer each time that nothing came."""
        if self._line is None:
            time.sleep(seconds)
            return
        self._line.hear(0.5 if seconds else 0.0)
        self._stopping = self._stopping or self._line.drained or self._line.cut

    def _leaving(self) -> bool:
        self._listen(0.0)
        return self._stopping

    def _next(self) -> tuple[str, int] | None:
        try:
            return self._queue.dequeue(self._lane)
        except Exception as error:
            say("the queue cannot be reached; trying again", WARNING, error)
            time.sleep(1)
            return None

    def _attend(self, job: str, attempt: int, tasks: Mapping[str, TaskLike]) -> None:
        """One attempt at one job, if nobody else makes it and nothing is decided yet."""
        if not self._queue.claim(job, attempt, self._about | {"at": time.time()}) or self._queue.read([f"outcome:{job}"]):
            return
        home = self._workspace.state / "jobs" / job
        seconds = self._settings.quick_seconds if self._lane == "quick" else self._settings.slow_seconds
        outbox = Outbox(self._queue, job, attempt, self._settings.events_kept)
        self._work = work = Work(self._settings, self._workspace, home / "files", attempt, outbox)
        if self._stopping:
            work.end("stopped")
        self._heart.attach(work, outbox, job, attempt, seconds, lambda why: self._ended(job, attempt, why))
        outcome, why = None, None
        try:
            request = _request(home / "request.json")
            shutil.rmtree(home / "files", ignore_errors=True)
            (home / "files").mkdir()
            self._warm()
            result = tasks[request["task"]].run(work, request["arguments"])
            write_atomically(home / "result.json", json.dumps(result, allow_nan=False, separators=(",", ":")))
            outcome = {"state": "succeeded", "error": None}
        except Cancelled:
            why = work.ending or "cancelled"
        except Exception as error:
            if _stopped(error):
                why = work.ending or "stopped"
            else:
                outcome = {"state": "failed", "error": self._failure(job, error)}
        self._work = None
        self._heart.detach()
        _insist(lambda: outbox.flush(last=True))
        if outcome is not None:
            _insist(lambda: self._queue.conclude(job, outcome))
        elif why is not None:
            _insist(lambda: self._ended(job, attempt, why))
        self._ring()

    def _ended(self, job: str, attempt: int, why: Ending) -> None:
        """Says what follows from the reason why a job stopped before its end."""
        match why:
            case "cancelled":
                self._queue.conclude(job, {"state": "cancelled", "error": None})
            case "deadline":
                sentence = "The time that a job may take was up: ask for less, or let the service allow more."
                self._queue.conclude(job, {"state": "failed", "error": Problem(504, "deadline", sentence).view()})
            case "stopped":
                self._queue.put(f"left:{job}:{attempt}", True)
            case "overtaken":
                pass

    def _failure(self, job: str, error: Exception) -> dict[str, Any]:
        problem = problems.too_little_memory(self._memory) if ran_out(error) else problems.of(error, self._workspace.root)
        if problem.status >= 500:
            say("a job failed", ERROR, error, job=job)
            if problem.kind == "internal":
                problem = Problem(problem.status, "internal", f"The server's log has more under job {job}.")
        return problem.view()


def new_name(lane: str) -> str:
    """A name that no worker ever had."""
    return f"{lane}-{secrets.token_hex(6)}"


def _request(path: Path) -> dict[str, Any]:
    """What is asked for. A folder that machines share may show it a little late."""
    for _ in range(20):
        with contextlib.suppress(FileNotFoundError):
            return json.loads(path.read_bytes())
        time.sleep(0.1)
    raise Problem(500, "workspace", "The worker does not see the job's folder: workers need the workspace of the server.")


def _stopped(error: Exception) -> bool:
    """Whether this is a clean stop after a signal, as of training: its exit code is 128 and the signal's number."""
    return isinstance(error, ReverieError) and error.exit_code > 128


def _insist(action: Callable[[], object]) -> None:
    """A job that was done is not lost to a queue that is away for a minute. After that the process ends, as if killed."""
    for pause in (0.1, 0.5, 2, 5, 10, 20, 20):
        with contextlib.suppress(Exception):
            action()
            return
        time.sleep(pause)
    action()


def die_with(parent: int) -> None:
    """Asks Linux to kill this process when the thread that started it is gone; elsewhere the heart watches the parent."""
    if sys.platform == "linux":
        import ctypes

        death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None, use_errno=True).prctl(death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Do the jobs of one lane.")
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--lane", choices=LANES, required=True)
    parser.add_argument("--queue-url")
    parser.add_argument("--tasks", default=TASKS, help="module:name of the tasks")
    parser.add_argument("--threads", type=int, default=1, help="threads for the arithmetic of one job")
    parser.add_argument("--name", help="who this is, among all workers that there ever were")
    parser.add_argument("--parent", type=int, help="process to die with; it sends the settings on standard input")
    told = parser.parse_args(arguments)
    line = None
    if told.parent is None:
        settings = read(workspace=told.workspace, queue_url=told.queue_url)
    else:
        die_with(told.parent)
        line = Lifeline()
        settings = Settings(**json.loads(line.line() or "{}"))
    logs.configure()
    if told.lane == "slow":
        os.nice(5)
    Worker(settings, told.lane, told.name or new_name(told.lane), told.tasks, told.threads, told.parent, line).run()


if __name__ == "__main__":
    main()
