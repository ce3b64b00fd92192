"""A server and workers that share a ledger, an object store and no folder, as processes: whoever dies, the same bytes."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reverie.service.objects.workspace import ObjectWorkspace
from reverie.service.settings import Settings

SMALL = {"network.width": 16, "network.layers": 1, "training.batch": 8, "training.checkpoint_every": 2}
FINAL = {"succeeded", "failed", "cancelled", "interrupted"}
PATIENT = 120.0
ADDRESS = "s3://bucket/machines"
ROWS = (
    f"{n},{day},{40 + n % 30},{(n * 7 + day) % 23 / 10 if n % 5 else ''},{'ab'[n % 2]}" for n in range(60) for day in (0, 7)
)
VISITS = "\n".join(["id,day,age,level,arm", *ROWS]).encode()


class Machines:
    """A server that has no worker of its own, and workers, each with a folder of its own."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder, self.running = folder, []
        self._environment = os.environ | variables | {"OMP_NUM_THREADS": "1"}
        server = self._start("serve", "--port", "0", "--workspace", str(folder / "server"))
        assert server.stdout is not None
        self.host = server.stdout.readline().strip().removeprefix("http://")
        assert self.host, self.log()

    def worker(self, lane: str = "slow") -> subprocess.Popen[str]:
        return self._start("work", "--workspace", str(self.folder / f"worker{len(self.running)}"), "--lane", lane)

    def _start(self, *command: str) -> subprocess.Popen[str]:
        with (self.folder / "log").open("a") as log:
            started = [sys.executable, "-m", "reverie", *command]
            process = subprocess.Popen(started, env=self._environment, stdout=subprocess.PIPE, stderr=log, text=True)
        self.running.append(process)
        return process

    def log(self) -> str:
        """All but what was answered."""
        return "\n".join(line for line in (self.folder / "log").read_text().splitlines() if '"answered"' not in line)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.host, timeout=PATIENT)
        with contextlib.closing(connection):
            sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, sent, {"Content-Type": "application/json", **headers})
            reply = connection.getresponse()
            content = reply.read()
            is_json = (reply.getheader("content-type") or "").split("+")[-1].endswith("json") and path.find("/files/") < 0
            return reply.status, json.loads(content) if is_json else content

    def submit(self, path: str, body: dict[str, Any]) -> str:
        status, job = self.ask("POST", path, body, Prefer="wait=0")
        assert status == 202, job
        return job["id"]

    def until(self, what: Callable[[], Any]) -> Any:
        end = time.monotonic() + PATIENT
        while not (found := what()):
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)
        return found

    def ended(self, job: str) -> dict[str, Any]:
        return self.until(lambda: view if (view := self.ask("GET", f"/api/jobs/{job}")[1])["state"] in FINAL else None)

    def result(self, job: str) -> Any:
        view = self.ended(job)
        assert view["state"] == "succeeded", (view, self.log())
        return self.ask("GET", f"/api/jobs/{job}/result")[1]

    def file(self, name: str) -> bytes:
        status, content = self.ask("GET", f"/api/files/{name}")
        assert status == 200, content
        return content


@pytest.fixture(scope="module")
def machines(storage: dict[str, str], postgresql: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    told = {
        "REVERIE_OBJECTS": ADDRESS,
        "REVERIE_QUEUE_URL": postgresql,
        "REVERIE_QUICK_WORKERS": "0",
        "REVERIE_SLOW_WORKERS": "0",
        "REVERIE_SAVE_SECONDS": "0.3",
        "REVERIE_FREE_BYTES": "1",
    }
    found = Machines(tmp_path_factory.mktemp("machines"), storage | told)
    yield found
    for process in reversed(found.running):
        process.kill()
        process.wait()


def test_a_training_whose_worker_is_killed_goes_on_on_another_machine_to_the_same_bytes(machines, tmp_path):
    assert machines.ask("PUT", "/api/files/tables/visits.csv", VISITS)[0] == 201
    body = {"source": "tables/visits.csv", "steps": 30, "settings": SMALL, "seed": 3}
    killed = machines.worker()
    job = machines.submit("/api/trainings", body | {"out": "runs/a"})
    looking = ObjectWorkspace(tmp_path, Settings(), ADDRESS)

    def saved() -> list[int]:
        names = looking._catalogue.now().below("runs/a")
        return sorted(int(name.split("-")[1].split("/")[0]) for name in names if name.endswith("state.json"))

    machines.until(lambda: max(saved(), default=0) >= 8)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert 8 <= max(saved()) < 30 and looking.runs() == ["runs/a"]
    status, refused = machines.ask("POST", "/api/trainings", body | {"out": "runs/a"}, Prefer="wait=0")
    assert status == 409 and job in refused["detail"]  # one writer of one place
    machines.worker()
    assert machines.result(job)["steps"] == {"done": 30, "of": 30}
    assert machines.ask("GET", f"/api/jobs/{job}")[1]["attempt"] == 2
    history = machines.ask("GET", f"/api/jobs/{job}/events")[1].decode().split("\n\n")
    again = max(number for number, event in enumerate(history) if "event: state" in event)
    later = [json.loads(event.split("data: ")[1].split("\n")[0]) for event in history[again:] if "event: metric" in event]
    assert min(metric["step"] for metric in later) > 8, "it did not begin anew"
    whole = machines.submit("/api/trainings", body | {"out": "runs/b"})
    machines.result(whole)
    names = sorted(each["name"] for each in machines.ask("GET", "/api/files")[1]["files"])
    assert [name for name in names if name.startswith("runs/a/")] and "runs/a/model.safetensors" in names
    for name in names:
        if name.startswith("runs/a/") and not name.endswith("metrics.jsonl"):
            assert machines.file(name) == machines.file(name.replace("runs/a", "runs/b")), name


def test_what_a_machine_trained_is_used_and_given_out_by_others_until_it_is_deleted(machines):
    def runs() -> list[tuple[str, bool]]:
        return [(run["name"], run["trained"]) for run in machines.ask("GET", "/api/models")[1]["models"]]

    assert runs() == [("runs/a", True), ("runs/b", True)]
    assert machines.ask("GET", "/api/models/runs/a")[1]["parameters"] > 1000
    body = {"model": "runs/a", "count": 257, "steps": 2, "seed": 1}
    unnamed = machines.result(machines.submit("/api/samples", body))
    named = machines.result(machines.submit("/api/samples", body | {"model": "runs/b", "out": "new/b.csv"}))
    (made,), (kept,) = unnamed["files"], named["files"]
    content = machines.ask("GET", made["href"])[1]
    assert content == machines.file("new/b.csv") and len(content) == kept["bytes"] > 100
    assert unnamed["preview"] == named["preview"]
    assert machines.ask("PUT", "/api/files/holes.csv", content)[0] == 201
    filled = machines.result(
        machines.submit("/api/imputations", {"model": "runs/a", "table": "holes.csv", "out": "whole.csv"})
    )
    assert filled["files"][0]["name"] == "whole.csv" and machines.file("whole.csv").count(b"\n") == content.count(b"\n")
    assert machines.ask("DELETE", "/api/files/runs/a")[0] == 204
    status, job = machines.ask("POST", "/api/samples", body, Prefer="wait=0")  # it may be known already, or not
    gone = job if status == 404 else machines.ended(job["id"])["error"]
    assert "nothing of the name runs/a" in gone["detail"]
