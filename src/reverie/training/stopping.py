"""A stop that loses nothing: SIGTERM and Ctrl-C are noted, the running step ends, a checkpoint is written, then we stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from reverie.errors import ReverieError

__all__ = ["Stop", "Stopped", "stop_signals"]


class Stopped(ReverieError):
    """Training was asked to stop, and did, after saving. exit_code is 130 for Ctrl-C and 143 for SIGTERM."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class Stop:
    """Which signal asked to stop; 0 while none has."""

    number: int = 0


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Within the block SIGTERM and SIGINT set `number`, and a second Ctrl-C interrupts at once.

    Only the main thread may install signal handlers; in another the block changes nothing.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def noted(number: int, _frame: object) -> None:
        if stop.number == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.number = number

    before = {number: signal.signal(number, noted) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
