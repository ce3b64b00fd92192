"""Spans of OpenTelemetry from a call to the worker that does its job, where REVERIE_TELEMETRY says who gathers them.

    POST /api/samples   the call: method, template of its route, status; a child of the span that its traceparent names
    └ sample            an attempt at its job, in the worker: operation, lane, attempt and how it ended

Which span asked for a job is kept in the ledger with it, as W3C's Trace Context writes it (traceparent, tracestate). A span
holds names of our own and numbers, never a name, a value or a sentence of a client's. Where the setting is not given the SDK
of OpenTelemetry is not imported, and nothing is asked of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import reverie
from reverie.errors import UsageError
from reverie.service.jobs.job import Job, operation_of
from reverie.service.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, SpanKind

__all__ = ["Telemetry", "telemetry", "tell"]

FIELDS = ("traceparent", "tracestate")
"""What W3C's Trace Context writes in headers."""
LAST = 2.0
"""Seconds that the end of a process waits for its last spans to be sent."""


def telemetry(settings: Settings) -> Telemetry | None:
    """None where it is not asked for. Raises UsageError where OpenTelemetry is not installed."""
    return None if settings.telemetry is None else Telemetry(_processor(settings.telemetry))


def _processor(url: str) -> SpanProcessor:
    """Sends spans, some at a time and from a thread of its own, to the collector at this address by OTLP over HTTP."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # pyright: ignore
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise UsageError("spans (REVERIE_TELEMETRY) need OpenTelemetry: pip install 'reverie[telemetry]'.") from error
    return BatchSpanProcessor(OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces"))


class Telemetry:
    """The spans of one process, which are given to the processor when they end."""

    def __init__(self, processor: SpanProcessor) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        about = Resource.create({"service.name": "reverie", "service.version": reverie.__version__})
        self._provider = TracerProvider(resource=about, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("reverie")
        self._written = TraceContextTextMapPropagator()

    @contextmanager
    def call(self, headers: Mapping[str, str]) -> Iterator[tuple[Span, dict[str, str]]]:
        """The span of a call with these headers, and what is to be kept with the job that it asks for."""
        from opentelemetry.trace import SpanKind, set_span_in_context

        with self._span("call", {name: headers[name] for name in FIELDS if name in headers}, SpanKind.SERVER) as span:
            kept: dict[str, str] = {}
            self._written.inject(kept, set_span_in_context(span))
            yield span, kept

    @contextmanager
    def attempt(self, job: Job, kept: Mapping[str, str]) -> Iterator[Callable[[str], None]]:
        """The span of an attempt at a job, of which that was kept. What is yielded is to be told how it ended."""
        from opentelemetry.trace import SpanKind, StatusCode

        with self._span(operation_of(job.task), kept, SpanKind.CONSUMER) as span:
            of = {"operation": operation_of(job.task), "lane": job.lane, "attempt": job.attempt, "job": job.id}
            span.set_attributes({f"reverie.{name}": value for name, value in of.items()})

            def ended(outcome: str) -> None:
                span.set_attribute("reverie.outcome", outcome)
                if outcome == "failed":
                    span.set_status(StatusCode.ERROR)

            yield ended

    def close(self) -> None:
        """Sends what was not sent yet; a collector that does not answer is not waited for."""
        closing = threading.Thread(target=self._provider.shutdown, name="spans", daemon=True)
        closing.start()
        closing.join(LAST)

    @contextmanager
    def _span(self, name: str, parent: Mapping[str, str], kind: SpanKind) -> Iterator[Span]:
        """What is raised in the block is not written down: it may quote a table."""
        span = self._tracer.start_span(name, self._written.extract(parent), kind, record_exception=False)
        try:
            yield span
        finally:
            span.end()


def tell(span: Span, method: str, route: str, status: int) -> None:
    """What a call was, in the words of OpenTelemetry's conventions for HTTP."""
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.set_status(StatusCode.ERROR)
