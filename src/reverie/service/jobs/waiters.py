"""Calls that wait for news of a job, on the event loop, without a thread for each."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ["Waiters"]


class Waiters:
    """`watching` on an event loop, `wake` from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watching: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = {}

    @contextmanager
    def watching(self, job: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there is news of the job. Look at the job after entering, or news is missed."""
        news = asyncio.Event()
        entry = (asyncio.get_running_loop(), news)
        with self._lock:
            self._watching.setdefault(job, set()).add(entry)
        try:
            yield news
        finally:
            with self._lock:
                others = self._watching[job]
                others.discard(entry)
                if not others:
                    del self._watching[job]

    def watched(self) -> list[str]:
        """The jobs that somebody watches."""
        with self._lock:
            return list(self._watching)

    def wake(self, jobs: Iterable[str] | None = None) -> None:
        """Tells those who watch one of these jobs; with None, everybody."""
        with self._lock:
            wanted = list(self._watching) if jobs is None else list(jobs)
            entries = [entry for job in wanted for entry in self._watching.get(job, ())]
        for loop, news in entries:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(news.set)
