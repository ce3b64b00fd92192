"""The supervisor: keeps the server's own workers alive, and ends those that cannot be reached otherwise.

One thread starts all of them and lives as long as they do, because they die with the thread that started them.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from logging import ERROR, WARNING

from reverie.service.jobs.heartbeat import DISOBEYED
from reverie.service.jobs.ledger import LANES, new_name
from reverie.service.jobs.wakeup import WakeupPipe
from reverie.service.logs import say
from reverie.service.settings import Settings

__all__ = ["Supervisor"]

STEADY = 10.0
"""A worker that lived this long was well: the next is started at once."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0


@dataclass
class _Place:
    """Where a worker belongs: its process if there is one now, and when the next may be started."""

    lane: str
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


class Supervisor(threading.Thread):
    def __init__(self, settings: Settings, tasks: str, pipe: WakeupPipe) -> None:
        super().__init__(name="supervisor", daemon=True)
        self._settings, self._tasks, self._pipe = settings, tasks, pipe
        counts = {"quick": settings.quick_workers, "slow": settings.slow_workers}
        self._places = [_Place(lane) for lane in LANES for _ in range(counts[lane])]
        self._lock = threading.Lock()
        self.ended: dict[str, int] = {}
        """The exit code of every worker that is certainly gone."""
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
        self._look.set()

    def stop(self, save_at: float, kill_at: float) -> None:
        """After `drain`: returns when no worker is left. Those that run are told to save, and later killed."""
        if not self._empty.wait(save_at - time.monotonic()):
            self._each(lambda process: process.terminate())
        if not self._empty.wait(kill_at - time.monotonic()):
            self._each(lambda process: process.kill())
            self._empty.wait(10)

    def kill(self, name: str) -> None:
        """The last resort, for a worker that does not hear."""
        say("a worker does not answer: killed", WARNING, worker=name)
        self._each(lambda process: process.kill(), name)
        self._look.set()

    def processes(self) -> dict[str, int]:
        """The process of each worker that is alive."""
        return {place.name: place.process.pid for place in self._places if place.process is not None}

    def _each(self, act: Callable[[subprocess.Popen[bytes]], None], name: str | None = None) -> None:
        with self._lock:
            for place in self._places:
                if place.process is not None and name in (None, place.name):
                    act(place.process)

    def _tend(self, place: _Place) -> None:
        now = time.monotonic()
        if place.process is not None:
            code = place.process.poll()
            if code is None:
                return
            place.drain()
            place.process = None
            self.ended[place.name] = code
            well = now - place.since > STEADY or code == DISOBEYED
            place.after = now + (0 if well else place.pause)
            place.pause = FIRST_PAUSE if well else min(place.pause * 2, LONGEST_PAUSE)
            if not self._draining:
                say("a worker ended; another takes its place", WARNING, worker=place.name, code=code)
            self._pipe.wake()
        if not self._draining and now >= place.after:
            try:
                self._start(place, now)
            except OSError as error:
                say("no worker can be started; trying again", ERROR, error)
                place.after, place.pause = now + place.pause, min(place.pause * 2, LONGEST_PAUSE)

    def _start(self, place: _Place, now: float) -> None:
        name = new_name(place.lane)
        about = {
            "lane": place.lane,
            "name": name,
            "tasks": self._tasks,
            "threads": max(1, (os.cpu_count() or 1) // len(self._places)),
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
        place.process, place.name, place.since = process, name, now
