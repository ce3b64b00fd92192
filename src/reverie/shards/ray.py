"""Ray: shards as core tasks on the machines of a cluster, or on a local one that is started for them and stopped.

    driver:  order (a line of JSON), number  ->  worker:  folder.make  ->  driver:  record, or a sentence

Each worker writes its own file into a folder that all machines see; Ray carries texts and nothing else, and its own writer
of files is not used: what it wrote twice or lost when a task is tried again, no one would find. A task whose worker is
killed is tried again, and makes the same bytes.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from reverie import errors
from reverie.errors import DataError, ReverieError, UsageError
from reverie.shards.folder import make
from reverie.shards.work import Work, order, rebuilt

__all__ = ["Ray"]

RETRIES = 5
"""How often a shard is tried again whose worker was killed, or whose machine was lost."""
WAIT = 5.0
"""Seconds until an address must answer as a server of gRPC does."""
STORE = 100_000_000
"""Bytes of shared memory of a local cluster: only texts go through it."""
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a connection of HTTP/2, and so of gRPC, begins: the preface, and empty settings (RFC 9113, 3.4)."""
SETTINGS = 4
"""The kind of the frame that answers it."""
LOCAL = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_health_check_timeout_ms": "60000",
    "RAY_health_check_failure_threshold": "30",
}
"""By these Ray listens on 127.0.0.1 alone (the first has this use on every system), and to no one without a token; and does
not take a machine that is busy for one that was lost, where there is no other."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}


@dataclass(frozen=True)
class Ray:
    """Makes shards on a Ray cluster.

    Attributes:
        address: HOST:PORT of the head of a cluster; without one, a local cluster is started and stopped.
        workers: how many processes a local cluster has; one for each core if left out.
        retries: how often a shard is tried again that took its worker with it.
        wait: seconds after which a cluster that does not take this driver is given up.
    """

    address: str | None = None
    workers: int | None = None
    retries: int = RETRIES
    wait: float = 60.0

    def run(self, work: Work, folder: Path, numbers: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """See Engine. At most two tasks a core are given to the cluster at a time, so a driver of many shards holds little.

        Raises UsageError for no Ray and for an address at which no such cluster is; DataError where a worker lacks what it
        needs, or is killed again and again.
        """
        text, place = order(work), str(folder.resolve())
        with self.connected() as ray:
            task = ray.remote(num_cpus=1, max_retries=self.retries)(_made)
            left, waiting = iter(numbers), {}
            try:
                while True:
                    room = 2 * max(int(ray.cluster_resources().get("CPU", 1)), 1) - len(waiting)
                    waiting |= {task.remote(text, number, place): number for number in islice(left, max(room, 0))}
                    if not waiting:
                        return
                    for ended in ray.wait([*waiting], num_returns=1)[0]:
                        number = waiting.pop(ended)
                        yield number, self._record(ray, ended, folder / work.name(number))
            finally:
                for unwanted in waiting:
                    ray.cancel(unwanted, force=True)

    def _record(self, ray: Any, ended: Any, path: Path) -> dict[str, Any]:
        """What a task came to. Raises what it raised."""
        try:
            told = json.loads(ray.get(ended))
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
            raise DataError(
                f"the worker that makes {path.name} was ended from outside {self.retries + 1} times, as by a system out of "
                "memory: give workers more memory, or a machine fewer of them, and call again, which keeps what is made."
            ) from error
        except ray.exceptions.RayTaskError as error:
            if "No module named 'reverie" in str(error):
                raise DataError(
                    "a worker of the Ray cluster has no reverie: pip install 'reverie[distributed]' on all machines."
                ) from error
            raise
        except ray.exceptions.RayError as error:
            raise DataError(
                "the Ray cluster was lost, or the machine of a worker again and again: call again, which keeps what is made."
            ) from error
        if "record" in told:
            return told["record"]
        raise getattr(errors, told["error"])(f"{told['sentence'].rstrip('.')} (a worker on {told['host']}).")

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """The library, connected to the cluster."""
        ray = _library(self.address is None)
        quiet = {"configure_logging": False, "log_to_driver": False}
        folder = tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)
        with _stopped_in_order() as take_signals, folder as place:
            try:
                if self.address is not None:
                    _check_address(self.address)
                    self._within(lambda: ray.init(address=self.address, **quiet))
                else:
                    cores = self.workers or os.cpu_count() or 1
                    small = {"include_dashboard": False, "object_store_memory": STORE, "_temp_dir": place}
                    ray.init(address="local", num_cpus=cores, **small, **quiet)
                take_signals()  # Ray has put its own in the place
                yield ray
            finally:
                ray.shutdown()
                for _ in range(0 if self.address else 50):  # its processes write to the last
                    shutil.rmtree(place, ignore_errors=True)
                    if not Path(place).exists():
                        break
                    time.sleep(0.1)

    def _within(self, connect: Callable[[], Any]) -> None:
        """Connects, in a thread of its own, for Ray waits for minutes where it does not find what it looks for.

        A local cluster is not begun so: its processes end with the thread that began them.
        """
        failed: list[BaseException] = []

        def attempt() -> None:
            try:
                connect()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(self.wait)
        if thread.is_alive():
            raise UsageError(
                f"no Ray cluster at {self.address} took this driver within {self.wait:g} seconds: give the address that ray "
                "start --head prints, and the token of the cluster if it has one (RAY_AUTH_TOKEN)."
            )
        if failed:
            raise _refused(failed[0], self.address) from failed[0]


def _made(text: str, number: int, folder: str) -> str:
    """The task: makes a shard in whatever process Ray gives it, and tells its record, or what went wrong."""
    try:
        if not Path(folder).is_dir():
            raise DataError(f"{folder} is not seen there: name a folder on storage that all machines of the cluster share.")
        return json.dumps({"record": make(rebuilt(text), number, Path(folder))})
    except ReverieError as error:
        return json.dumps({"error": type(error).__name__, "sentence": str(error), "host": socket.gethostname()})


@contextmanager
def _stopped_in_order() -> Iterator[Callable[[], None]]:
    """Within it SIGTERM ends this process as Ctrl-C does, where it would just end it; yields what sees to it anew."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    def take() -> None:
        signal.signal(signal.SIGTERM, stop if before == signal.SIG_DFL else before)

    take()
    try:
        yield take
    finally:
        signal.signal(signal.SIGTERM, before)


