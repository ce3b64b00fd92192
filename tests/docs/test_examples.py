"""The example scripts and the notebook run, write only into the folder they are given, and show what they say."""

import runpy
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))

SAYS = {
    "01_schedule.py": ("alpha_bar_T = 0.0794", "schedules.png"),
    "02_forward_reverse.py": ("ends exactly at x_0: True", "forward_reverse.png"),
    "03_exact_sampling.py": ("rms to the nearest digit 0.0000", "exact_samples.png"),
    "04_train_and_sample.py": ("step 30 of 30", "samples.png"),
    "05_guidance.py": ("scale 1: 98% nearest", "guidance.png"),
    "06_own_denoiser.py": ("module: height 1.0", "own_denoiser.png"),
    "07_records.py": ("31 patients seen twice more", "run/figures/trajectories.png"),
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_an_example_runs_and_writes_only_where_it_is_told(script, tmp_path, monkeypatch, capsys, shown):
    given, here = tmp_path / "given", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "argv", [str(script), str(given)])
    with shown():
        runpy.run_path(str(script), run_name="__main__")
    words, picture = SAYS[script.name]
    said = capsys.readouterr().out
    assert words in said
    assert np.ptp(np.asarray(Image.open(given / picture))) > 200, "an even picture shows nothing"
    assert list(here.iterdir()) == []
    if script.name == "03_exact_sampling.py":  # all end at digits, and eta 1 is ancestral
        lines = [line.partition("numbers ")[2] for line in said.splitlines() if "nearest" in line]
        assert len(lines) == 4 and lines[2] == lines[3] != lines[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells), f"{path.name} is kept without outputs"
    done = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    text = "".join(output.get("text", "") for output in outputs)
    assert "ends at the 3: True" in text and "alpha_bar_200 = 0.1322" in text
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3


def test_every_script_is_short_and_says_how_to_run_it():
    for script in SCRIPTS:
        text = script.read_text()
        assert f"python examples/{script.name} [FOLDER]" in text and len(text.splitlines()) < 80, script.name
