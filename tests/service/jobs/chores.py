"""Tasks that are quick to do, for workers of the tests: what each does is its first line."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reverie.errors import DataError
from reverie.service.jobs import Cancelled, Work
from reverie.service.jobs.places import Places


@dataclass(frozen=True)
class Chore:
    name: str
    lane: str
    run: Callable[[Work, dict[str, Any]], dict[str, Any]]
    again: bool = True
    saves: bool = False

    def about(self, arguments: dict[str, Any]) -> dict[str, str]:
        return {"operation": self.name}

    def places(self, arguments: dict[str, Any]) -> Places:
        """As the arguments say."""
        return Places(*(tuple(arguments.get(what, ())) for what in ("reads", "writes")), arguments.get("overwrite", False))


def noted(work: Work, what: str) -> None:
    """One line for each attempt, written at once, so that tests can count what was really done."""
    with (work.workspace.root / "done.log").open("a") as file:
        file.write(f"{what} {work.folder.parent.name} {work.attempt} {os.getpid()}\n")


def echo(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Gives back what it got."""
    noted(work, "echo")
    return {"echo": arguments}


def nap(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Sleeps in short steps, and only on the first attempt if it is told so."""
    noted(work, "nap")
    steps = 1 if arguments.get("once") and work.attempt > 1 else max(1, round(arguments["seconds"] / 0.01))
    for step in range(steps):
        work.step(step, steps)
        time.sleep(0.01)
    work.step(steps, steps)
    return {"slept": arguments["seconds"]}


def stubborn(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Never asks whether it should stop."""
    noted(work, "stubborn")
    time.sleep(arguments["seconds"])
    return {}


def deaf(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Never lets another thread of its process run."""
    noted(work, "deaf")
    return {"sum": sum(range(arguments["count"]))}


def tell(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Says, measures and reports, and makes a file."""
    noted(work, "tell")
    for number in range(arguments["count"]):
        work.emit("metric", {"number": number, "loss": float("nan") if number == 3 else 1 / (number + 1)})
        work.step(number + 1, arguments["count"])
        time.sleep(arguments.get("pause", 0))
    work.say("All is told.")
    (work.folder / "table.csv").write_text("a,b\n1,2\n")
    return {"told": arguments["count"]}


def wrong(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Fails, for a reason of the data or for one that nobody foresaw."""
    if arguments.get("data"):
        raise DataError("row 3 of visits.csv has no time: fill it in.")
    raise RuntimeError(f"patient {arguments['secret']} of /somewhere/else")


def fatal(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Takes its process with it, on the first attempts."""
    noted(work, "fatal")
    if work.attempt <= arguments["times"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"attempt": work.attempt}


def greedy(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Wants so many bytes at once, of Python or of a library that ends the process where it gets none."""
    noted(work, "greedy")
    size = arguments["bytes"]
    if arguments["of"] == "python":
        return {"had": len(bytearray(size))}
    import polars as pl

    return {"had": pl.Series([0], dtype=pl.UInt8).new_from_index(0, size).len()}


def course(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Counts, and saves how far it came when it is to stop; goes on from there."""
    noted(work, "course")
    saved = work.folder.parent / "saved"
    step = int(saved.read_text()) if saved.exists() else 0
    begun = step
    try:
        while step < arguments["steps"]:
            work.step(step, arguments["steps"])
            time.sleep(0.01)
            step += 1
    except Cancelled:
        saved.write_text(str(step))
        raise
    return {"steps": step, "begun": begun}


TASKS = {
    chore.name: chore
    for chore in (
        Chore("echo", "quick", echo),
        Chore("nap", "quick", nap),
        Chore("stubborn", "quick", stubborn),
        Chore("deaf", "quick", deaf),
        Chore("tell", "slow", tell),
        Chore("wrong", "quick", wrong),
        Chore("fatal", "quick", fatal),
        Chore("fatal-once", "quick", fatal, again=False),
        Chore("course", "slow", course, saves=True),
        Chore("greedy", "quick", greedy),
    )
}
