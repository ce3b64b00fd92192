"""Which jobs have ended, each told once, from the ledger alone: whoever ended them, here or on another machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reverie.service.jobs.job import FINAL, JobState, operation_of

if TYPE_CHECKING:
    from reverie.service.jobs.ledger import Ledger

__all__ = ["Ends", "Outline"]


@dataclass(frozen=True, slots=True)
class Outline:
    """A job in short; times are in seconds since 1970."""

    sequence: int
    task: str
    state: JobState
    created: float
    started: float | None
    ended: float | None

    @property
    def operation(self) -> str:
        return operation_of(self.task)


class Ends:
    """To be asked often; what had ended when it was first asked is not told."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._floor = 0
        self._told: set[int] | None = None

    def new(self) -> list[Outline]:
        """Those that ended since the last time, oldest first."""
        if self._floor > self._ledger.last() + 1:
            self._floor, self._told = 0, set()  # another ledger stands in its place, and counts from 1
        found = self._ledger.outlines(self._floor)
        ended = [job for job in found if job.state in FINAL]
        fresh = [] if self._told is None else [job for job in ended if job.sequence not in self._told]
        if found:
            unfinished = [job.sequence for job in found if job.state not in FINAL]
            self._floor = min(unfinished, default=found[-1].sequence + 1)
        self._told = {job.sequence for job in ended if job.sequence >= self._floor}
        return fresh
