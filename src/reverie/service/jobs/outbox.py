"""What a running job tells: kept in memory, and laid down for the server in numbered batches.

Telling costs the job no input or output. Batch n of an attempt is one fact; the server takes them in order, notes the last
it took in the same transaction, and drops them: so each event arrives once, even if the server is killed in between.
"""

from __future__ import annotations

import math
import threading
from typing import Any

from reverie.service.jobs.queue import Queue

__all__ = ["AHEAD", "Outbox", "batch_key"]

AHEAD = 16
"""Batches laid down that the server has not taken; then the outbox waits, so that a server that is away costs no memory."""


def batch_key(job: str, attempt: int, number: int) -> str:
    return f"batch:{job}:{attempt}:{number}"


class Outbox:
    """Safe to use from the thread that works and the one that beats."""

    def __init__(self, queue: Queue, job: str, attempt: int, kept: int) -> None:
        self._queue, self._job, self._attempt, self._kept = queue, job, attempt, kept
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._progress: dict[str, Any] | None = None
        self._number = 0
        self._lock = threading.Lock()
        self._flushing = threading.Lock()

    def add(self, kind: str, data: dict[str, Any]) -> None:
        with self._lock:
            self._events.append((kind, {name: _plain(value) for name, value in data.items()}))
            del self._events[: -self._kept]

    def progress(self, done: int, total: int, seconds_left: float | None) -> None:
        """Only the latest report of a batch is worth telling."""
        self._progress = {"done": done, "total": total, "seconds_left": seconds_left}

    def flush(self, last: bool = False) -> bool:
        """Lays down what has gathered, if the server keeps up or this is the last time. True if there was something."""
        with self._flushing:
            if not (self._events or self._progress):
                return False
            behind = batch_key(self._job, self._attempt, self._number - AHEAD + 1)
            if not last and self._queue.read([behind]):
                return False
            with self._lock:
                events, self._events = self._events, []
                progress, self._progress = self._progress, None
            batch = [*events, *([("progress", progress)] if progress else [])]
            try:
                self._queue.put(batch_key(self._job, self._attempt, self._number + 1), batch)
            except Exception:
                with self._lock:
                    self._events = events + self._events
                raise
            self._number += 1
            return True


def _plain(value: Any) -> Any:
    """JSON has no infinities: null stands for them."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {str(name): _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
    return value
