"""A server on a free port of loopback, over a workspace of its own, with jobs that do nothing: for laws of the edge."""

import contextlib
import http.client
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from reverie.service.app import create_app
from reverie.service.jobs.overview import LaneView, Overview
from reverie.service.serve import Server, listening
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace


class Idle:
    """Jobs of which there are none."""

    def __init__(self) -> None:
        self.running, self.admitting, self.stopped = 0, True, False
        self.lanes = {lane: LaneView(workers=1, own=1) for lane in ("quick", "slow")}
        self.usable = True

    def start(self) -> None: ...

    def stop(self, grace: float) -> None:
        until = time.monotonic() + grace
        while self.running and time.monotonic() < until:
            time.sleep(0.01)
        self.stopped = True

    def close(self) -> None: ...

    def check_unused(self, name: str, writes_only: bool = False) -> None: ...

    @contextmanager
    def changing(self, *names: str, replaces: bool = True) -> Iterator[None]:
        yield

    def held(self) -> list[Any]:
        return []

    def close_admission(self) -> None:
        self.admitting = False

    def overview(self) -> Overview:
        return Overview(self.lanes, usable=self.usable)

    def hear(self, on_end: Callable[[Any], None]) -> None: ...


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """A running server."""

    app: FastAPI
    port: int
    jobs: Idle
    server: Server
    thread: threading.Thread

    @property
    def workspace(self) -> Workspace:
        return self.app.state.workspace

    @property
    def root(self) -> Path:
        return self.workspace.root

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        """One request on a connection of its own. A dict is sent as JSON; an iterator in chunks, without a length."""
        headers = headers or {}
        if isinstance(body, dict | list):
            body = json.dumps(body).encode()
            headers = {"content-type": "application/json"} | headers
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return Reply(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def raw(self, content: bytes) -> bytes:
        """What comes back for these very bytes, until the server closes. A reset counts as a close."""
        found = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as wire, contextlib.suppress(ConnectionError):
            wire.sendall(content)
            while part := wire.recv(65_536):
                found += part
        return found


@contextmanager
def _running(folder: Path, prepare: Callable[[FastAPI], None], given: dict[str, Any]) -> Iterator[Site]:
    settings = Settings(**{"workspace": folder, "port": 0, "free_bytes": 0, **given})
    jobs, ready = Idle(), threading.Event()
    app = create_app(settings, jobs)  # pyright: ignore[reportArgumentType]
    prepare(app)
    server = Server(app, settings, lambda address: ready.set())
    with listening(settings) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        assert ready.wait(60), "the server did not start"
        try:
            yield Site(app, listener.getsockname()[1], jobs, server, thread)
        finally:
            jobs.running = 0
            if not app.state.draining:
                server.handle_exit(15, None)
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def serving(tmp_path):
    """serving(prepare, **settings) -> Site; all are stopped at the end of the test."""
    with ExitStack() as sites:
        count = itertools.count()

        def start(prepare: Callable[[FastAPI], None] = lambda app: None, **given: Any) -> Site:
            return sites.enter_context(_running(tmp_path / f"workspace{next(count)}", prepare, given))

        yield start


@pytest.fixture
def site(serving) -> Site:
    return serving()


@pytest.fixture(scope="module")
def steady(tmp_path_factory) -> Iterator[Site]:
    """One server for all tests of a module that change nothing."""
    with _running(tmp_path_factory.mktemp("steady"), lambda app: None, {}) as site:
        yield site
