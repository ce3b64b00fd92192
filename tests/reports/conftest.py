"""Three independent samples of one simulated cohort: what a perfect model would make; and a report on them."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from reverie.evaluation.cohort import Cohort
from reverie.records.cohort import simulate_art4hiv
from reverie.reports import Report, report_on_tables

PATIENTS, MONTHS = 150, 12


@pytest.fixture(scope="session")
def tables() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """train, holdout, synthetic; patients are numbered throughout."""
    frame = simulate_art4hiv(3 * PATIENTS, MONTHS, seed=0)
    first = pl.col("PatientID") - frame["PatientID"].min()
    return tuple(frame.filter(first // PATIENTS == part) for part in range(3))  # pyright: ignore[reportReturnType]


@pytest.fixture(scope="session")
def strange() -> ModuleType:
    """The module sections.py."""
    spec = importlib.util.spec_from_file_location("sections", Path(__file__).with_name("sections.py"))
    assert spec is not None and spec.loader is not None
    module = sys.modules["sections"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def read() -> list[str]:
    """The tables that were read for the healthy report, by name."""
    return []


@pytest.fixture(scope="session")
def healthy(tables, read) -> Report:
    once = Cohort.read

    def counted(frame, schema, name="table"):
        read.append(name)
        return once(frame, schema, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cohort, "read", counted)
        return report_on_tables(*tables, seed=0)


@pytest.fixture(scope="module")  # while it lives an event loop runs in this thread
def browser(chromium_path):
    """A headless browser; without one, tests of the page in it are skipped."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        found = started.chromium.launch(executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()
