"""The recipes of docs/scaling.md: what a batch system or a cluster would run is run here, one task after the other."""

import os
import re
import subprocess
from pathlib import Path

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner

import reverie
from reverie.cli.app import app

TEXT = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the run that the recipes name."""
    place = tmp_path_factory.mktemp("cluster")
    small = {"network.width": 8, "network.layers": 1, "training.batch": 16}
    reverie.train("pbc2", place / "runs" / "pbc", steps=2, seed=0, settings=small)
    return place


def run(script: str, place: Path, **environment: str) -> None:
    """Does what the shell makes of a script's `reverie sample`, for fewer patients, with the recipe's volume here."""
    script = script.replace("/data/", f"{place}/").replace("reverie sample", "printf '%s\\n'")
    said = subprocess.run(["sh", "-c", script], env=os.environ | environment, capture_output=True, text=True, check=True)
    words = [{"100000": "4200"}.get(word, word) for word in said.stdout.splitlines()]
    ended = CliRunner().invoke(app, ["sample", *words, "--steps", "1", "--shard-size", "2048"])
    assert ended.exit_code == 0, ended.output


def test_tasks_of_a_batch_system_and_pods_of_a_job_make_the_same_folder(place, monkeypatch):
    monkeypatch.chdir(place)
    array, *_ = blocks("slurm")
    job = yaml.safe_load(blocks("yaml")[0])
    of = re.search(r"--array=1-(\d+)", array)
    assert of is not None
    count = int(of[1])
    for number in (2, 1, *range(3, count + 1)):
        run(array, place, SLURM_ARRAY_TASK_ID=str(number), SLURM_ARRAY_TASK_COUNT=str(count))
    spec = job["spec"]
    assert spec["completionMode"] == "Indexed" and spec["completions"] == count
    container = spec["template"]["spec"]["containers"][0]
    assert container["command"] == ["sh", "-c"]
    for number in range(count):
        run(container["args"][0].replace("exec ", ""), place, JOB_COMPLETION_INDEX=str(number))
    one, other = (
        {path.name: path.read_bytes() for path in (place / name).iterdir() if path.is_file()}
        for name in ("made-by-slurm", "made-by-pods")
    )
    assert one == other and "_manifest.json" in one
    identifiers = pl.read_parquet(place / "made-by-slurm" / "*.parquet")["id"]
    assert identifiers.n_unique() == 4200
