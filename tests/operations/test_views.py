"""A prediction seen in four ways, asked for as users ask."""

import json
import math

import pytest
import torch
import typer
from typer.testing import CliRunner

from reverie import operations
from reverie.cli.derive import command
from reverie.process import NoiseSchedule

app = typer.Typer()
app.command()(command(operations.find("views")))


@pytest.mark.parametrize("kind", ["noise", "clean", "velocity", "score"])
def test_every_view_of_a_known_pair_is_found_from_any_one(kind):
    schedule, t, x_0, eps = NoiseSchedule.cosine(50), 20, torch.tensor([0.5, -1.0]), torch.tensor([0.25, 2.0])
    alpha_bar = float(schedule.alpha_bar[t])
    a, sigma = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
    known = {"noise": eps, "clean": x_0, "velocity": a * eps - sigma * x_0, "score": -eps / sigma}
    words = [",".join(map(str, values.double().tolist())) for values in (a * x_0 + sigma * eps, known[kind])]
    options = ("--t", str(t), "--state", words[0], "--kind", kind, "--value", words[1], "--schedule", "cosine")
    found = json.loads(CliRunner().invoke(app, [*options, "--set", "steps=50", "--json"]).output)
    assert found.pop("alpha_bar") == pytest.approx(alpha_bar, abs=1e-12)
    for name, values in known.items():
        assert found[name] == pytest.approx(values.tolist(), abs=1e-6), name


def test_a_state_and_a_value_of_different_lengths_are_refused():
    error = CliRunner().invoke(app, ["--t", "5", "--state", "1,2", "--value", "1"]).exception
    assert str(error) == "--state has 2 numbers and --value 1: give as many of each."


def test_a_step_beyond_the_schedule_is_refused():
    error = CliRunner().invoke(app, ["--t", "1001", "--state", "1", "--value", "1"]).exception
    assert str(error) == "t is one of 1..1000 on this schedule, not 1001."
