"""What jobs do: one thin function each, over the same library functions that the command line calls.

A task is given its Work and the arguments that the route has checked, checks them once more by the same schema, and returns
a result that is strict JSON. What it writes goes to the job's own folder first, and from there into the workspace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from reverie.plain import plain
from reverie.service import derive
from reverie.service.tasks import tables, training

if TYPE_CHECKING:
    from reverie.service.jobs.work import Work

__all__ = ["TASKS", "Task"]


@dataclass(frozen=True)
class Task:
    """A kind of job.

    Attributes:
        lane: "quick" for what someone waits for, "slow" for what takes minutes.
        does: the function.
        again: whether it may be run again after a crash.
    """

    name: str
    lane: Literal["quick", "slow"]
    does: Callable[[Work, dict[str, Any]], dict[str, Any]]
    again: bool = True

    def run(self, work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
        """The result, as strict JSON."""
        return plain(self.does(work, arguments))


TASKS: dict[str, Any] = derive.tasks() | {
    task.name: task
    for task in (
        Task("description", "quick", tables.describe),
        Task("series", "quick", tables.series),
        Task("training", "slow", training.train),
    )
}
