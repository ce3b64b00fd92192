"""Who sends wrong keys waits for the answer, longer with each: after FREE of them 1, 2, 4 ... MOST seconds.

Only the answer to a wrong key waits. A right key is answered at once, also from an address that others guess from: behind a
proxy all callers have one. At most WAITING answers to one address wait at a time and the next are 429 at once, so that
guessing neither holds all connections nor takes all memory.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from dataclasses import dataclass

from reverie.service.problems import Problem

__all__ = ["WrongKeys"]

FREE = 5
MOST = 16.0
FORGOTTEN = 900.0  # seconds without a wrong key
KNOWN = 10_000  # addresses
WAITING = 8


@dataclass
class _Guesses:
    count: int = 0
    last: float = 0.0
    waiting: int = 0


class WrongKeys:
    """The wrong keys of the last while, by the address that they came from. For the event loop alone."""

    def __init__(self) -> None:
        self._by_address: OrderedDict[str, _Guesses] = OrderedDict()

    async def wait(self, address: str) -> None:
        """Counts one more wrong key, and returns when it may be answered. Raises Problem 429 where too many wait already."""
        guesses = self._guesses(address)
        seconds = _seconds(guesses, time.monotonic())
        if guesses.waiting >= WAITING:
            raise Problem(
                429,
                "wrong-keys",
                f"Too many wrong API keys came from this address: wait {seconds:.0f} s, then send the right one.",
                {"retry-after": f"{seconds:.0f}"},
            )
        guesses.waiting += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            guesses.waiting -= 1

    def _guesses(self, address: str) -> _Guesses:
        network = _network(address)
        found = self._by_address.setdefault(network, _Guesses())
        self._by_address.move_to_end(network)
        while len(self._by_address) > KNOWN:
            self._by_address.popitem(last=False)
        return found


def _seconds(guesses: _Guesses, now: float) -> float:
    """How long the answer to one more wrong key waits."""
    if now - guesses.last > FORGOTTEN:
        guesses.count = 0
    guesses.count, guesses.last = guesses.count + 1, now
    over = guesses.count - FREE
    return 0.0 if over <= 0 else min(MOST, 2.0 ** min(over - 1, 30))


def _network(address: str) -> str:
    """Whoever has one address of version 6 has 2^64 of them."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "none"
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
