"""How threads wait for each other: told to OpenMP before torch is imported, for it listens only then.

Threads that spin until the next piece of work comes are about twice as fast on idle cores as threads that sleep. Where
another program runs on the same cores they take its time and their own: then those that sleep are two to three times as fast
(benchmarks/busy_cores.py). Results do not depend on it.
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

__all__ = ["choose"]

RUNNING = Path("/proc/loadavg")
"""0.20 0.18 0.12 3/402 11206: of 402 threads 3 run or could, the reader among them (proc(5))."""
LOOKS, APART = 5, 0.002


def choose() -> None:
    """Lets threads sleep while they wait, if others run on this machine; whoever said how they wait is obeyed."""
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys() and _others() >= 1:
        os.environ["GOMP_SPINCOUNT"] = "0"


def _others() -> float:
    """How many threads of others run, in the median of a few looks; 0 where the system does not say."""
    found = []
    for _ in range(LOOKS):
        try:
            found.append(int(RUNNING.read_text().split()[3].partition("/")[0]) - 1)
        except (OSError, IndexError, ValueError):
            return 0
        time.sleep(APART)
    return statistics.median(found)
