"""Answers and logs: a request id, a sentence, and never a path, a traceback or a value of a patient."""

import io
import json
import logging
import re

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field

from reverie.errors import DamagedError, DataError, UsageError
from reverie.service import logs, problems
from reverie.service.problems import Problem
from reverie.service.workspace import Workspace

SECRET = "Zebra-4711"
CELL = f"row 3: age is {SECRET!r}"


class Visit(BaseModel, extra="forbid"):
    age: int = Field(ge=0, le=150)


def faults(app: FastAPI) -> None:
    def fail(kind: str) -> None:
        root = app.state.workspace.root
        raise {
            "usage": UsageError(f"{root}/tables/a.csv cannot be used with {root}."),
            "data": DataError(f"{root}/tables/a.csv, {CELL}"),
            "damaged": DamagedError(f"{root}/runs/a is damaged; see /etc/passwd and {root}-other/x.csv."),
            "value": ValueError(CELL),
            "missing": FileNotFoundError(2, "No such file", f"/srv/someone/{SECRET}.csv"),
            "memory": MemoryError(),
            "recursion": RecursionError(CELL),
            "own": Problem(418, "teapot", "Short and stout.", {"retry-after": "1"}),
        }[kind]

    def stream():
        from fastapi.responses import StreamingResponse

        def pieces():
            yield b"begun"
            raise ValueError(CELL)

        return StreamingResponse(pieces())

    def visit(visit: Visit) -> dict:
        return visit.model_dump()

    app.add_api_route("/api/fail/{kind}", fail)
    app.add_api_route("/api/stream", stream)
    app.add_api_route("/api/visits", visit, methods=["POST"])
    app.add_api_route("/api/patients/{name}", lambda name: {"name": name})


