"""The supervisor: keeps the server's own workers alive, and ends those that cannot be reached otherwise.

One thread starts all of them and lives as long as they do, because they die with the thread that started them.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from logging import ERROR, WARNING

from reverie.service.jobs.bell import DRAIN, Bell, Pull
from reverie.service.jobs.heart import DISOBEYED
from reverie.service.jobs.queue import LANES
from reverie.service.logs import say
from reverie.service.problems import Problem, too_little_memory
from reverie.service.settings import Settings

__all__ = ["Supervisor"]

STEADY = 10.0
"""A worker that lived this long was well: the next is started at once."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0


@dataclass
class _Place:
    """Where a worker belongs: whoever is there now, and when the next may be started."""

    lane: str
    process: subprocess.Popen[bytes] | None = None
    pull: Pull | None = None
    name: str = ""
    since: float = 0.0
    pause: float = FIRST_PAUSE
    after: float = 0.0


class Supervisor(threading.Thread):
    def __init__(self, settings: Settings, tasks: str, bell: Bell) -> None:
        super().__init__(name="supervisor", daemon=True)
        self._settings, self._tasks, self._bell = settings, tasks, bell
        counts = {"quick": settings.quick_workers, "slow": settings.slow_workers}
        self._places = [_Place(lane) for lane in LANES for _ in range(counts[lane])]
        self._lock = threading.Lock()
        self._ended: dict[str, int] = {}
        self._draining = False
        self._empty = threading.Event()
        self._look = threading.Event()

    def run(self) -> None:
        while not self._empty.is_set():
            with self._lock:
                for place in self._places:
                    self._tend(place)
                if self._draining and all(place.process is None for place in self._places):
                    self._empty.set()
            self._look.wait(0.05)
            self._look.clear()

    def ring(self, lane: str) -> None:
        """There is something to do in a lane."""
        for place in self._places:
            if place.lane == lane and place.pull is not None:
                place.pull.send()

    def ended(self, name: str) -> bool:
        """Whether this worker was ours and is certainly gone."""
        return name in self._ended

    def excess(self, name: str) -> Problem | None:
        """What to say of the job of a worker of ours that was aborted: libraries do that where memory is refused to them."""
        return too_little_memory(self._settings.memory) if self._ended.get(name) == -signal.SIGABRT else None

    def owns(self, name: str) -> bool:
        return any(place.name == name and place.process is not None for place in self._places)

    def kill(self, name: str) -> None:
        """The last resort, for a worker that does not hear."""
        with self._lock:
            for place in self._places:
                if place.name == name and place.process is not None:
                    say("a worker does not answer: killed", WARNING, worker=name)
                    place.process.kill()
        self._look.set()

    def drain(self) -> None:
        """No worker takes a further job, and those without one end now."""
        with self._lock:
            self._draining = True
            for place in self._places:
                if place.pull is not None:
                    place.pull.send(DRAIN)
        self._look.set()

    def stop(self, tell: float, end: float) -> None:
        """After `drain`: returns when no worker is left. Those that run are told to save at `tell`, and killed at `end`."""
        if not self._empty.wait(tell - time.monotonic()):
            for process in self._running():
                process.terminate()
        if not self._empty.wait(end - time.monotonic()):
            for process in self._running():
                process.kill()
            self._empty.wait(10)

    def processes(self) -> dict[str, int]:
        """The process of each worker that is alive."""
        return {place.name: place.process.pid for place in self._places if place.process is not None}

    def _running(self) -> list[subprocess.Popen[bytes]]:
        return [place.process for place in self._places if place.process is not None]

    def _tend(self, place: _Place) -> None:
        now = time.monotonic()
        if place.process is not None:
            code = place.process.poll()
            if code is None:
                return
            if place.process.stdin is not None:
                place.process.stdin.close()
            place.process, place.pull = None, None
            self._ended[place.name] = code
            well = now - place.since > STEADY or code == DISOBEYED
            place.after = now + (0 if well else place.pause)
            place.pause = FIRST_PAUSE if well else min(place.pause * 2, LONGEST_PAUSE)
            if not self._draining:
                say("a worker ended; another takes its place", WARNING, worker=place.name, code=code)
            self._bell.ring()
        if not self._draining and now >= place.after:
            try:
                self._start(place, now)
            except OSError as error:
                say("no worker can be started; trying again", ERROR, error)
                place.after, place.pause = now + place.pause, min(place.pause * 2, LONGEST_PAUSE)

    def _start(self, place: _Place, now: float) -> None:
        place.name = f"{place.lane}-{secrets.token_hex(6)}"
        place.since = now
        threads = max(1, (os.cpu_count() or 1) // len(self._places))
        # -P: the folder we stand in may be the workspace, and no file of a client is ever imported
        command = [sys.executable, "-P", "-m", "reverie.service.jobs.worker", "--lane", place.lane, "--tasks", self._tasks]
        command += ["--name", place.name, "--threads", str(threads), "--parent", str(os.getpid())]
        place.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._bell.cord, start_new_session=True)
        assert place.process.stdin is not None
        os.write(place.process.stdin.fileno(), self._settings.model_dump_json().encode() + b"\n")
        place.pull = Pull(place.process.stdin.fileno())
