"""Waiting for what must come, and what the chores noted; the limits are only ever used up by a test that fails."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from reverie.service.jobs import Job, Jobs

PATIENT = 60.0
Found = TypeVar("Found")
HERE = Path(__file__).parent


def until(what: Callable[[], Found], seconds: float = PATIENT) -> Found:
    """What the function gives, once that is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)
    return found


def ended(jobs: Jobs, id: str) -> Job:
    job = asyncio.run(jobs.wait(id, PATIENT))
    assert job.final, f"still {job.state}"
    return job


def done(root: Path) -> list[list[str]]:
    """What the chores noted: name, job, attempt, process."""
    log = root / "done.log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


class Server:
    """serving.py as a process."""

    def __init__(self, root: Path, **given: Any) -> None:
        options = [f"{name}={json.dumps(value)}" for name, value in given.items()]
        command = [sys.executable, str(HERE / "serving.py"), str(root), *options]
        self.log = root.with_suffix(".log")
        with self.log.open("a") as log:
            found = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
            environment = os.environ | {"PYTHONPATH": found}
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        assert address, self.log.read_text()
        self.host = address.removeprefix("http://")

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers (in small letters) and body. Raises OSError or HTTPException if the server goes away meanwhile."""
        connection = http.client.HTTPConnection(self.host, timeout=PATIENT)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
            reply = connection.getresponse()
            content = reply.read()
            return reply.status, {k.lower(): v for k, v in reply.getheaders()}, json.loads(content) if content else None
        finally:
            connection.close()

    def do(self, chore: str, wait: float | None = None, **arguments: Any) -> tuple[int, dict[str, str], Any]:
        prefer = {} if wait is None else {"Prefer": f"wait={wait}"}
        return self.ask("POST", f"/api/chores/{chore}", arguments, prefer)

    def job(self, id: str) -> dict[str, Any]:
        return self.ask("GET", f"/api/jobs/{id}")[2]

    def ended(self, id: str) -> dict[str, Any]:
        final = {"succeeded", "failed", "cancelled", "interrupted"}
        return until(lambda: job if (job := self.job(id))["state"] in final else None)

    def listen(self, id: str, after: int | None = None, most: int = 10**9) -> list[dict[str, Any]]:
        """The events of a job, to its end or until there are `most`; then the connection is dropped."""
        connection = http.client.HTTPConnection(self.host, timeout=PATIENT)
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        connection.request("GET", f"/api/jobs/{id}/events", headers=headers)
        reply = connection.getresponse()
        assert reply.status == 200
        assert reply.getheader("content-type", "").startswith("text/event-stream")
        events: list[dict[str, Any]] = []
        event: dict[str, str] = {}
        while len(events) < most and (line := reply.readline().decode()):
            if line == "\n" and event:
                events.append({"id": int(event["id"]), "event": event["event"], "data": json.loads(event["data"])})
                event = {}
            elif not line.startswith(":"):
                name, _, value = line.rstrip("\n").partition(": ")
                event |= {name: value} if name else {}
        connection.close()
        return events

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
