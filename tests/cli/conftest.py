"""One small table and one small model of it, for all tests of the command line."""

from pathlib import Path

import pytest

from reverie.cli import main


def run(*arguments) -> int:
    """The exit code of a command in this process."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture(scope="session")
def reverie():
    return run


@pytest.fixture(scope="session")
def visits(tmp_path_factory) -> Path:
    """60 patients of the bundled cohort, as a file."""
    from reverie.records import read_table

    path = tmp_path_factory.mktemp("tables") / "visits.csv"
    read_table("pbc2").take(range(60)).frame.write_csv(path)
    return path


@pytest.fixture(scope="session")
def patients(tmp_path_factory, visits) -> Path:
    """A run trained on them for a few steps: its samples are poor, but they are samples."""
    out = tmp_path_factory.mktemp("runs") / "patients"
    small = ("--set", "width=16", "--set", "layers=1", "--set", "batch=32")
    assert run("train", visits, "--out", out, "--steps", 5, *small) == 0
    return out


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """A run on pictures."""
    out = tmp_path_factory.mktemp("runs") / "pictures"
    small = ("--set", "width=8", "--set", "groups=4", "--set", "blocks=1", "--set", "batch=16")
    assert run("train", "digits", "--out", out, "--steps", 2, *small) == 0
    return out
