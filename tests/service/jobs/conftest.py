"""Jobs over a workspace of their own, with real worker processes that know the chores."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from watching import Server, until

from reverie.service.jobs import Jobs, supervisor
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace


@pytest.fixture(autouse=True)
def _chores_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the workers too: they are processes of their own. One that was killed has a successor soon."""
    monkeypatch.setenv("PYTHONPATH", _here())
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE", supervisor.FIRST_PAUSE)


def _here() -> str:
    return os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Both kinds of ledger."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgresql")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture
def open_jobs(root: Path) -> Iterator[Callable[..., Jobs]]:
    """Makes the server's side of all jobs, with these settings; it is stopped when the test is over."""
    running: list[Jobs] = []

    def make(begin: bool = True, **given: Any) -> Jobs:
        settings = Settings(workspace=root, free_bytes=0, **given)
        jobs = Jobs(settings, Workspace(root, settings), "chores:TASKS")
        running.append(jobs)
        if begin:
            jobs.start()
        return jobs

    yield make
    for jobs in running:
        jobs.stop(0.5)
        jobs.close()


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """Jobs with a worker of the quick lane alone, for tests of one file that leave them as they were."""
    root = tmp_path_factory.mktemp("jobs") / "work"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", _here())
        settings = Settings(workspace=root, free_bytes=0, slow_workers=0)
        made = Jobs(settings, Workspace(root, settings), "chores:TASKS")
        made.start()
        yield made
        made.stop(0.5)
        made.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The whole service, for tests that leave it as it was."""
    running = Server(tmp_path_factory.mktemp("served") / "work", wait_seconds=5)
    until(lambda: running.do("echo")[0] == 200)
    yield running
    running.kill()


@pytest.fixture
def open_server(root: Path) -> Iterator[Callable[..., Server]]:
    """Starts the whole service in a process of its own, with these settings."""
    running: list[Server] = []

    def start(**given: Any) -> Server:
        running.append(Server(root, **given))
        return running[-1]

    yield start
    for server in running:
        if server.process.poll() is None:
            server.kill()
