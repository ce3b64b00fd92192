"""Pipes between the server and its workers, so that nobody has to look often.

A wake-up is a hint and may be lost or come twice; what there is to do stands in the ledger. The worker's end is also its
lifeline: when the server closes it, or dies, the worker takes no further job.
"""

from __future__ import annotations

import contextlib
import os
import select

__all__ = ["Lifeline", "WakeupPipe"]


class WakeupPipe:
    """The server's: workers hold the writing end as their standard output, so that whatever is written there wakes it."""

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self.writing, False)

    def wake(self) -> None:
        with contextlib.suppress(OSError):  # full, which wakes anyway, or closed already
            os.write(self.writing, b"\n")

    def wait(self, seconds: float) -> bool:
        """True as soon as something was written, False when the time is up."""
        if not select.select([self._reading], [], [], seconds)[0]:
            return False
        with contextlib.suppress(BlockingIOError):
            os.read(self._reading, 1 << 16)
        return True

    def close(self) -> None:
        os.close(self.writing)
        os.close(self._reading)


class Lifeline:
    """A worker's two ends: standard input, which the server writes to, and standard output, by which it wakes the server."""

    def __init__(self) -> None:
        self.cut = False
        """The worker is to take no further job."""

    def first_line(self) -> bytes:
        """What the server wrote at the start; the bytes after it are left for `wait`."""
        with open(0, "rb", buffering=0, closefd=False) as unbuffered:
            return unbuffered.readline()

    def wait(self, seconds: float) -> None:
        """Returns when the server writes or closes, or when the time is up."""
        while not self.cut and select.select([0], [], [], seconds)[0]:
            self.cut = not os.read(0, 1 << 16)
            seconds = 0  # the end may stand behind a wake-up

    def wake_server(self) -> None:
        with contextlib.suppress(OSError):
            os.write(1, b"\n")
