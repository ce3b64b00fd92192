"""What goes on, at a glance: taken by the monitor once a second, so that who watches the server waits for no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["LaneView", "Overview"]


@dataclass(frozen=True, slots=True)
class LaneView:
    """Jobs that wait and run in a lane; its workers that are ready, on any machine; and how many are to be on this one."""

    queued: int = 0
    running: int = 0
    workers: int = 0
    own: int = 0

    @property
    def lacks_workers(self) -> bool:
        """Whether none is there although some should be; a lane of 0 workers is left to other machines, now or later."""
        return self.own > 0 and self.workers == 0


@dataclass(frozen=True, slots=True)
class Overview:
    """Of one moment.

    Attributes:
        lanes: by lane.
        states: how many remembered jobs are in each state.
        usable: whether the ledger of jobs can be changed.
        restarts: of workers of this machine, how many were replaced, by lane and reason.
        memory: bytes that each of them holds, by lane and number.
    """

    lanes: Mapping[str, LaneView]
    states: Mapping[str, int] = field(default_factory=dict)
    usable: bool = False
    restarts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    memory: Mapping[tuple[str, int], int] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        """Whether each lane that is to have workers has one, and there is one at all."""
        lanes = self.lanes.values()
        return any(lane.workers for lane in lanes) and not any(lane.lacks_workers for lane in lanes)
