"""`reverie serve` as a process of its own, for benchmarks: started, asked, killed."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

__all__ = ["Server"]

FINAL = {"succeeded", "failed", "cancelled", "interrupted"}


class Server:
    """Ready when made. Settings are given as keywords; the log is beside the workspace."""

    def __init__(self, workspace: Path, **settings: object) -> None:
        told = {f"REVERIE_{name.upper()}": str(value) for name, value in settings.items()}
        with workspace.with_suffix(".log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "reverie", "serve", "--port", "0", "--workspace", str(workspace)],
                env=os.environ | {"OMP_NUM_THREADS": "1"} | told,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.host = self.process.stdout.readline().strip().removeprefix("http://")
        if not self.host:
            sys.exit(f"the server did not start: see {workspace.with_suffix('.log')}")

    def connection(self) -> http.client.HTTPConnection:
        """For `ask`, to be kept from call to call; one for each thread."""
        return http.client.HTTPConnection(self.host, timeout=300)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        kept: http.client.HTTPConnection | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (in small letters) and content, by a kept connection or one of its own.

        Raises OSError or HTTPException if the server goes away.
        """
        connection = kept or self.connection()
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json", **(headers or {})})
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        finally:
            if kept is None:
                connection.close()

    def json(self, path: str) -> Any:
        return json.loads(self.ask("GET", path)[2])

    def ready(self) -> None:
        while self.ask("GET", "/readyz")[0] != 200:
            time.sleep(0.05)

    def ended(self, job: str, seconds: float = 600) -> dict[str, Any]:
        """The job when it has ended. Raises TimeoutError if it does not."""
        until = time.monotonic() + seconds
        while (view := self.json(f"/api/jobs/{job}"))["state"] not in FINAL:
            if time.monotonic() > until:
                raise TimeoutError(f"job {job} is still {view['state']}")
            time.sleep(0.05)
        return view

    def workers(self) -> list[int]:
        """The processes that the server started."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid and fields[0] != "Z":
                found.append(int(stat.parent.name))
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
