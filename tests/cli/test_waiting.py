"""Threads spin while they wait on idle cores, and sleep on busy ones, unless someone said how."""

import os

import pytest

from reverie.cli import waiting


@pytest.mark.parametrize(
    ("line", "given", "then"),
    [
        ("0.00 0.01 0.05 1/402 11206", {}, None),  # the reader alone
        ("9.99 9.99 9.99 1/402 11206", {}, None),  # whoever ran before has ended
        ("0.00 0.01 0.05 2/402 11206", {}, "0"),
        ("0.00 0.01 0.05 9/402 11206", {"GOMP_SPINCOUNT": "7"}, "7"),
        ("0.00 0.01 0.05 9/402 11206", {"OMP_WAIT_POLICY": "ACTIVE"}, None),
        ("", {}, None),
        (None, {}, None),  # another system
    ],
)
def test_threads_sleep_where_others_run_and_whoever_said_how_is_obeyed(line, given, then, tmp_path, monkeypatch):
    monkeypatch.setattr(waiting, "RUNNING", tmp_path / "loadavg")
    if line is not None:
        (tmp_path / "loadavg").write_text(line + "\n")
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
        if name in given:
            monkeypatch.setenv(name, given[name])
    waiting.choose()
    found = os.environ.get("GOMP_SPINCOUNT")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    assert found == then
