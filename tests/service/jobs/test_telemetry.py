"""One trace runs from a call to the worker that does its job, and holds nothing that a client wrote."""

from __future__ import annotations

import subprocess
import sys

import pytest
from chores import TASKS
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from reverie.errors import UsageError
from reverie.service import telemetry
from reverie.service.app import create_app
from reverie.service.jobs.answer import answer
from reverie.service.jobs.worker import Worker
from reverie.service.settings import Settings

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "miriam-levi"


def test_one_trace_runs_from_the_call_to_the_worker(open_jobs, root, monkeypatch):
    spans = InMemorySpanExporter()
    monkeypatch.setattr(telemetry, "_processor", lambda url: SimpleSpanProcessor(spans))
    told = Settings(workspace=root, free_bytes=0, telemetry="http://127.0.0.1:4318")
    jobs = open_jobs(begin=False)
    app = create_app(told, jobs)

    async def chore(request: Request) -> Response:
        return await answer(request, jobs, request.path_params["name"], await request.json(), wait=0)

    app.add_api_route("/api/chores/{name}", chore, methods=["POST"])
    app.router.routes.insert(0, app.router.routes.pop())  # before the page, which takes every address
    client = TestClient(app, base_url="http://localhost")
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "hospital=7"}
    assert client.post("/api/chores/wrong", json={"secret": SECRET}, headers=headers).status_code == 202
    assert client.post("/api/chores/echo", json={"n": SECRET}).status_code == 202
    assert client.get(f"/api/jobs/{SECRET}").status_code == 404
    worker = Worker(told, "quick", tasks="chores:TASKS")
    worker._heartbeat._beat()
    for _ in range(2):
        worker._do(*worker._claim(), TASKS)  # pyright: ignore

    wrong, echo, look, failed, done = spans.get_finished_spans()
    names = ["POST /api/chores/{name}", "POST /api/chores/{name}", "GET /api/jobs/{id}", "wrong", "echo"]
    assert [span.name for span in spans.get_finished_spans()] == names
    assert (f"{wrong.context.trace_id:032x}", f"{wrong.parent.span_id:016x}") == (TRACE, PARENT), "what came in goes on"
    assert echo.parent is None and echo.context.trace_id != wrong.context.trace_id
    for call, attempt in ((wrong, failed), (echo, done)):
        assert (attempt.context.trace_id, attempt.parent.span_id) == (call.context.trace_id, call.context.span_id)
    assert failed.context.trace_state["hospital"] == "7"

    said = {"http.request.method": "GET", "http.route": "/api/jobs/{id}", "http.response.status_code": 404}
    assert dict(look.attributes) == said
    assert len(failed.attributes["reverie.job"]) == 32
    for attempt, outcome in ((failed, "failed"), (done, "succeeded")):
        said = {"operation": attempt.name, "lane": "quick", "attempt": 1, "outcome": outcome}
        assert {name: attempt.attributes[f"reverie.{name}"] for name in said} == said and len(attempt.attributes) == 5
        assert attempt.status.is_unset == (outcome == "succeeded") and not attempt.events
    assert SECRET not in "".join(span.to_json() for span in spans.get_finished_spans())


def test_the_sdk_is_not_imported_where_no_spans_are_wanted():
    code = "import sys, reverie.service.app, reverie.service.jobs.worker; print('opentelemetry.sdk' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_spans_that_cannot_be_sent_are_refused_in_one_sentence(monkeypatch):
    with pytest.raises(ValidationError, match=r"such as http://127\.0\.0\.1:4318"):
        Settings(telemetry="127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(UsageError, match=r"pip install 'reverie\[telemetry\]'"):
        telemetry.telemetry(Settings(telemetry="http://127.0.0.1:4318/"))
    assert telemetry.telemetry(Settings()) is None
