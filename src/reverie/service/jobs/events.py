"""A job's history as server-sent events: what was, then what comes, each once and in order, ending with `end`.

A browser that was cut off asks again with the id of the last event it had, and gets what it missed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from reverie.service.jobs.jobs import Jobs

__all__ = ["HEARTBEAT", "stream"]

HEARTBEAT = 10.0
"""Seconds of silence after which a comment shows that the connection lives."""


async def stream(jobs: Jobs, id: str, after: int) -> AsyncIterator[bytes]:
    """The events after number `after`. Ends with the job, or with the service."""
    with jobs.waiters.watching(id) as news:
        while True:
            news.clear()
            job = await asyncio.to_thread(jobs.get, id)
            while events := await asyncio.to_thread(jobs.events, id, after):
                for event in events:
                    after = event.number
                    text = json.dumps(event.data, separators=(",", ":"))
                    yield format_sse_event(data_str=text, event=event.kind, id=str(after))
                    if event.kind == "end":
                        return
            if jobs.stays(job):
                return
            try:
                await asyncio.wait_for(news.wait(), HEARTBEAT)
            except TimeoutError:
                yield KEEPALIVE_COMMENT
