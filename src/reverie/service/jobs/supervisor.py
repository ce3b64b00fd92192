"""The supervisor: keeps the server's own workers alive, wakes them, and ends those that cannot be reached otherwise."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from logging import ERROR, INFO, WARNING

from reverie.memory import resident
from reverie.service.jobs.heartbeat import DISOBEYED, WORN
from reverie.service.jobs.ledger import LANES, new_name
from reverie.service.jobs.wakeup import WakeupPipe
from reverie.service.logs import say
from reverie.service.settings import Settings

__all__ = ["Supervisor"]

STEADY = 10.0
"""A worker that lived this long was well: the next is started at once."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
LOOK = 0.25


@dataclass
class _Place:
    """Where a worker belongs: its process if there is one now, and when the next may be started."""

    lane: str
    number: int
    process: subprocess.Popen[bytes] | None = None
    name: str = ""
    since: float = 0.0
    pause: float = FIRST_PAUSE
    after: float = 0.0

    def wake(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # it is gone, or drained
                self.process.stdin.write(b"\n")

    def drain(self) -> None:
        """Its worker takes no further job."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()


class Supervisor:
    """One thread calls `tend`, often, and lives as long as the workers: they die with the thread that started them."""

    def __init__(self, settings: Settings, tasks: str, pipe: WakeupPipe) -> None:
        self._settings, self._tasks, self._pipe = settings, tasks, pipe
        self._counts = {"quick": settings.quick_workers, "slow": settings.slow_workers}
        self._places = [_Place(lane, number) for lane in LANES for number in range(self._counts[lane])]
        self.restarts: Counter[tuple[str, str]] = Counter()
        """Workers that were replaced, by lane and reason: worn, disobeyed, memory, killed, failed."""
        self._lock = threading.Lock()
        self._draining = False
        self._empty = threading.Event()

    def tend(self) -> dict[str, int]:
        """Starts workers where one is missing. Returns the exit codes of those that ended since the last call."""
        ended: dict[str, int] = {}
        with self._lock:
            for place in self._places:
                if place.process is not None and (code := place.process.poll()) is not None:
                    ended[place.name] = code
                    self._clear(place, code)
                if place.process is None and not self._draining and time.monotonic() >= place.after:
                    self._fill(place)
            if self._draining and all(place.process is None for place in self._places):
                self._empty.set()
        return ended

    def wake(self, lane: str) -> None:
        """There is something to do in a lane."""
        with self._lock:
            for place in self._places:
                if place.lane == lane:
                    place.wake()

    def drain(self) -> None:
        """No worker takes a further job, and those without one end now."""
        with self._lock:
            self._draining = True
            for place in self._places:
                place.drain()

    def stop(self, leave_at: float, kill_at: float, saving: Callable[[], set[str]]) -> None:
        """After `drain`: returns when no worker is left.

        Those that `saving` names are asked to stop at once, the others when it is time to leave; and all are killed at last.
        """
        asked: set[str] = set()
        while time.monotonic() < leave_at and not self._empty.is_set():
            for name in saving() - asked:
                asked.add(name)
                self._signal(signal.SIGTERM, name)
            self._empty.wait(min(LOOK, max(0, leave_at - time.monotonic())))
        self._signal(signal.SIGTERM)
        if not self._empty.wait(kill_at - time.monotonic()):
            self._signal(signal.SIGKILL)
            self._empty.wait(10)

    def kill(self, name: str) -> None:
        """The last resort, for a worker that does not hear."""
        say("a worker does not answer: killed", WARNING, worker=name)
        self._signal(signal.SIGKILL, name)

    def own(self, lane: str) -> int:
        """How many workers of a lane are to be on this machine."""
        return self._counts[lane]

    def memory(self) -> dict[tuple[str, int], int]:
        """Bytes that each worker holds, by lane and number; of those that are alive, where the system says."""
        places = [(place, process.pid) for place in self._places if (process := place.process) is not None]
        held = {(place.lane, place.number): resident(pid) for place, pid in places}
        return {place: bytes for place, bytes in held.items() if bytes is not None}

    def processes(self) -> dict[str, int]:
        """The process of each worker that is alive."""
        return {place.name: place.process.pid for place in self._places if place.process is not None}

    def _signal(self, number: int, name: str | None = None) -> None:
        with self._lock:
            for place in self._places:
                if place.process is not None and name in (None, place.name):
                    place.process.send_signal(number)

    def _clear(self, place: _Place, code: int) -> None:
        """After the end of a worker: the next comes at once if this one was well, and otherwise after a pause that grows."""
        place.drain()
        place.process = None
        now = time.monotonic()
        well = now - place.since > STEADY or code in (DISOBEYED, WORN)
        place.after = now + (0 if well else place.pause)
        place.pause = FIRST_PAUSE if well else min(place.pause * 2, LONGEST_PAUSE)
        if not self._draining:
            self.restarts[place.lane, _reason(code)] += 1
            say("a worker ended; another takes its place", INFO if code == WORN else WARNING, worker=place.name, code=code)

    def _fill(self, place: _Place) -> None:
        try:
            self._start(place)
        except OSError as error:
            say("no worker can be started; trying again", ERROR, error)
            place.after = time.monotonic() + place.pause
            place.pause = min(place.pause * 2, LONGEST_PAUSE)

    def _start(self, place: _Place) -> None:
        name = new_name(place.lane)
        about = {
            "lane": place.lane,
            "name": name,
            "tasks": self._tasks,
            "threads": self._settings.threads,
            "parent": os.getpid(),
            "settings": self._settings.model_dump(mode="json"),
        }
        # -P: the folder we stand in may be the workspace, and no file of a client is ever imported
        command = [sys.executable, "-P", "-m", "reverie.service.jobs.worker"]
        process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=self._pipe.writing, start_new_session=True
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(about).encode() + b"\n")
        os.set_blocking(process.stdin.fileno(), False)
        place.process, place.name, place.since = process, name, time.monotonic()


def _reason(code: int) -> str:
    """Why a worker ended, by its exit code; libraries abort where memory is refused to them."""
    named = {WORN: "worn", DISOBEYED: "disobeyed", -signal.SIGABRT: "memory"}
    return named.get(code, "killed" if code < 0 else "failed")
