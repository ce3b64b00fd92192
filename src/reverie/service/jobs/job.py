"""A job, and the one law of its life: queued, then running, then exactly one final state, and never back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

__all__ = ["FINAL", "MAX_LOSSES", "Event", "Job", "JobState", "Lane", "may_follow"]

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]
Lane = Literal["quick", "slow"]
FINAL = frozenset(get_args(JobState)[2:])
MAX_LOSSES = 3
"""A job whose worker was lost this often is not begun again: the job itself may be what ends its workers."""


def may_follow(before: JobState, after: JobState) -> bool:
    """Whether a job may go from one state to another; running follows running when an attempt was lost."""
    if before in FINAL:
        return False
    return after in FINAL or after == "running"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a job's history; numbers begin at 1 and grow by 1."""

    number: int
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What the ledger knows about a job. The fields after `error` are the service's own and are not shown."""

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
    worker: dict[str, Any] | None = None
    """Who holds the present attempt; None while its message waits in the queue."""
    cancelling: float | None = None
    batches: int = 0
    """Batches of events taken over from the present attempt."""
    position: int | None = None

    @property
    def final(self) -> bool:
        return self.state in FINAL

    def view(self) -> dict[str, Any]:
        """The job as the HTTP API shows it."""
        here = f"/api/jobs/{self.id}"
        return {
            "id": self.id,
            "task": self.task,
            "lane": self.lane,
            "state": self.state,
            "attempt": self.attempt,
            "position": self.position,
            "progress": self.progress,
            "message": self.message,
            "error": self.error,
            "created": moment(self.created),
            "started": moment(self.started),
            "ended": moment(self.ended),
            "links": {"self": here, "events": f"{here}/events", "cancel": f"{here}/cancel", "result": f"{here}/result"},
        }


def moment(seconds: float | None) -> str | None:
    """Seconds since 1970 as a date and time that every reader understands."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
