"""Property-based tests draw the same examples in every run, and no test is decided by a clock."""

from __future__ import annotations

import gc
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import polars as pl

    from reverie.models import PatientModel

TESTS = Path(__file__).parent
TOGETHER = ("cli", "reports", "service/api", "shards")
"""Folders of which one process does all files."""
SECOND_HALF = "test_records.py"
"""Where the second half of the browser's files begins."""
LONGEST = ("docs", "browser", "training", "cli", "reports", "shards", "service", "evaluation", "planning", "models")
"""Folders that come first."""

settings.register_profile("reverie", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("reverie")

# One token for every local cluster of Ray, since a process keeps to the first that it has read.
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
# Its workers stand back behind everything else otherwise, and a test that waits for them does nothing meanwhile.
os.environ.setdefault("RAY_worker_niceness", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "multiply in bf16 on a processor that would take fp32, and in fp32 on one that would take bf16"
    parser.addoption("--other-precision", action="store_true", help=words)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # workers inherit what is said here
        import torch

        from reverie.training.hardware import VARIABLE, automatic_precision

        here = automatic_precision(torch.device("cpu"))
        there = {"fp32": "bf16", "bf16": "fp32"}[here]
        os.environ[VARIABLE] = there if config.getoption("--other-precision") else here  # of small networks too


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first."""
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).parts[0], len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What is made once for a file or a folder (a run, a cluster) is made in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class InOneProcess(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(Path(nodeid.partition("::")[0]).relative_to(TESTS.name))

    return InOneProcess(config, log)


def together(file: Path) -> str:
    """What stands for all files that one process does, of a file's path below the tests."""
    folder = file.parent.as_posix()
    if folder == "browser":  # for one process it is too much, and each has a browser and a server of its own
        return f"{folder}, {'first' if file.name < SECOND_HALF else 'second'} half"
    return folder if folder in TOGETHER else file.as_posix()


def pytest_collection_finish() -> None:
    """What is there now stays: looking through it again and again for what nobody holds takes a twentieth of all."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    import torch

    from reverie.training.hardware import automatic_precision

    terminalreporter.write_line(f"networks multiplied in {automatic_precision(torch.device('cpu'))}")


@pytest.fixture(scope="session")
def shown() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """with shown(): a training ends with what people look at, figures of patients or a sheet of pictures."""
    from reverie.sources import ImageSource, TableSource

    drawing = {kind: kind.show for kind in (ImageSource, TableSource)}

    @contextmanager
    def drawn() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for kind, show in drawing.items():
                patch.setattr(kind, "show", show)
            yield

    with pytest.MonkeyPatch.context() as patch:
        for kind in drawing:
            patch.setattr(kind, "show", lambda *_: None)
        yield drawn


@pytest.fixture(scope="session", autouse=True)
def _quick(shown: object) -> Iterator[None]:
    """Elsewhere nothing is drawn, what is put right after a training of patients rests on few draws, and how long a training
    will take is told from two steps: each takes longer than all else that a small training does. Whether it is put right
    well is a matter of records/test_calibration.py."""
    from reverie.records import calibrating
    from reverie.sources import estimate
    from reverie.training import seconds_per_step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(estimate, "seconds_per_step", lambda update, seconds: seconds_per_step(update, 0.0))
        for name, least in (("MOST", 300), ("SHARDS", 1), ("STATICS", 1)):
            patch.setattr(calibrating, name, least)
        yield


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """A Chromium of this machine; the shell, which is the engine without windows, takes half as long to begin."""
    for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("there is no Chromium on this machine")


@pytest.fixture(scope="session")
def drawn_model() -> Callable[..., PatientModel]:
    """drawn_model(table): a small model with every weight drawn: what is asked of it holds whatever was learned."""
    import torch

    from reverie.config import resolve
    from reverie.models import PatientModel
    from reverie.models.model import untrained
    from reverie.records import RecordCodec, Table
    from reverie.sources import TableSource

    small = {"network.width": 16, "network.layers": 1, "network.heads": 2, "training.precision": "fp32"}

    def of(table: Table) -> PatientModel:
        config = resolve(TableSource(table).about, 0, "records", small)
        codec = RecordCodec.from_config(RecordCodec.fit(table, config.codec).config)  # as it is saved and loaded
        network = untrained(config, codec.channels)
        draw = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in network.module.parameters():
                weight.add_(0.15 * torch.randn(weight.shape, generator=draw))
        network.module.eval()
        return PatientModel(config, codec, network)

    return of


@pytest.fixture(scope="session")
def hospital_tables() -> Callable[[int], dict[str, pl.DataFrame]]:
    """hospital_tables(patients): the little hospital of the tests of linked tables, by the name of the table."""
    file = TESTS / "records" / "linked" / "conftest.py"
    spec = importlib.util.spec_from_file_location("hospital", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.made_up


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of this session alone."""
    places = [str(place) for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    programs = [shutil.which(name, path=os.pathsep.join([*places, os.environ["PATH"]])) for name in ("initdb", "postgres")]
    if None in programs or importlib.util.find_spec("psycopg") is None:
        pytest.skip("there is no PostgreSQL here, or no client of it")
    initdb, postgres = map(str, programs)
    owner = "postgres" if os.getuid() == 0 else None  # it does not run as root
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="reverie-postgresql-") as folder:
        if owner:
            shutil.chown(folder, owner)
        data, password = Path(folder, "data"), Path(folder, "password")
        password.write_text("open sesame\n")
        password.chmod(0o644)
        options = [
            "--auth=trust",
            "--username=reverie",
            f"--pwfile={password}",
            "--no-sync",
            "--encoding=UTF8",
            "--no-locale",
        ]
        subprocess.run([initdb, "-D", data, *options], user=owner, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        # a database of which the password is asked, and all others, of which it is not
        rules = data / "pg_hba.conf"
        rules.write_text(f"host guarded all 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        command = [postgres, "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder]
        server = subprocess.Popen(command, user=owner, cwd=folder, stderr=subprocess.DEVNULL)
        status = data / "postmaster.pid"
        for _ in range(1000):
            if server.poll() is not None or (status.exists() and "ready" in status.read_text()):
                break
            time.sleep(0.03)
        yield f"postgresql://reverie@127.0.0.1:{port}/postgres"
        server.send_signal(signal.SIGINT)
        server.wait()
