"""Which workers live: by the exit of our own, and by the beats of all.

A beat is a number that grows; how long it stood still is measured with this machine's own clock, so that neither clocks
that differ nor a laptop that slept makes a worker seem dead.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import Any

from reverie.service.jobs.queue import Queue
from reverie.service.jobs.supervisor import Supervisor

__all__ = ["SILENT", "Signs"]

SILENT = 15.0
"""Seconds without a beat after which a worker is given up."""


class Signs:
    def __init__(self, queue: Queue, supervisor: Supervisor) -> None:
        self._queue, self._supervisor = queue, supervisor
        self._here = socket.gethostname()
        self._seen: dict[str, tuple[int, float]] = {}
        self._about: dict[str, dict[str, Any]] = {}
        self._gone: set[str] = set()
        self._began = time.monotonic()

    @property
    def foreign(self) -> bool:
        """Whether some worker is not of this server."""
        return any(not self._supervisor.owns(name) for name in self._about)

    def alive(self, lane: str) -> int:
        """Workers of a lane that can take jobs."""
        return sum(sign["lane"] == lane and sign["ready"] for sign in self._about.values())

    def gone(self, worker: dict[str, Any]) -> bool:
        """Whether a worker certainly writes nothing any more, or was silent for too long."""
        return self._supervisor.ended(worker["name"]) or worker["name"] in self._gone

    def look(self, holders: list[dict[str, Any]]) -> None:
        """Reads all beats, and finds out who is gone; also of those who hold a job and of whom nothing is heard."""
        now = time.monotonic()
        about: dict[str, dict[str, Any]] = {}
        for name, sign in self._queue.hearts().items():
            beats, since = self._seen.get(name, (-1, now))
            self._seen[name] = (beats, since) if sign["beats"] == beats else (sign["beats"], now)
            silent = now - self._seen[name][1] > SILENT
            if silent and self._supervisor.owns(name):
                self._supervisor.kill(name)
            if self._supervisor.ended(name) or self._vanished(sign) or (silent and not self._supervisor.owns(name)):
                self._queue.bury(name)
                self._gone.add(name)
                self._seen.pop(name)
            else:
                about[name] = sign
                self._gone.discard(name)  # it only slept; what it held is with others by now
        self._about = about
        for worker in holders:
            unheard = worker["name"] not in about and not self._supervisor.owns(worker["name"])
            if unheard and (self._vanished(worker) or now - self._began > SILENT):
                self._gone.add(worker["name"])

    def _vanished(self, sign: dict[str, Any]) -> bool:
        """Whether its process is of this machine and there is no such process."""
        if sign["host"] != self._here or self._supervisor.owns(sign["name"]):
            return False
        with contextlib.suppress(PermissionError):
            try:
                os.kill(sign["pid"], 0)
            except ProcessLookupError:
                return True
        return False
