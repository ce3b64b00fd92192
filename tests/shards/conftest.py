"""A cluster of Ray on this machine, and work of which a worker knows by name."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from reverie.shards.ray import LOCAL, QUIET

HERE = Path(__file__).parent / "cluster"
SOURCE = Path(__file__).parents[2] / "src"
sys.path.append(str(HERE))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """HOST:PORT of a cluster of two processes that listens on 127.0.0.1 alone."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'reverie[distributed]'")
    folder = tmp_path_factory.mktemp("r", numbered=False)
    paths = {"PYTHONPATH": f"{HERE}:{SOURCE}"}
    told = QUIET | LOCAL
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = ["start", "--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2"]
    small = ["--include-dashboard=false", "--object-store-memory=80000000", "--disable-usage-stats", f"--temp-dir={folder}"]
    with (folder / "said").open("w") as said:
        head = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", *start, *small],
            env=os.environ | paths,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            if "Ray runtime started" in (folder / "said").read_text() or head.poll() is not None:
                break
            time.sleep(0.1)
        assert head.poll() is None, (folder / "said").read_text()
        yield f"127.0.0.1:{port}"
    finally:
        head.terminate()
        head.wait(60)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def bytes_of():
    """bytes_of(folder): its files by name."""
    return lambda folder: {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
