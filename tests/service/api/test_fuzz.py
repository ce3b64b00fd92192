"""Whatever is sent to whatever operation of the document: an answer, or an error of one shape; never a fault of the server.

Bodies, queries and paths are generated from the document, right ones and wrong ones. Jobs are done at once and told to stop
at their second report, so that what is right costs no more than what is wrong.
"""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from reverie.service.app import create_app
from reverie.service.document import PROBLEM
from reverie.service.jobs.work import Cancelled, Work
from reverie.service.problems import TITLES
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

EXAMPLES = 12


def document() -> dict[str, Any]:
    """The document of the app, whose calls are the cases."""
    with TemporaryDirectory() as folder:
        app = create_app(Settings(workspace=Path(folder)))
        app.state.jobs.close()
        return app.openapi()


KEPT = document()
OPERATIONS = [(path, method) for path, methods in KEPT["paths"].items() for method in methods]
RIGHT, WRONG = "positive", "negative"
CASES = [(path, method, RIGHT) for path, method in OPERATIONS] + [
    (path, method, WRONG)
    for path, method in OPERATIONS
    if "requestBody" in (told := KEPT["paths"][path][method]) or any(p["in"] == "query" for p in told.get("parameters", []))
]
"""What has neither body nor query cannot be asked wrongly."""
HEADERS = {"host", "origin", "authorization", "content-length", "transfer-encoding", "connection"}


@pytest.fixture(scope="module")
def served(tmp_path_factory, at_once):
    """The operations of an app, and a client of it. A fault that nobody foresaw is raised here."""
    import schemathesis  # takes seconds, and whoever collects tests imports this file

    root = tmp_path_factory.mktemp("fuzzed")
    told = Settings(workspace=root, free_bytes=0, pixels=100_000, files=100, base64_bytes=10_000)
    app = create_app(told, at_once(told, Workspace(root, told)))
    with pytest.MonkeyPatch.context() as patch, TestClient(app, base_url="http://localhost") as client:
        patch.setattr(Work, "step", _twice)
        yield schemathesis.openapi.from_dict(app.openapi()), client


def _twice(work: Work, done: int, total: int) -> None:
    if done > 1:
        raise Cancelled("cancelled")


WORDS_OF_PROGRAMS = re.compile(r"Value error|Input should|Field required|pydantic|function-|Traceback")


def check_problem(reply) -> None:
    """What every error is: for programs a kind, for people a sentence, of each field the place where it was sent."""
    problem = reply.json()
    assert reply.headers["content-type"] == "application/problem+json", reply.text
    assert {"type", "title", "status", "detail", "request_id"} <= set(problem) <= set(PROBLEM["properties"])
    assert problem["status"] == reply.status_code and problem["request_id"] == reply.headers["x-request-id"]
    assert problem["type"].rpartition("/")[2] in TITLES, problem
    for sentence in [problem["detail"], *(error["message"] for error in problem.get("errors", []))]:
        assert re.search(r"[.!?]$", sentence.strip()), problem
        assert not WORDS_OF_PROGRAMS.search(sentence), problem
    for error in problem.get("errors", []):
        assert error["field"] and error["message"], problem


def test_every_operation_of_the_document_is_fuzzed(served):
    schema, _ = served
    assert {(path, method.lower()) for path in schema for method in schema[path]} == set(OPERATIONS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("path", "method", "mode"), CASES)
def test_no_request_is_a_fault_of_the_server(path, method, mode, served):
    from schemathesis import GenerationMode

    schema, client = served
    operation = schema[path][method.upper()]
    sent = []

    @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    def every(case):
        told = case.as_transport_kwargs(base_url="http://localhost")
        told = {key: value for key, value in told.items() if key in ("method", "url", "params", "headers", "json", "data")}
        told["headers"] = {k: v for k, v in (told.get("headers") or {}).items() if k.lower() not in HEADERS}
        if "data" in told:
            told["content"] = told.pop("data")
        reply = client.request(**told)
        sent.append(reply.status_code)
        assert reply.status_code < 500, (told, reply.text)
        if reply.status_code >= 400:
            check_problem(reply)

    every()
    assert sent
