"""One training by several processes: who starts them, hears the first, and waits for all.

Each joins the group and calls the same function with the same plain data. What the first of them tells is heard here; what
it returns is the result. When one ends otherwise than well the others are ended too, for they would wait for it.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_all_start_methods, get_context, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import torch

from reverie.errors import ReverieError
from reverie.training import processes
from reverie.training.processes import Place
from reverie.training.stopping import Stop, Stopped, stop_signals

__all__ = ["Hear", "Task", "outcome", "perform", "together"]

Hear = Callable[[dict[str, Any]], None]
GRACE = 10.0
"""Seconds that the others get to end by themselves after one has ended badly."""


@dataclass(frozen=True)
class Task:
    """What every process does.

    Attributes:
        function: "module:name" of a function of plain data and of what hears messages, also plain; it returns plain data.
        data: what it is called with.
        device: as the setting says it.
    """

    function: str
    data: Mapping[str, Any]
    device: str = "auto"

    @property
    def text(self) -> str:
        """As JSON, for another process or machine."""
        return json.dumps({"function": self.function, "data": self.data, "device": self.device})


def perform(text: str, place: Place, tell: Hear) -> dict[str, Any]:
    """Does a task as one of a group: {"made": ...}, or {"error": ..., "exit_code": ..., "apart": whether the group did not
    come together}, or {"failed": the traceback}."""
    task = Task(**json.loads(text))
    try:
        with processes.joined(place, task.device):
            return {"made": resolve_name(task.function)(task.data, tell if place.rank == 0 else lambda message: None)}
    except ReverieError as error:
        return {"error": str(error), "exit_code": error.exit_code, "apart": isinstance(error, processes.ApartError)}
    except Exception:
        return {"failed": traceback.format_exc()}


def outcome(ends: Sequence[Mapping[str, Any] | None]) -> Any:
    """What the first process made, of how each ended; None where one was lost.

    Raises ReverieError where any did not end well, naming the cause rather than what followed from it.
    """
    _raise(ends, apart=False)
    for number, end in enumerate(ends):
        if end is None:
            raise ReverieError(
                f"process {number + 1} of {len(ends)} was ended from outside, as by a system out of memory: go on with "
                "--resume, with fewer processes or less for each (--set accumulate=...)."
            )
    for end in ends:
        if end and "failed" in end:
            raise RuntimeError(end["failed"])
    _raise(ends, apart=True)
    assert ends[0] is not None
    return ends[0]["made"]


def _raise(ends: Sequence[Mapping[str, Any] | None], apart: bool) -> None:
    """Raises the first error of those who had come together, or of those who had not: others had ended by then."""
    for end in ends:
        if end and "error" in end and end.get("apart", False) == apart:
            error = ReverieError(end["error"])
            error.exit_code = end["exit_code"]
            raise error


def together(task: Task, count: int, hear: Hear) -> Any:
    """Does a task by so many processes of this machine, and returns what the first of them returns.

    SIGTERM and Ctrl-C are passed on to them. Raises what ReverieError they end with.
    """
    context = _context(task)
    threads = max(1, torch.get_num_threads() // count)
    pipes: dict[int, Connection] = {}
    ends: dict[int, dict[str, Any] | None] = {}
    with tempfile.TemporaryDirectory(prefix="reverie-group-") as folder, stop_signals() as stop:
        meeting = (Path(folder) / "meeting").as_uri()
        members = []
        try:
            for rank in range(count):
                place = Place(rank, count, rank, count, meeting)
                pipes[rank], there = context.Pipe(duplex=False)
                members.append(context.Process(target=_member, args=(task.text, place, there, threads), daemon=True))
                members[-1].start()
                there.close()
            _listen(pipes, ends, hear, lambda number: [os.kill(m.pid, number) for m in members if m.is_alive()], stop)
        finally:
            for member in members:
                member.join(0 if len(ends) < count else GRACE)
                if member.is_alive():
                    member.kill()
                    member.join()
    if stop.number and not any(ends.values()):  # they had not come so far as to note it
        raise Stopped("stopped before the first step.", stop.number)
    return outcome([ends.get(rank) for rank in range(count)])


def _context(task: Task) -> Any:
    """How processes are begun: where it can be, by one that has loaded what all need, once."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["reverie.training", task.function.partition(":")[0]])
    return context


def _listen(
    pipes: dict[int, Connection],
    ends: dict[int, dict[str, Any] | None],
    hear: Hear,
    send: Callable[[int], object],
    stop: Stop,
) -> None:
    """Hears all until each has ended, or until some have not although one ended badly."""
    passed, until = 0, float("inf")
    while len(ends) < len(pipes) and time.monotonic() < until:
        if stop.number and not passed:
            passed = stop.number
            send(passed)
        waiting = {pipes[rank]: rank for rank in pipes if rank not in ends}
        for pipe in connection.wait(list(waiting), timeout=0.2):
            rank = waiting[pipe]  # pyright: ignore[reportArgumentType]
            try:
                message = json.loads(pipes[rank].recv_bytes())
            except (EOFError, OSError):
                message = None
            if message is not None and "tell" in message:
                hear(message["tell"])
                continue
            ends[rank] = message
            if message is None or "made" not in message:
                until = min(until, time.monotonic() + GRACE)


def _member(text: str, place: Place, there: Connection, threads: int) -> None:
    """One process: signals reach it through who started it, with whom it ends."""
    with suppress(OSError):
        os.setsid()
    threading.Thread(target=_end_with_starter, daemon=True).start()
    torch.set_num_threads(threads)
    end = perform(text, place, lambda message: there.send_bytes(json.dumps({"tell": message}).encode()))
    with suppress(OSError):
        there.send_bytes(json.dumps(end).encode())


def _end_with_starter() -> None:
    starter = parent_process()
    assert starter is not None
    connection.wait([starter.sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
