"""Engines: they say where shards are made, never what is in them.

Whatever the engine, a shard is made by folder.make(work, number, folder) in some process that sees the folder; the engine
only brings the order and the numbers there. A process that is lost takes only the shard it was at.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, Protocol

from reverie.errors import DataError
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
    """Several processes of this machine, each computing on one thread.

    Attributes:
        workers: how many.
    """

    workers: int

    def run(self, work: Work, folder: Path, numbers: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        text, left = order(work), iter(numbers)
        pool = ProcessPoolExecutor(min(self.workers, len(numbers) or 1), get_context("spawn"), _alone)
        try:
            waiting = {pool.submit(_make, text, n, str(folder)): n for n in islice(left, 2 * self.workers)}
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    number = waiting.pop(future)
                    record = future.result()
                    for following in islice(left, 1):
                        waiting[pool.submit(_make, text, following, str(folder))] = following
                    yield number, record
        except BrokenProcessPool as error:
            raise DataError(
                "a worker was ended from outside, as by a system out of memory: call again with fewer --workers."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _make(text: str, number: int, folder: str) -> dict[str, Any]:
    return make(rebuilt(text), number, Path(folder))


def _alone() -> None:
    """One thread for arithmetic; and an end when the driver ends, however it did."""
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_driver, daemon=True).start()


def _end_with_driver() -> None:
    driver = parent_process()
    if driver is not None:
        with suppress(OSError):
            connection.wait([driver.sentinel])
        os._exit(1)
