"""A job, and the one law of its life: queued, then running, then exactly one final state, and never back.

A job is done in attempts, numbered from 1. Who holds the present attempt may change the job; when an attempt is lost or
left the next number begins, and what its former holder still wants to write comes too late.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from reverie.plain import moment, plain
from reverie.service.problems import Problem

__all__ = ["FINAL", "LARGE", "MAX_LOSSES", "Change", "Event", "Job", "JobState", "Lane", "operation_of"]

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]
Lane = Literal["quick", "slow"]
LARGE = "-large"
FINAL = frozenset(get_args(JobState)[2:])
MAX_LOSSES = 3
"""A job whose worker was lost this often is not begun again: the job itself may be what ends its workers."""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a job's history; numbers begin at 1 and grow by 1."""

    number: int
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What the ledger knows about a job. The fields from `sequence` to `events` are the service's own, not shown."""

    id: str
    task: str
    lane: Lane
    state: JobState
    attempt: int
    created: float
    started: float | None = None
    ended: float | None = None
    progress: dict[str, Any] | None = None
    message: str | None = None
    error: dict[str, Any] | None = None
    sequence: int = 0
    again: bool = False
    losses: int = 0
    """Attempts that ended with their worker; a clean stop is not one."""
    worker: str | None = None
    """Who holds the present attempt; None while it waits for a worker."""
    cancelling: float | None = None
    """When somebody asked for its end."""
    events: int = 0
    """Number of the last event."""
    about: dict[str, str] | None = None
    """What it is about: the operation, and the names that its request gives."""
    who: str | None = None
    """The name of the API key that asked for it."""
    position: int | None = None

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def files(self) -> str:
        """The folder, inside the job's own, of the files that the present attempt makes: a former one may still write."""
        return f"files-{self.attempt}"

    def view(self) -> dict[str, Any]:
        """The job as the HTTP API shows it."""
        here = f"/api/jobs/{self.id}"
        return {
            "id": self.id,
            "task": self.task,
            "about": self.about or {"operation": operation_of(self.task)},
            "who": self.who,
            "lane": self.lane,
            "state": self.state,
            "attempt": self.attempt,
            "position": self.position,
            "progress": self.progress,
            "seconds_left": None if self.final else (self.progress or {}).get("seconds_left"),
            "message": self.message,
            "error": self.error,
            "created": moment(self.created),
            "started": None if self.started is None else moment(self.started),
            "ended": None if self.ended is None else moment(self.ended),
            "links": {"self": here, "events": f"{here}/events", "cancel": f"{here}/cancel", "result": f"{here}/result"},
        }


class Change:
    """What one transaction does to a job that has not ended: the job as it will be, its new events, its result."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.events: list[Event] = []
        self.result: str | None = None

    def begin(self, worker: str) -> None:
        """The present attempt is this worker's."""
        self._set(state="running", worker=worker, started=self.job.started or self._now())
        self.event("state", {"state": "running", "attempt": self.job.attempt})

    def report(self, events: Iterable[tuple[str, dict[str, Any]]], progress: dict[str, Any] | None) -> None:
        """What its worker says of it."""
        for kind, data in events:
            self.event(kind, data)
            if kind == "say":
                self._set(message=data["message"])
        if progress is not None:
            self.event("progress", progress)
            self._set(progress=progress)

    def cancel(self) -> None:
        """Ends a job that no worker holds; the holder of one that runs will find that somebody asked."""
        self._set(cancelling=self.job.cancelling or time.time())
        if self.job.worker is None:
            self.finish("cancelled")

    def release(self, lost: bool) -> None:
        """The attempt ended, with its worker if that was lost, and the job did not: the next one, if that is safe."""
        losses = self.job.losses + lost
        if self.job.cancelling:
            self.finish("cancelled")
        elif not self.job.again or losses >= MAX_LOSSES:
            why = f"its worker was lost {losses} times" if losses > 1 else "its worker ended before it did"
            advice = "it may need more memory than there is" if losses > 1 else "it was not begun again, as that is not safe"
            error = Problem(500, "interrupted", f"The job was interrupted: {why}; {advice}. Ask for it once more.")
            self.finish("interrupted", error)
        else:
            left = MAX_LOSSES - losses
            sentence = (
                f"The worker was lost; the job is tried again, {left} more times."
                if lost
                else "The worker was stopped; the job goes on from what it had saved."
            )
            self._set(state="running", attempt=self.job.attempt + 1, losses=losses, worker=None, message=sentence)
            self.event("state", {"state": "running", "attempt": self.job.attempt, "message": sentence})

    def finish(self, state: JobState, error: Problem | None = None, result: str | None = None) -> None:
        """The end of the job: its last event holds the job as it will stay."""
        assert state in FINAL and not self.job.final
        self._set(state=state, error=error and error.view(), ended=self._now(), worker=None)
        self.result = result
        self.event("end", self.job.view())

    def event(self, kind: str, data: dict[str, Any]) -> None:
        """Adds to the job's history; what is not finite becomes null."""
        self._set(events=self.job.events + 1)
        self.events.append(Event(self.job.events, kind, plain(data)))

    def _now(self) -> float:
        """The time; clocks of machines differ, and a job neither begins before it was made nor ends before it began."""
        return max(time.time(), self.job.started or self.job.created)

    def _set(self, **fields: Any) -> None:
        self.job = replace(self.job, **fields)


def operation_of(task: str) -> str:
    """The operation that a task does; one that takes minutes has a task of its own."""
    return task.removesuffix(LARGE)
