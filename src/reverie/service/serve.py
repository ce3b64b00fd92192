"""Running the service: one process that answers, its workers, and an orderly end.

SIGTERM or SIGINT   not ready (503 on /readyz) and no new jobs; running jobs may end within grace_seconds; then what still
                    runs is stopped and kept for the next start, every open call gets its answer, and the exit code is 0
once more           stops at once
"""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from reverie.errors import UsageError
from reverie.service import logs, numbers
from reverie.service.app import create_app
from reverie.service.http_timeout import patient
from reverie.service.settings import Settings

__all__ = ["Server", "listening", "serve"]

RESERVE = 0.2
"""Part of the grace that is kept for open calls, once no job runs any more."""


def serve(settings: Settings, announce: Callable[[str], None], ask: Callable[..., bytes] = numbers.answer) -> int:
    """Serves until a signal; `announce` is told the address once calls are answered. Returns the exit code.

    `ask` gives what needs torch: see `numbers`.

    Raises UsageError if the address is not of this machine and no keys are set, if it is taken, or if another server works
    in the workspace.
    """
    if not settings.loopback and settings.keys is None:
        raise UsageError(
            f"{settings.host} can be reached from other machines, so callers need API keys: make one with "
            "reverie serve key NAME --keys keys.json, then serve with --keys keys.json. Or stay on 127.0.0.1."
        )
    logs.configure()
    with listening(settings) as listener:
        app = create_app(settings, ask=ask)
        with _alone(app.state.workspace.state):
            server = Server(app, settings, announce)
            server.run([listener])
    return 1 if server.force_exit else 0


class Server(uvicorn.Server):
    """`announce` is told the address when calls are answered."""

    def __init__(self, app: FastAPI, settings: Settings, announce: Callable[[str], None]) -> None:
        config = uvicorn.Config(
            app,
            http=patient(settings.read_seconds, settings.connections),
            ws="none",
            lifespan="on",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=int(max(5, settings.read_seconds)),
            timeout_graceful_shutdown=max(1, int(settings.grace_seconds * RESERVE / 2)),
            h11_max_incomplete_event_size=4 * settings.header_bytes,  # what is a little too long gets a proper 431
        )
        super().__init__(config)
        self.app, self.settings, self.announce = app, settings, announce
        app.state.connections = lambda: len(self.server_state.connections)
        self._stopping = threading.Thread(target=self._stop, name="stop", daemon=True)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            self.announce(_address(self.settings.host, sockets[0]))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.app.state.draining:
            self.force_exit = self.should_exit = True
        self.app.state.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second. Calls are answered until the last job has ended or is saved."""
        if self.app.state.draining and self._stopping.ident is None:
            logs.say("stopping", grace=self.settings.grace_seconds)
            self.app.state.jobs.close_admission()
            self._stopping.start()
        elif self._stopping.ident is not None and not self._stopping.is_alive():
            self.should_exit = True
        return await super().on_tick(counter)

    def _stop(self) -> None:
        """In a thread: the calls that wait for jobs go on, and are answered when this is done."""
        self.app.state.jobs.stop(self.settings.grace_seconds * (1 - RESERVE))


def _address(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket that calls come in by. Raises UsageError if the address is taken, or not of this machine.

    Connections inherit its TCP_NODELAY, without which the second part of an answer waits some 40 ms for the first to be
    acknowledged. asyncio sets it only on sockets that name their protocol, and those of create_server do not.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "another program has it" if taken else "this machine has no such address"
        raise UsageError(
            f"cannot listen on {settings.host} port {settings.port}: {reason}. Choose another with --port or --host."
        ) from error
    with listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """One server for each workspace: the ledger of jobs has one writer. The lock goes with the process, however it ends."""
    import fcntl  # not on every system: where it is missing, the workspace has said so before

    handle = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"another server works in this workspace, {state.parent}: stop it, or choose another with --workspace."
            ) from error
        yield
    finally:
        os.close(handle)
