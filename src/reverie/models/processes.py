"""Shards of linked tables made by other processes of this machine, besides this one.

    order        the model's folder and digest, and what is asked -> a process that says when it is ready
    number k     -> shard k: how many were drawn and met, and of each table its frame, as Arrow writes it, and its parents

A shard is very many short calls, between which threads of one process wait for each other. A process that cannot be had, is
lost or fails is done without: its shards are made here, to the same bit, and what is wrong with them is raised here.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import polars as pl
import torch

from reverie.records.linked.making import Rows

if TYPE_CHECKING:
    from reverie.models.hospitals import LinkedModel

__all__ = ["FEWEST", "MadeRows", "order_of", "shared"]

FEWEST = 8
"""Shards from which on a process is worth its start: it imports torch and loads the model."""

MadeRows = tuple[dict[str, Rows], int, int]
"""Of a shard the rows by table, how many patients were drawn, and how many of them met all conditions."""


def order_of(model: LinkedModel, shards: int, asked: Mapping[str, Any]) -> bytes | None:
    """What another process must know to make so many shards; None where this one makes them by itself: few, of a model of
    no folder, of another runtime or on a GPU, or asked for by what is no plain JSON."""
    if shards < FEWEST or model.path is None or model.runtime != "torch" or model.device.type != "cpu":
        return None
    try:
        told = json.dumps({"model": str(model.path.resolve()), "digest": model.digest, **asked}, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return told.encode()


@contextmanager
def shared(make: Callable[[int], MadeRows], order: bytes | None, workers: int) -> Iterator[Callable[[int], MadeRows]]:
    """`make`, for so many threads to call: as many but one as there are processes pass shards on to these."""
    others = [] if order is None else [_Other(order) for _ in range(workers - 1)]
    seats = SimpleQueue[_Other | None]()
    for seat in (*others, *[None] * (workers - len(others))):
        seats.put(seat)

    def made(number: int) -> MadeRows:
        seat = seats.get()
        try:
            done = seat.made(number) if seat else None
            return make(number) if done is None else done
        finally:
            seats.put(seat)

    try:
        yield made
    finally:
        for other in others:
            other.close()


class _Other:
    """Another process, that is asked by one thread at a time."""

    def __init__(self, order: bytes) -> None:
        # -P: no file of the folder we stand in is ever imported
        command = [sys.executable, "-P", "-m", "reverie.models.processes"]
        self._process, self._ready = None, threading.Event()
        with suppress(OSError):
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            threading.Thread(target=self._begin, args=(order,), daemon=True).start()

    def _begin(self, order: bytes) -> None:
        with suppress(OSError, EOFError, ValueError):
            _say(self._into, order)
            _heard(self._out_of)
            self._ready.set()

    @property
    def _into(self) -> BinaryIO:
        assert self._process is not None and self._process.stdin is not None
        return self._process.stdin  # pyright: ignore[reportReturnType]

    @property
    def _out_of(self) -> BinaryIO:
        assert self._process is not None and self._process.stdout is not None
        return self._process.stdout  # pyright: ignore[reportReturnType]

    def made(self, number: int) -> MadeRows | None:
        """Shard `number`; None where the process is not ready yet, or is lost."""
        if not self._ready.is_set():
            return None
        try:
            _say(self._into, json.dumps(number).encode())
            return _read(_heard(self._out_of))
        except (OSError, EOFError):
            self._ready.clear()
            return None

    def close(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._into, self._out_of):
            with suppress(OSError):
                pipe.close()


def _say(to: BinaryIO, what: bytes) -> None:
    to.write(len(what).to_bytes(8, "big") + what)
    to.flush()


def _heard(of: BinaryIO) -> bytes:
    """What was said. Raises EOFError where nobody says anything any more."""
    head = of.read(8)
    size = int.from_bytes(head, "big")
    what = of.read(size) if len(head) == 8 else b""
    if len(head) < 8 or len(what) < size:
        raise EOFError
    return what


def _written(made: MadeRows) -> bytes:
    """A shard as bytes."""
    rows, drawn, met = made
    out = io.BytesIO()
    _say(out, json.dumps([drawn, met, [*rows]]).encode())
    for of in rows.values():
        arrow = io.BytesIO()
        of.frame.write_ipc(arrow)
        _say(out, arrow.getvalue())
        _say(out, of.parents.astype(np.int64).tobytes())
    return out.getvalue()


def _read(what: bytes) -> MadeRows:
    """The shard of bytes."""
    of = io.BytesIO(what)
    drawn, met, names = json.loads(_heard(of))
    rows = {}
    for name in names:
        frame = pl.read_ipc(io.BytesIO(_heard(of)))
        rows[name] = Rows(frame, np.frombuffer(_heard(of), dtype=np.int64))
    return rows, drawn, met


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Makes the shards whose numbers it is told, until it is told none. Raises what loading and making do."""
    from reverie.models.folder import load

    told = json.loads(_heard(questions))
    model = load(told.pop("model"), "cpu")
    if model.digest != told.pop("digest"):
        return
    make = model.making(**told)  # pyright: ignore[reportAttributeAccessIssue]
    _say(answers, b"ready")
    while True:
        _say(answers, _written(make(json.loads(_heard(questions)))))


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks hears it too
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library says is no answer
    torch.set_num_threads(1)
    with suppress(EOFError, BrokenPipeError):
        _serve(os.fdopen(0, "rb"), answers)


if __name__ == "__main__":
    _main()
