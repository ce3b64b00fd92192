"""The whole app over a workspace of its own, with jobs that are done at once, and two small trained runs."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from reverie.service import problems
from reverie.service.app import create_app
from reverie.service.jobs import Job
from reverie.service.jobs.overview import LaneView, Overview
from reverie.service.jobs.places import Places, in_use
from reverie.service.jobs.work import Cancelled, Work
from reverie.service.problems import Problem
from reverie.service.settings import Settings
from reverie.service.tasks import TASKS
from reverie.service.workspace import Workspace


class Heard:
    """What a job said, instead of an EventBuffer."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.reports: list[tuple[int, int]] = []

    def add(self, kind: str, data: dict[str, Any]) -> None:
        self.events.append((kind, data))

    def progress(self, done: int, total: int, left: float | None) -> None:
        self.reports.append((done, total))


def make_work(settings: Settings, workspace: Workspace, home: Path, attempt: int = 1) -> tuple[Work, Heard]:
    """A Work as a worker makes it, and what is heard of it."""
    (home / "files").mkdir(parents=True, exist_ok=True)
    heard = Heard()
    return Work(settings, workspace, home / "files", attempt, heard), heard  # pyright: ignore


class AtOnce:
    """Jobs that are done when they are submitted, in the thread that submits."""

    wait_seconds = 30.0
    stopped = True

    def __init__(self, settings: Settings, workspace: Workspace) -> None:
        self.settings, self.workspace = settings, workspace
        self.done: dict[str, tuple[Job, bytes | Problem]] = {}
        self.heard: list[Heard] = []
        self.tasks: list[str] = []
        self.unfinished: list[tuple[str, dict[str, str], Places]] = []

    def start(self) -> None: ...
    def stop(self, grace: float) -> None: ...
    def close(self) -> None: ...
    def close_admission(self) -> None: ...

    def hear(self, on_end: Any) -> None: ...

    def overview(self) -> Overview:
        return Overview({lane: LaneView(workers=1, own=1) for lane in ("quick", "slow")}, usable=True)

    def submit(self, task: str, arguments: dict[str, Any], **_: str | None) -> Job:
        id = f"{len(self.done):032x}"
        work, heard = make_work(self.settings, self.workspace, self.workspace.state / "jobs" / id)
        self.heard.append(heard)
        self.tasks.append(task)
        arguments = json.loads(json.dumps(arguments, allow_nan=False))
        try:
            result: bytes | Problem = json.dumps(TASKS[task].run(work, arguments), allow_nan=False).encode()
        except Cancelled:
            result = Problem(409, "cancelled", "The job was cancelled: it has no result.")
        except Exception as error:
            result = problems.of(error, self.workspace.root)
            if result.status == 500:
                raise
        state = "failed" if isinstance(result, Problem) else "succeeded"
        job = Job(id, task, TASKS[task].lane, state, 1, 0.0, 0.0, 1.0)
        self.done[id] = job, result
        return job

    async def wait(self, id: str, seconds: float) -> Job:
        return self.get(id)

    def get(self, id: str) -> Job:
        if id not in self.done:
            raise Problem(404, "not-found", "There is no such job.")
        return self.done[id][0]

    def list(self, limit: int, *_: Any) -> tuple[list[Job], None]:
        return [job for job, _ in self.done.values()][-limit:], None

    def held(self) -> list[tuple[str, dict[str, str], Places]]:
        return self.unfinished

    def check_unused(self, name: str, writes_only: bool = False) -> None:
        for id, about, places in self.unfinished:
            if places.uses(name, writes_only):
                raise in_use(name, id, about)

    @contextmanager
    def changing(self, *names: str, replaces: bool = True) -> Iterator[None]:
        for name in names:
            self.check_unused(name, writes_only=not replaces)
        yield

    def cancel(self, id: str) -> Job:
        return self.get(id)

    def result_bytes(self, id: str) -> bytes:
        self.get(id)
        result = self.done[id][1]
        if isinstance(result, Problem):
            raise result
        return result

    def folder(self, id: str) -> Path:
        return self.workspace.state / "jobs" / self.get(id).id / "files"

    def stays(self, job: Job) -> bool:
        return True

    def events(self, id: str, after: int) -> list[Any]:
        return []


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Path:
    """runs/patients and runs/digits, trained for a few steps; their samples are poor, but they are samples."""
    from reverie import train
    from reverie.records import read_table

    folder = tmp_path_factory.mktemp("trained")
    small = {"network.width": 16, "network.layers": 1, "training.batch": 16}
    with warnings.catch_warnings():
        train(read_table("pbc2").take(range(40)), folder / "patients", steps=3, settings=small)
        tiny = {"network.width": 8, "network.groups": 4, "network.blocks": 1, "training.batch": 8}
        train("digits", folder / "digits", steps=2, settings=tiny)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "workspace"
    path.mkdir()
    return path


@pytest.fixture
def trained(runs: Path, root: Path) -> Path:
    """The workspace with the two runs in it."""
    shutil.copytree(runs, root / "runs")
    return root


@pytest.fixture
def told() -> dict[str, Any]:
    """Settings that a test changes before it asks for the client."""
    return {}


@pytest.fixture
def client(root: Path, told: dict[str, Any]) -> Iterator[TestClient]:
    """Calls the app without a network. `client.jobs` are the jobs; a fault that nobody foresaw is raised here."""
    settings = Settings(workspace=root, free_bytes=0, **told)
    workspace = Workspace(root, settings)
    jobs = AtOnce(settings, workspace)
    app = create_app(settings, jobs)  # pyright: ignore[reportArgumentType]
    with TestClient(app, base_url="http://localhost") as found:
        found.jobs = jobs  # pyright: ignore[reportAttributeAccessIssue]
        yield found


@pytest.fixture
def work_of():
    """work_of(settings, workspace, home, attempt) -> Work and what is heard of it."""
    return make_work


@pytest.fixture(scope="session")
def at_once():
    """The class of jobs that are done at once."""
    return AtOnce
