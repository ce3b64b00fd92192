"""Numbers for Prometheus, with few labels: a label never holds anything a client can choose.

Nothing here waits: what goes on was seen by the monitor within the last second, and how much the workspace holds is counted
beside, at most once a minute. docs/serving.md has a table of all of them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import reverie
from reverie.operations import TITLES
from reverie.service.quota import Quota

if TYPE_CHECKING:
    from reverie.service.jobs.ends import Outline
    from reverie.service.jobs.overview import Overview

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}
LANES = (
    ("reverie_jobs_queued", "queued", "Jobs that wait."),
    ("reverie_jobs_running", "running", "Jobs that run."),
    ("reverie_workers", "workers", "Workers that are ready, on all machines."),
)
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
LONG = (0.05, 0.2, 1, 5, 20, 60, 300, 1200, 3600, 14_400)
COUNTED = 60.0
"""Seconds for which a count of the workspace's files is told again."""


class Metrics:
    """The numbers of one app, in a registry of its own."""

    def __init__(self, overview: Callable[[], Overview], quota: Quota) -> None:
        disable_created_metrics()  # when a series began says nothing here, and doubles their number
        self.registry = registry = CollectorRegistry()
        labels = ("method", "route")
        self.requests = Counter("reverie_requests", "Requests answered.", (*labels, "status"), registry=registry)
        self.seconds = Histogram(
            "reverie_request_seconds", "Time to the end of the answer.", labels, buckets=SECONDS, registry=registry
        )
        self.open = Gauge("reverie_requests_open", "Requests being answered.", registry=registry)
        by = ("operation",)
        self.ended = Counter("reverie_jobs_ended", "Jobs that ended.", (*by, "outcome"), registry=registry)
        how = {"labelnames": by, "buckets": LONG, "registry": registry}
        self.waited = Histogram("reverie_job_waiting_seconds", "From its call to a worker.", **how)
        self.ran = Histogram("reverie_job_running_seconds", "From a worker to its end.", **how)
        Gauge("reverie_info", "The version that runs.", ("version",), registry=registry).labels(reverie.__version__).set(1)
        registry.register(_Seen(overview))
        registry.register(_Disk(quota))
        ProcessCollector(registry=registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        method = method if method in METHODS else "other"
        self.requests.labels(method, route, f"{status // 100}xx").inc()
        self.seconds.labels(method, route).observe(seconds)

    def job(self, job: Outline) -> None:
        """A job has ended; a worker of another version may know operations that we do not."""
        operation = job.operation if job.operation in TITLES else "other"
        self.ended.labels(operation, job.state).inc()
        if job.started is not None and job.ended is not None:
            self.waited.labels(operation).observe(job.started - job.created)
            self.ran.labels(operation).observe(job.ended - job.started)

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Seen(Collector):
    """Jobs that wait and run, and the workers."""

    def __init__(self, overview: Callable[[], Overview]) -> None:
        self.overview = overview

    def collect(self) -> Iterator[Metric]:
        seen = self.overview()
        for name, number, help in LANES:
            family = GaugeMetricFamily(name, help, labels=("lane",))
            for lane, found in seen.lanes.items():
                family.add_metric((lane,), getattr(found, number))
            yield family
        states = GaugeMetricFamily("reverie_jobs", "Jobs that are remembered.", labels=("state",))
        for state, count in seen.states.items():
            states.add_metric((state,), count)
        yield states
        yield GaugeMetricFamily("reverie_ledger_usable", "1 while jobs can be written down, else 0.", seen.usable)
        help = "Workers of this machine that were replaced: worn, disobeyed, memory, killed or failed."
        restarts = CounterMetricFamily("reverie_worker_restarts", help, labels=("lane", "reason"))
        for (lane, reason), count in seen.restarts.items():
            restarts.add_metric((lane, reason), count)
        yield restarts
        memory = GaugeMetricFamily("reverie_worker_memory_bytes", "Held by each worker here.", labels=("lane", "number"))
        for (lane, number), bytes in seen.memory.items():
            memory.add_metric((lane, str(number)), bytes)
        yield memory


class _Disk(Collector):
    """Room on the disk, and how much the workspace holds: counted in a thread, for there may be many files."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.held: dict[str, int] | None = None
        self.counted = float("-inf")

    def collect(self) -> Iterator[Metric]:
        with contextlib.suppress(OSError):
            free = self.quota.free() + self.quota.settings.free_bytes
            yield GaugeMetricFamily("reverie_disk_free_bytes", "Free where the workspace is.", free)
        limits = self.quota.settings
        yield GaugeMetricFamily("reverie_disk_floor_bytes", "Below so much free nothing is written.", limits.free_bytes)
        if time.monotonic() - self.counted > COUNTED:
            self.counted = time.monotonic()
            threading.Thread(target=self._count, name="count", daemon=True).start()
        if self.held is not None:
            yield GaugeMetricFamily("reverie_workspace_files", "Files of clients.", self.held["files"])
            yield GaugeMetricFamily("reverie_workspace_bytes", "Of all files, the service's own too.", self.held["bytes"])
        yield GaugeMetricFamily("reverie_workspace_limit_bytes", "What they may have.", limits.total_bytes)

    def _count(self) -> None:
        with contextlib.suppress(Exception):  # the store may be away: what was counted last is told
            self.held = self.quota.used()
