"""Numbers for Prometheus, with few labels: a label never holds anything a client can choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

import reverie

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}
LANES = (
    ("reverie_jobs_queued", "queued", "Jobs that wait."),
    ("reverie_jobs_running", "running", "Jobs that run."),
    ("reverie_workers", "workers", "Worker processes alive."),
)
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The numbers of one app, in a registry of its own."""

    def __init__(self, snapshot: Callable[[], Mapping[str, Any]]) -> None:
        disable_created_metrics()  # when a series began says nothing here, and doubles their number
        self.registry = CollectorRegistry()
        labels = ("method", "route")
        self.requests = Counter("reverie_requests", "Requests answered.", (*labels, "status"), registry=self.registry)
        self.seconds = Histogram(
            "reverie_request_seconds", "Time to the end of the answer.", labels, buckets=SECONDS, registry=self.registry
        )
        self.open = Gauge("reverie_requests_open", "Requests being answered.", registry=self.registry)
        Gauge("reverie_info", "The version that runs.", ("version",), registry=self.registry).labels(
            reverie.__version__
        ).set(1)
        self.registry.register(_Lanes(snapshot))
        ProcessCollector(registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        method = method if method in METHODS else "other"
        self.requests.labels(method, route, f"{status // 100}xx").inc()
        self.seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Lanes(Collector):
    """Jobs that wait and run, and workers alive, asked for at the moment of the scrape."""

    def __init__(self, snapshot: Callable[[], Mapping[str, Any]]) -> None:
        self.snapshot = snapshot

    def collect(self) -> Iterator[GaugeMetricFamily]:
        told = self.snapshot()
        for name, key, help in LANES:
            family = GaugeMetricFamily(name, help, labels=("lane",))
            for lane, numbers in told["lanes"].items():
                family.add_metric((lane,), numbers[key])
            yield family
        states = GaugeMetricFamily("reverie_jobs", "Jobs that are remembered.", labels=("state",))
        for state, count in told["states"].items():
            states.add_metric((state,), count)
        yield states
