"""Property-based tests draw the same examples in every run, and no test is decided by a clock."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from reverie.models import PatientModel

settings.register_profile("reverie", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("reverie")


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "multiply in bf16 on a processor that would take fp32, and in fp32 on one that would take bf16"
    parser.addoption("--other-precision", action="store_true", help=words)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--other-precision") and not hasattr(config, "workerinput"):  # workers inherit what is said here
        import torch

        from reverie.training.hardware import VARIABLE, automatic_precision

        here = automatic_precision(torch.device("cpu"))
        os.environ[VARIABLE] = {"fp32": "bf16", "bf16": "fp32"}[here]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in a browser come first: they take longest, and a browser that a process begins late, when it has grown by
    thousands of tests, has been seen to crash at its first page."""
    items.sort(key=lambda item: "browser" not in getattr(item, "fixturenames", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    import torch

    from reverie.training.hardware import automatic_precision

    terminalreporter.write_line(f"networks multiplied in {automatic_precision(torch.device('cpu'))}")


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
