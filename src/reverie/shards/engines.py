"""Engines: they say where shards are made, never what is in them.

Whatever the engine, a shard is made by folder.make(work, number, folder) in some process that sees the folder; the engine
only brings the order and the numbers there. A process that is lost takes only the shard it was at.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, Protocol

from reverie.errors import DamagedError, DataError, ReverieError, UsageError
from reverie.shards.folder import make
from reverie.shards.work import Work, order, rebuilt

__all__ = ["Engine", "InProcess", "Processes"]


class Engine(Protocol):
    """Makes shards."""

    def run(self, work: Work, folder: Path, numbers: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Makes the shards of these numbers into the folder; each as it ends, in any order, with its record (folder.make).

        Raises ReverieError for what cannot be made anywhere; what is made by then stays made.
        """
        ...


@dataclass(frozen=True)
class InProcess:
    """One after the other, in this process."""

    def run(self, work: Work, folder: Path, numbers: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number in numbers:
            yield number, make(work, number, folder)


@dataclass(frozen=True)
class Processes:
    """Several processes of this machine, each computing on one thread. What they tell each other is plain JSON.

    Attributes:
        workers: how many.
    """

    workers: int

    def run(self, work: Work, folder: Path, numbers: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        text, left, spawn = order(work), iter(numbers), get_context("spawn")
        workers: dict[connection.Connection, Any] = {}
        try:
            for number in islice(left, self.workers):
                ours, theirs = spawn.Pipe()
                workers[ours] = spawn.Process(target=_worker, args=(theirs, text, str(folder)), daemon=True)
                workers[ours].start()
                theirs.close()
                _say(ours, number)
            while workers:
                for ours in connection.wait([*workers]):
                    assert isinstance(ours, connection.Connection)
                    number, record = _answer(ours)
                    following = next(left, None)
                    _say(ours, following)
                    if following is None:
                        workers.pop(ours).join()
                    yield number, record
        finally:
            for worker in workers.values():
                worker.kill()
                worker.join()


def _answer(worker: connection.Connection) -> tuple[int, dict[str, Any]]:
    """What a worker made. Raises what it raised, and DataError where it is gone."""
    try:
        told = json.loads(worker.recv_bytes())
    except (EOFError, OSError) as error:
        raise DataError(
            "a worker was ended from outside, as by a system out of memory: call again with fewer --workers."
        ) from error
    if "error" in told:
        known = {kind.__name__: kind for kind in (UsageError, DataError, DamagedError)}
        raise known.get(told["error"], RuntimeError)(told["text"])
    return told["number"], told["record"]


def _say(to: connection.Connection, what: Any) -> None:
    with suppress(OSError):  # who is gone is missed when its answer is
        to.send_bytes(json.dumps(what).encode())


def _worker(driver: connection.Connection, text: str, folder: str) -> None:
    """A process that computes on one thread, and ends when the driver ends, however that did."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver hears it too
    threading.Thread(target=_end_with_driver, daemon=True).start()
    torch.set_num_threads(1)
    _serve(driver, text, folder)


def _serve(driver: connection.Connection, text: str, folder: str) -> None:
    """Makes the shards whose numbers it is told, until it is told none."""
    try:
        while (number := json.loads(driver.recv_bytes())) is not None:
            _say(driver, {"number": number, "record": make(rebuilt(text), number, Path(folder))})
    except EOFError:
        return
    except Exception as error:
        known = isinstance(error, ReverieError)
        _say(driver, {"error": type(error).__name__, "text": str(error) if known else traceback.format_exc()})


def _end_with_driver() -> None:
    driver = parent_process()
    if driver is not None:
        connection.wait([driver.sentinel])
        os._exit(1)
