"""The HTTP protocol of one connection, with patience that ends.

uvicorn's own gives a client that has connected, or has begun a request, for ever to send the head of it. Here the head must
be whole within read_seconds, or the connection is closed. (Bodies are watched by the intake.) And where there are more
connections than may be, those that ask for nothing make room, the oldest first: the system has an end of them too, and who
watches the server must still come in.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from reverie.service.problems import Problem
from reverie.service.replies import answer

__all__ = ["SPARE", "patient"]

SPARE = 50
"""Connections beyond those that may be, which are told that there are too many."""


def patient(seconds: float, most: int) -> type[H11Protocol]:
    """A protocol that waits this long for the head of a request, and keeps about so many connections open for nothing."""

    class Patient(H11Protocol):
        _clock: asyncio.TimerHandle | None = None
        _since = 0.0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._since = self.loop.time()
            self._clock = self.loop.call_later(seconds, self._give_up)
            if len(self.connections) > most + SPARE:
                idle = [each for each in self.connections if isinstance(each, Patient) and each is not self and each._idle]
                if idle:
                    min(idle, key=lambda each: each._since)._give_up()

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

        def send_400_response(self, msg: str) -> None:
            """What is no HTTP is told so as every error is told."""
            said = answer(Problem(400, "invalid", "This is no request of HTTP/1.1: send it by a client of HTTP."), {})
            head = h11.Response(status_code=400, headers=[*said.raw_headers, (b"connection", b"close")])
            for event in (head, h11.Data(data=bytes(said.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
            self.transport.close()

        @property
        def _idle(self) -> bool:
            return not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete)

        def _give_up(self) -> None:
            self._clock = None
            if self._idle:
                self.transport.close()

    return Patient
