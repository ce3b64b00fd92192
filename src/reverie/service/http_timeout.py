"""The HTTP protocol of one connection, with patience that ends.

uvicorn's own gives a client that has connected, or has begun a request, for ever to send the head of it. Here the head must
be whole within read_seconds, or the connection is closed. (Bodies are watched by the intake.)
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["patient"]


def patient(seconds: float) -> type[H11Protocol]:
    """A protocol that waits this long for the head of a request."""

    class Patient(H11Protocol):
        _clock: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._clock = self.loop.call_later(seconds, self._give_up)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            answering = self.cycle is not None and not self.cycle.response_complete
            if answering and self._clock is not None:
                self._clock.cancel()
                self._clock = None
            elif not answering and self._clock is None:
                self._clock = self.loop.call_later(seconds, self._give_up)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._clock is not None:
                self._clock.cancel()
            super().connection_lost(exc)

        def _give_up(self) -> None:
            self._clock = None
            if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
                self.transport.close()

    return Patient
