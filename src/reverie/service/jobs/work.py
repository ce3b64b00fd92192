"""What a task sees of the job it does: where to write, whom to tell, and when to stop."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Literal

from reverie.service.jobs.outbox import Outbox
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

__all__ = ["Cancelled", "Ending", "Work"]

Ending = Literal["cancelled", "deadline", "stopped", "overtaken"]
"""Why a job is to stop: someone asked, its time is up, the worker was told to stop, or the job is decided elsewhere."""
_KIND = re.compile(r"[a-z][a-z_]{0,30}")
_RESERVED = frozenset({"state", "progress", "end"})


class Cancelled(Exception):
    """The job is to stop now. A task lets this pass, after tidying up what must not stay."""


class Work:
    """Given to a task with its arguments. The task calls `step` often: there a job learns that it is to stop."""

    def __init__(self, settings: Settings, workspace: Workspace, folder: Path, attempt: int, outbox: Outbox) -> None:
        self.settings = settings
        self.workspace = workspace
        self.folder = folder
        """For files to download; empty at the start of every attempt."""
        self.attempt = attempt
        """1, or more where an earlier attempt was lost or stopped: then continue from what it left, if it left anything."""
        self._outbox = outbox
        self._ending: Ending | None = None
        self._told = 0.0
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
        if now - self._told < 0.05 and done < total:
            return
        self._told = now
        if self._first is None or done < self._first[1]:
            self._first = (now, done)
        since, before = self._first
        left = (now - since) / (done - before) * (total - done) if done > before else None
        self._outbox.progress(done, total, None if left is None else round(left, 1))

    def say(self, sentence: str) -> None:
        """A sentence for the person who waits."""
        self._outbox.add("say", {"message": sentence})

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """A further kind of event, say "metric"; data is JSON, and what is not finite becomes null."""
        if not _KIND.fullmatch(kind) or kind in _RESERVED:
            raise ValueError(
                f"{kind!r} cannot be a kind of event: use small letters, and not {', '.join(sorted(_RESERVED))}."
            )
        self._outbox.add(kind, data)
