"""An S3 server on loopback, and machines that share it and nothing else."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.importorskip("obstore")

from reverie.service.objects import open_workspace
from reverie.service.settings import Settings
from reverie.service.workspace import Workspace

BUCKET = "bucket"
NUMBER = itertools.count()


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, str]]:
    """The variables of a store that all tests of a module share; each takes a prefix of its own."""
    pytest.importorskip("moto")
    import s3  # only here, for it takes a second, and whoever collects tests imports this file

    server = s3.serve(BUCKET)
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables
    server.shutdown()
    server.server_close()


@pytest.fixture
def machine(storage: dict[str, str], tmp_path: Path) -> Callable[..., Workspace]:
    """machine(**settings) -> the workspace as one more machine has it, in a folder of its own."""
    address, count = f"s3://{BUCKET}/{next(NUMBER)}", itertools.count()

    def make(**given: Any) -> Workspace:
        settings = {"workspace": tmp_path / f"machine{next(count)}", "objects": address, "free_bytes": 0}
        return open_workspace(Settings(**{**settings, **given}))

    return make
