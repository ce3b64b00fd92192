"""How many steps a run takes, and how far it has come between its first and its last.

A budget in steps is one entry. A budget in minutes is kept by adding entries on the way: where, at the pace of the last
seconds, training would not end on time, the number of steps is set again. What is left of the course (the fall of
the learning rate) is then spread over what is left of the steps:

    p(k) = p(s_j) + (1 - p(s_j)) (k - s_j) / (N_j - s_j)         from step s_j on, entry j: N_j steps in all

p follows from the entries alone, and these are written, to checkpoints and to config.yaml. So what was run can be run again
to the same bits, at whatever pace; and a run that is resumed keeps to the entries of its checkpoint.

A run that goes on to more steps than it was planned for has one entry more. Where its course had ended, that of a longer run
takes its place, p(k) = k / N_j; so all is as in a run of N_j steps but the way to s_j.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import torch

from reverie.training import processes

__all__ = ["Budget", "Entries"]

Entries = tuple[tuple[int, int], ...]
"""(s, N), ...: from step s on, N steps in all; the first s is 0."""

LOOK_BACK = 1 / 5
"""The pace is that of the last seconds: of a fifth of what is left, so that it is known the better the nearer the end is."""
LEAST = 1 / 30
"""Of the budget: the least that is looked back on."""
OFF, OFF_OF_ALL = 1 / 20, 1 / 50
"""An entry is added where the end would be off by more than this share of the time left, and of all the time."""


@dataclass(eq=False)
class Budget:
    """The steps of a run.

    Attributes:
        entries: what was planned, and from which step on; only the last is in force.
        seconds: how long the run may take, kept by adding entries; None where their number stays as it is.
        began: when these seconds began to run, by `clock`.
        clock: seconds since whenever, rising.
        more: how many steps there are to be in all, of a run that goes on; None for as many as were planned.
        after: how many steps what follows training takes as long as; the seconds leave room for it.
    """

    entries: Entries
    seconds: float | None = None
    began: float = 0.0
    clock: Callable[[], float] = time.monotonic
    more: int | None = None
    after: int = 0
    _seen: deque[tuple[int, float]] = field(default_factory=deque, init=False, repr=False)

    @property
    def steps(self) -> int:
        """How many there are in all."""
        return self.entries[-1][1]

    def progress(self, step: int, first: int = 0) -> float:
        """How far the course has come before step 0, 1, ...: from 0, up to step `first`, to 1 at the last."""
        done, reached, end = 0.0, first, 0
        for (since, steps), (until, _) in pairwise((*self.entries, (step, 0))):
            if since > step:
                break
            if since >= end > 0:  # the course had ended
                done, reached = max(0, since - first) / max(1, steps - first), max(since, first)
            end, here = steps, min(until, step)
            if here > reached:
                done += (1 - done) * (here - reached) / max(1, steps - reached)
                reached = here
        return min(1.0, done)

    def go_on(self, step: int) -> bool:
        """Adds an entry from here, where `step` steps are done, if more are asked for than were planned; whether it did."""
        if self.more is None or self.more <= self.steps:
            return False
        self.entries = (*(entry for entry in self.entries if entry[0] < step), (step, self.more))
        return True

    def keep(self, step: int, device: torch.device) -> None:
        """Adds an entry, once `step` steps are done, if the seconds ask for it. To be called after every step."""
        if self.seconds is None:
            return
        wanted = processes.any_of(self._wanted(step, self.seconds), device)  # several processes keep to one number
        if wanted >= 0:
            self.entries = (*self.entries, (step, wanted))

    def _wanted(self, step: int, budget: float) -> int:
        """How many steps there should be in all; -1 for as many as there are."""
        now = self.clock()
        left = self.began + budget - now
        self._seen.append((step, now))
        while len(self._seen) > 2 and now - self._seen[1][1] >= max(LEAST * budget, LOOK_BACK * left):
            self._seen.popleft()
        before, then = self._seen[0]
        if step == before or now - then < LEAST * budget:
            return -1
        pace = (now - then) / (step - before)
        wanted = step + max(0, round(left / pace) - self.after)
        off = abs(wanted - self.steps) * pace
        return wanted if off > max(OFF * left, OFF_OF_ALL * budget) else -1
