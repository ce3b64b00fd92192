"""What training on linked tables is said to take goes with what it takes, also where a column has many codes."""

import json
import subprocess
import sys
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from reverie.planning import Options
from reverie.planning.plan import prepare
from reverie.sources import LinkedSource
from reverie.sources.estimate import PROCESS
from reverie.sources.linked_estimate import fitting
from reverie.training import Callbacks

STEPS = """
import json, torch
from pathlib import Path
from reverie.planning import Options
from reverie.planning.plan import prepare
from reverie.training import Budget, denoising
from tests.planning.test_linked_estimate import coded
torch.set_num_threads(1)
plan = prepare(coded(1500), Options(steps=1))
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
begun = peak()
update = denoising(plan.network, plan.train, plan.config.training, 0, plan.device)
state = update.begin(Budget(((0, 10),)))
for state.step in range(3):
    update.step(state)
print(json.dumps([plan.estimate.memory, peak() - begun]))
"""

FITTED = """
import json, torch
from pathlib import Path
from reverie.records.linked import LinkedCodec
from reverie.sources import LinkedSource
from reverie.sources.linked_estimate import fitting
from tests.planning.test_linked_estimate import coded
torch.set_num_threads(1)
source = LinkedSource.read(coded(100, 200, 40))
source.forms
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
begun = peak()
codec = LinkedCodec.fit(source.forms, source.grown, {})
print(json.dumps([fitting(source.grown, codec), peak() - begun]))
"""


def coded(levels, patients=100, rows=60):
    """Patients with events of so many codes at most."""
    draw, n = np.random.default_rng(0), patients * rows
    when = [datetime(2026, 1, 1) + timedelta(hours=int(hours)) for hours in draw.integers(0, 9000, n)]
    code = [f"C{number:05d}" for number in draw.integers(0, levels, n)]
    events = {"patient_id": np.repeat(np.arange(patients), rows), "taken": when, "code": code}
    people = pl.DataFrame({"patient_id": range(patients), "sex": ["f", "m"] * (patients // 2)})
    return {"patients": people, "events": pl.DataFrame(events)}


def test_memory_that_is_told_is_about_that_which_steps_take():
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    told, taken = json.loads(done.stdout.splitlines()[-1])
    assert 0.4 < (told - PROCESS) / taken < 4


def test_memory_that_is_told_counts_what_fitting_of_classes_takes():
    done = subprocess.run([sys.executable, "-c", FITTED], capture_output=True, text=True, check=True)
    told, taken = json.loads(done.stdout.splitlines()[-1])
    assert 0.5 < told / taken < 3
    source = LinkedSource.read(coded(100, 60))
    plan = prepare(source, Options(steps=1))
    assert plan.estimate is not None and plan.estimate.memory > PROCESS + fitting(source.grown, plan.codec) > 1.1 * PROCESS


def test_memory_that_is_told_counts_codes_and_is_said_first():
    told = []
    for levels in (40, 400):
        said: list[str] = []
        plan = prepare(LinkedSource.read(coded(levels, 30)), Options(steps=1), Callbacks(log=said.append))
        assert plan.estimate is not None and said[0] == plan.estimate.sentence and "memory about" in said[0]
        told.append(plan.estimate.memory)
    rows = 40 * 60
    assert told[1] - told[0] > 4 * rows * (400 - 40)  # a number for each level of each row of a batch, at least
