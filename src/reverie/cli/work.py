"""`reverie work`: one more worker for a server, here or on another machine that shares its files and its ledger."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reverie.cli import console
from reverie.errors import UsageError

__all__ = ["work"]


class Lane(StrEnum):
    """What someone waits for, and what takes minutes."""

    QUICK = "quick"
    SLOW = "slow"


def work(
    workspace: Annotated[
        Path,
        typer.Option("--workspace", help="The folder that the server works in, as seen here; any, with REVERIE_OBJECTS."),
    ],
    queue: Annotated[
        str | None,
        typer.Option("--queue-url", help="The server's ledger of jobs: postgresql://USER@HOST/NAME, or this machine's own."),
    ] = None,
    lane: Annotated[Lane, typer.Option("--lane", help="The jobs to do: quick or slow ones.")] = Lane.SLOW,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads for the arithmetic of one job.")] = 1,
) -> None:
    """Do jobs of a server, until Ctrl-C or SIGTERM; training is left with a checkpoint, and goes on with another worker.

    Servers and workers on several machines need the same REVERIE_QUEUE_URL, and a workspace folder that all of them share or
    the same REVERIE_OBJECTS: then each has a folder of its own.
    """
    from reverie.service import logs, settings

    limits = settings.read(workspace=workspace, queue_url=queue)
    if not (workspace / ".reverie").is_dir() and (limits.objects is None or limits.queue_url is None):
        raise UsageError(
            f"{workspace} is no server's workspace: start reverie serve --workspace {workspace} first. On a machine without "
            "it, give the server's REVERIE_QUEUE_URL and REVERIE_OBJECTS."
        )
    from reverie.service.jobs.worker import Worker

    logs.configure()
    worker = Worker(limits, lane.value, threads=threads)
    if worker.run(lambda: console.note(f"working on {lane.value} jobs of {workspace.resolve()}. Ctrl-C ends it.")):
        os.execv(sys.executable, sys.orig_argv)  # worn: a new process in its place, and the same to whoever started it
