"""How much memory and how many processors this process may have, and what running out of memory looks like."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["available", "held", "processors", "ran_out", "resident"]

_CONTAINER = Path("/sys/fs/cgroup/memory.max")
_CONTAINER_TIME = Path("/sys/fs/cgroup/cpu.max")


def available() -> int | None:
    """Bytes of the machine, of the container or of this process's own limit, the least of them; None if none is known."""
    found = []
    with contextlib.suppress(ValueError, OSError, AttributeError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(ValueError, OSError):  # "max" where there is no limit
        found.append(int(_CONTAINER.read_text()))
    with contextlib.suppress(ImportError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
        found += [] if limit == resource.RLIM_INFINITY else [limit]
    return min(found, default=None)


def processors() -> int:
    """Processors of the machine, those that this process may use, or its container's share of time: the least, 1 or more."""
    found = [float(os.cpu_count() or 1)]
    with contextlib.suppress(AttributeError, OSError):
        found.append(len(os.sched_getaffinity(0)))
    with contextlib.suppress(ValueError, OSError, ZeroDivisionError):  # "max 100000" where there is no limit
        quota, period = _CONTAINER_TIME.read_text().split()
        found.append(int(quota) / int(period))
    return max(1, int(min(found)))


@contextlib.contextmanager
def held(bytes: int | None) -> Iterator[None]:
    """Within it this process gets no more; None, and a system that has no such limit, leave it as it is.

    What counts are the pages that it may write alone (RLIMIT_DATA), and not the addresses that libraries only reserve. The
    limit is taken back at the end: programs and threads that are begun later would have it too.
    """
    try:
        import resource
    except ImportError:
        yield
        return
    before = soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if bytes is not None:
        resource.setrlimit(
            resource.RLIMIT_DATA, (min(limit for limit in (bytes, soft, hard) if limit != resource.RLIM_INFINITY), hard)
        )
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def resident(process: int | None = None) -> int | None:
    """Bytes of memory that this process, or another, holds now; None where the system does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
        return int(Path(f"/proc/{process or 'self'}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def ran_out(error: BaseException) -> bool:
    """Whether an error is for want of memory. torch's own is a RuntimeError, with other words for each device."""
    words = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(said in str(error).lower() for said in words)
    )