def _library(local: bool) -> Any:
    """Ray. Raises UsageError where it is not installed."""
    told = QUIET | (LOCAL | {"RAY_AUTH_TOKEN": secrets.token_hex(32)} if local else {})
    for name, value in told.items():  # Ray takes these in no other way, and before it is imported
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise UsageError("the engine ray is not installed: pip install 'reverie[distributed]'.") from error
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    inside: Any = import_module("ray._private.worker")
    inside.print_to_stdstream = lambda *_, **__: None  # it would tell stdout of each worker that was lost
    return ray


def _check_address(address: str) -> None:
    """Raises UsageError unless something at HOST:PORT answers as a server of gRPC does, which Ray's head is."""
    found = re.fullmatch(r"\[?([^/@]+?)\]?:(\d{1,5})", address)
    if not found or not 0 < int(found[2]) < 65536:
        raise UsageError(f"the address of a Ray cluster is HOST:PORT, as ray start --head prints it, not {address!r}.")
    advice = "start one there with ray start --head, or leave the address out for a local one."
    try:
        with socket.create_connection((found[1], int(found[2])), WAIT) as server:
            server.settimeout(WAIT)
            server.sendall(GREETING)
            answer = server.recv(9)
    except OSError as error:
        raise UsageError(f"no Ray cluster answers at {address}: {advice}") from error
    if len(answer) < 4 or answer[3] != SETTINGS:
        raise UsageError(f"what answers at {address} is no Ray cluster: {advice}")


def _refused(error: BaseException, address: str | None) -> BaseException:
    """What Ray raised when it was asked to connect, in a sentence."""
    told = " ".join(str(error).split())
    if "ersion mismatch" in told:
        both = re.findall(r"(Ray|Python): ?([\d.]+\w*)", told)
        there, here = (", ".join(f"{name} {version}" for name, version in side) for side in (both[:2], both[2:4]))
        return UsageError(
            f"the cluster at {address} has {there or 'another version'}, and here is {here or 'another'}: install the same "
            "versions of both on all machines."
        )
    if "uthenticat" in told or "token" in told.lower():
        return UsageError(f"the cluster at {address} wants a token: set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN as there.")
    if isinstance(error, Exception) and not isinstance(error, ReverieError):
        where = f"at {address}" if address else "on this machine"
        return UsageError(f"no Ray cluster could be had {where}: {told[:300]}")
    return error
