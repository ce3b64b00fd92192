"""What a task sees of the job it does: where to write, whom to tell, and when to stop."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

__all__ = ["Cancelled", "Ending", "EventBuffer", "Work"]

Ending = Literal["cancelled", "deadline", "stopped", "overtaken"]
"""Why a job is to stop: someone asked, its time is up, the worker was told to stop, or the attempt is not ours any more."""
_KIND = re.compile(r"[a-z][a-z_]{0,30}")
_RESERVED = frozenset({"state", "progress", "end"})


class Cancelled(Exception):
    """The job is to stop now. A task lets this pass, after tidying up what must not stay."""


class EventBuffer:
    """What a job says until the ledger has it: the newest `kept` events, and the latest report of progress.

    Saying something costs the job no input or output, and a ledger that is away costs no memory.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._lock, self._taking = threading.Lock(), threading.Lock()
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._progress: dict[str, Any] | None = None

    def add(self, kind: str, data: dict[str, Any]) -> None:
        with self._lock:
            self._events.append((kind, data))
            del self._events[: -self._kept]

    def progress(self, done: int, total: int, seconds_left: float | None) -> None:
        with self._lock:
            self._progress = {"done": done, "total": total, "seconds_left": seconds_left}

    @contextmanager
    def taking(self) -> Iterator[tuple[list[tuple[str, dict[str, Any]]], dict[str, Any] | None]]:
        """Takes out the events and the progress; they are put back if the block raises. One thread at a time."""
        with self._taking:
            with self._lock:
                taken, self._events = self._events, []
                progress, self._progress = self._progress, None
            try:
                yield taken, progress
            except BaseException:
                with self._lock:
                    self._events = (taken + self._events)[-self._kept :]
                    self._progress = self._progress or progress
                raise


class Work:
    """Given to a task with its arguments. The task calls `step` often: there a job learns that it is to stop."""

    def __init__(self, settings: Settings, workspace: Workspace, folder: Path, attempt: int, buffer: EventBuffer) -> None:
        self.settings = settings
        self.workspace = workspace
        self.folder = folder
        """For files to download; empty at the start of every attempt. The folder above is the job's own, and stays."""
        self.attempt = attempt
        """1, or more where an earlier attempt was lost or stopped: then continue from what it left, if it left anything."""
        self._buffer = buffer
        self._saved = time.monotonic()
        self._ending: Ending | None = None
        self._reported = 0.0
        self._first: tuple[float, int] | None = None

    @property
    def ending(self) -> Ending | None:
        """Why the job is to stop; None while it may go on. For tasks that cannot call `step` where they are."""
        return self._ending

    def end(self, why: Ending) -> None:
        """The first reason counts."""
        self._ending = self._ending or why

    def step(self, done: int, total: int) -> None:
        """Reports that `done` of `total` are done. Raises Cancelled when the job is to stop. Cheap."""
        if self._ending is not None:
            raise Cancelled(self._ending)
        now = time.monotonic()
        if now - self._reported < 0.05 and done < total:
            return
        self._reported = now
        if now - self._saved > self.settings.save_seconds:
            self.workspace.save(self.folder)
            self._saved = time.monotonic()
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        since, before = self._first
        left = (now - since) / (done - before) * (total - done) if done > before else None
        self._buffer.progress(done, total, None if left is None else round(left, 1))

    def say(self, sentence: str) -> None:
        """A sentence for the person who waits."""
        self._buffer.add("say", {"message": sentence})

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """A further kind of event, say "metric"; data is JSON, and what is not finite becomes null."""
        if not _KIND.fullmatch(kind) or kind in _RESERVED:
            raise ValueError(
                f"{kind!r} cannot be a kind of event: use small letters, and not {', '.join(sorted(_RESERVED))}."
            )
        self._buffer.add(kind, data)