@pytest.fixture
def log():
    """What the server would write to stderr."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logs.Lines())
    root, own = logging.getLogger(), logging.getLogger("reverie.service")
    before = root.handlers[:], root.level, own.level
    root.handlers[:] = [handler]
    own.setLevel(logging.INFO)
    yield text
    root.handlers[:] = before[0]
    own.setLevel(before[2])


def test_the_log_goes_to_what_stderr_is_and_not_to_what_it_was(log, monkeypatch):
    was, now = io.StringIO(), io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", was)
        logs.configure()
        logs.say("begun")
    logging.captureWarnings(False)
    was.close()
    monkeypatch.setattr("sys.stderr", now)
    logs.say("ended")
    assert [json.loads(line)["event"] for line in now.getvalue().splitlines()] == ["ended"]


FAULTS = [
    ("usage", 422, "tables/a.csv cannot be used with .."),
    ("data", 422, f"tables/a.csv, {CELL}"),
    ("damaged", 409, "runs/a is damaged; see passwd and x.csv."),
    ("value", 500, None),
    ("missing", 500, None),
    ("recursion", 500, None),
    ("memory", 503, None),
    ("own", 418, "Short and stout."),
]


def test_every_error_is_a_problem_with_a_request_id_and_no_path(serving):
    site = serving(faults)
    for kind, status, detail in FAULTS:
        reply = site.call("GET", f"/api/fail/{kind}")
        assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
        body = reply.json
        assert set(body) == {"type", "title", "status", "detail", "request_id"}
        assert body["status"] == status
        assert body["request_id"] == reply.headers["x-request-id"]
        if detail is not None:
            assert body["detail"] == detail
        else:
            assert SECRET not in reply.body.decode()
        assert str(site.root) not in reply.body.decode()
        assert not re.search(r"Traceback|\.py|/home|/tmp|/etc", reply.body.decode())


def test_fields_that_cannot_be_used_are_named_and_their_values_are_not(serving):
    reply = serving(faults).call("POST", "/api/visits", {"age": SECRET, "name": SECRET})
    assert reply.status == 422
    assert {fault["field"] for fault in reply.json["errors"]} == {"age", "name"}
    assert SECRET not in reply.body.decode()


def test_unknown_addresses_and_methods_are_problems_too(site):
    for method, path, status in [
        ("GET", "/api/nothing", 404),
        ("PATCH", "/healthz", 405),
        ("DELETE", "/", 405),
        ("GET", "/docs/", 404),
    ]:
        reply = site.call(method, path)
        assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
        assert reply.json["request_id"] == reply.headers["x-request-id"]


def test_ids_are_the_servers_own_and_each_is_new(site):
    ids = {
        site.call("GET", "/healthz", headers={"x-request-id": "chosen-by-the-caller"}).headers["x-request-id"]
        for _ in range(20)
    }
    assert len(ids) == 20
    assert all(re.fullmatch(r"[0-9a-f]{16}", found) for found in ids)


def test_the_log_has_a_line_for_each_request_and_no_value_in_any(serving, log, caplog):
    site = serving(faults)
    kinds = ("usage", "data", "damaged", "value", "missing", "recursion", "own")
    replies = [site.call("GET", f"/api/fail/{kind}?name={SECRET}") for kind in kinds]
    replies.append(site.call("POST", "/api/visits", {"age": SECRET}))
    replies.append(
        site.call(
            "GET", f"/api/patients/{SECRET}", headers={"user-agent": SECRET, "authorization": SECRET, "x-request-id": SECRET}
        )
    )
    replies.append(site.call("PUT", f"/api/files/{SECRET}.csv", SECRET.encode()))
    replies.append(site.call("GET", f"/api/{SECRET}"))
    site.raw(f"{SECRET} /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    site.raw(f"{SECRET}\r\n\r\n".encode())
    try:
        site.call("GET", "/api/stream")
    except Exception as broken:
        assert "Incomplete" in type(broken).__name__
    logging.getLogger("some.library").warning("could not parse %s", SECRET)
    text = log.getvalue()
    assert SECRET not in text
    lines = [json.loads(line) for line in text.splitlines()]
    answered = {line["request_id"]: line for line in lines if "request_id" in line}
    for reply in replies:
        line = answered[reply.headers["x-request-id"]]
        assert line["status"] == reply.status
        assert line["bytes"] == len(reply.body)
        assert line["ms"] >= 0
    failed = [line for line in lines if line["event"] == "failed"]
    assert {line["error"] for line in failed} == {"ValueError", "FileNotFoundError", "RecursionError"}
    assert all("test_leaks.py" in line["at"][-1] or "test_leaks.py" in " ".join(line["at"]) for line in failed)
    assert {line["route"] for line in answered.values()} >= {
        "/api/fail/{kind}",
        "/api/patients/{name}",
        "/api/files/{name}",
        "none",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ROOT/a/b.csv: bad.", "a/b.csv: bad."),
        ("'ROOT' is no run.", "'.' is no run."),
        ("see /usr/lib/python3/x.py, line 3.", "see x.py, line 3."),
        ("(/var/data/x.csv)", "(x.csv)"),
        ("GET /api/files lists what it has.", "GET /api/files lists what it has."),
        ("5 mg/dl and 1/2, see https://example.org/a/b.", "5 mg/dl and 1/2, see https://example.org/a/b."),
        ("beta must be in (0, 1), not 3.", "beta must be in (0, 1), not 3."),
    ],
)
def test_paths_below_the_root_are_relative_and_others_are_names(tmp_path, text, told):
    assert problems.of(UsageError(text.replace("ROOT", str(tmp_path))), tmp_path).detail == told


def test_a_full_disk_is_507_and_a_missing_file_is_500(tmp_path):
    assert problems.of(OSError(28, "No space left"), tmp_path).status == 507
    assert problems.of(FileNotFoundError(2, "gone", "/etc/x"), tmp_path).detail.count("/etc") == 0


def test_the_workspace_says_no_path_of_the_machine(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be the workspace"):
        from reverie.service.settings import Settings

        Workspace(tmp_path / "file", Settings())
