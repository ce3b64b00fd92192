"""Where the tasks are: said by the program that starts the service, never by a request or a file."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from reverie.service.jobs.job import Lane
from reverie.service.jobs.places import Places
from reverie.service.jobs.work import Work

__all__ = ["TASKS", "TaskLike", "tasks_named", "warm"]

TASKS = "reverie.service.tasks:TASKS"
_WARM = ("torch", "reverie.planning.plan", "reverie.studies.denoising", "reverie.studies.figures")


class TaskLike(Protocol):
    """What the ledger needs to know of a task."""

    @property
    def lane(self) -> Lane: ...
    @property
    def run(self) -> Callable[[Work, dict[str, Any]], dict[str, Any]]: ...
    @property
    def again(self) -> bool: ...
    @property
    def saves(self) -> bool: ...
    def about(self, arguments: dict[str, Any]) -> dict[str, str]: ...
    def places(self, arguments: dict[str, Any]) -> Places: ...


def tasks_named(place: str) -> Mapping[str, TaskLike]:
    """The tasks at `module:name`."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def warm(threads: int) -> None:
    """Imports what the service's own tasks will need, so that the first job does not wait for it."""
    for module in _WARM:
        importlib.import_module(module)
    importlib.import_module("torch").set_num_threads(threads)
