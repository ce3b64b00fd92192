"""docs/api.md is run: its curl lines and its Python, from top to bottom, against one server in a workspace of its own."""

import importlib.resources
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

SERVER = "http://127.0.0.1:8000"
_spec = importlib.util.spec_from_file_location("documents", Path(__file__).with_name("test_documents.py"))
assert _spec is not None and _spec.loader is not None
documents = importlib.util.module_from_spec(_spec)  # how blocks and commands are read is told once
_spec.loader.exec_module(documents)


@pytest.fixture
def server(tmp_path):
    command = [sys.executable, "-m", "reverie", "serve", "--workspace", str(tmp_path / "work"), "--port", "0"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "REVERIE_WAIT_SECONDS": "120"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
        assert process.wait(60) == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_every_call_of_the_document_is_answered_as_it_says(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = importlib.resources.files("reverie.records") / "data" / "pbc2.csv"
    few = ["id", "year", "status", "drug", "age", "sex", "ascites", "serBilir", "albumin"]  # a figure for each takes long
    pl.read_csv(table, columns=few, null_values="NA").filter(pl.col("id") <= 120).write_csv("visits.csv")
    (tmp_path / "hospital").mkdir()
    for name, text in documents.HOSPITAL.items():
        (tmp_path / "hospital" / f"{name}.csv").write_text(text)
    names: dict[str, object] = {"__name__": "__document__"}
    ran = 0
    for language, content, line in documents.blocks(documents.ROOT / "docs" / "api.md"):
        content = content.replace(SERVER, server)
        if language == "python":
            exec(compile(content, f"api.md:{line}", "exec"), names)
            continue
        for words in documents.commands(content):
            assert words[0] == "curl"
            replied = subprocess.run([*words, "--fail-with-body"], capture_output=True, text=True, timeout=120)
            assert replied.returncode == 0, f"api.md:{line}: {replied.stdout}"
            assert "status" not in (body := json.loads(replied.stdout)), body
            ran += 1
    assert ran >= 12
    for name in ("analysis", "forward", "denoising"):
        assert (tmp_path / "work" / "figures" / f"{name}.png").stat().st_size > 1000
    assert (tmp_path / "work" / "tables" / "women.csv").read_text().count("female") >= 10
