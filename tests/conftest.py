"""Property-based tests draw the same examples in every run, and no test is decided by a clock."""

import os

import pytest
from hypothesis import HealthCheck, settings

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
