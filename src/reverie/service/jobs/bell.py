"""Who has news rings: pipes between the server and its workers, so that nobody has to look often.

A ring is a hint and may be lost or come twice; whoever hears one looks into the queue. The worker's end is also its
lifeline: when the server dies, however it dies, the pipe ends, and so does the worker.
"""

from __future__ import annotations

import contextlib
import os
import select

__all__ = ["DRAIN", "Bell", "Lifeline", "Pull"]

_RING, DRAIN = b"r", b"d"


class Bell:
    """The server's: workers hold the other end as their standard output, so that whatever is written there rings."""

    def __init__(self) -> None:
        self._heard, self.cord = os.pipe()
        os.set_blocking(self._heard, False)

    def ring(self) -> None:
        with contextlib.suppress(OSError):  # closed already: nobody listens any more
            os.write(self.cord, _RING)

    def wait(self, seconds: float) -> None:
        """Returns when it rings, or when the time is up."""
        if select.select([self._heard], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._heard, 1 << 16)

    def close(self) -> None:
        os.close(self.cord)
        os.close(self._heard)


class Pull:
    """The server's hold on one worker's lifeline."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        os.set_blocking(handle, False)

    def send(self, content: bytes = _RING) -> None:
        with contextlib.suppress(OSError):  # a full pipe rings anyway, a broken one has nobody at its end
            os.write(self._handle, content)


class Lifeline:
    """The worker's end, its standard input: first one line, what it is told, then rings."""

    def __init__(self) -> None:
        self.drained = False
        """The worker is to take no further job."""
        self.cut = False
        """The server is gone."""

    def line(self) -> str:
        content = b""
        while not content.endswith(b"\n"):
            if not (part := os.read(0, 1)):
                self.cut = True
                return ""
            content += part
        return content.decode()

    def hear(self, seconds: float) -> None:
        """Returns when it rings, or when the time is up."""
        if not select.select([0], [], [], seconds)[0]:
            return
        content = os.read(0, 1 << 16)
        self.cut = self.cut or not content
        self.drained = self.drained or DRAIN in content

    def ring(self) -> None:
        with contextlib.suppress(OSError):
            os.write(1, _RING)
