"""A new way of training is one class: the loop restores, logs, validates, saves and stops for it, and times it."""

from __future__ import annotations

import ast
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from reverie import training
from reverie.process.randomness import generator
from reverie.training import Budget, Callbacks, StepReport, Stopped, TrainingState, Update, fit, seconds_per_step
from reverie.training.ema import EMA
from reverie.training.metrics import read

CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class LineUpdate(Update):
    """Learns y = 3 x + 1 from points that are drawn at every step."""

    module: nn.Linear = field(default_factory=lambda: nn.Linear(1, 1))
    device: torch.device = CPU
    seed: int = 0
    subject = " of the line"

    def begin(self, budget: Budget) -> TrainingState:
        return TrainingState(self.module, EMA(self.module, 0.5), torch.optim.Adam(self.module.parameters()), budget)

    def prepare(self, state: TrainingState) -> list[str]:
        return ["a line is learned"]

    def step(self, state: TrainingState) -> StepReport:
        x = torch.randn(64, 1, generator=generator(self.seed, "points", state.step))
        state.begin_step(0.3 * (1 - state.budget.progress(state.step)))
        loss = (self.module(x) - (3 * x + 1)).square().mean()
        loss.backward()
        state.take_step()
        value = float(loss.detach())
        return StepReport(value, 0.0, lambda: {"loss": value}, 64)


def line() -> LineUpdate:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return LineUpdate()


def trained(run: Path, callbacks: Callbacks | None = None) -> dict[str, Tensor]:
    return fit(run, line(), Budget(((0, 60),)), callbacks)


def numbers(run: Path) -> list[dict]:
    return [{name: value for name, value in at.items() if name != "samples_per_second"} for at in read(run)]


def test_it_trains_and_the_loop_writes_what_it_reports(tmp_path: Path) -> None:
    steps, said, written = [], [], []
    callbacks = Callbacks(lambda *at: steps.append(at), said.append, lambda *at: written.append(at))
    weights = trained(tmp_path, callbacks)
    assert float(weights["weight"]) == pytest.approx(3, abs=0.05) and float(weights["bias"]) == pytest.approx(1, abs=0.05)
    assert steps == [(k, 60) for k in range(1, 61)] and said == ["a line is learned"]
    assert [step for step, _ in written] == [at["step"] for at in read(tmp_path) if "loss" in at] == [1, 20, 40, 60]
    assert all(set(values) == {"loss", "samples_per_second"} for _, values in written)


@pytest.mark.parametrize("step", [1, 33])
def test_it_resumes_to_the_same_bits(tmp_path: Path, step: int) -> None:
    stop = Callbacks(on_step=lambda done, total: os.kill(os.getpid(), signal.SIGTERM) if done == step else None)
    with pytest.raises(Stopped, match=f"stopped at step {step} of 60 of the line, saved"):
        trained(tmp_path / "broken", stop)
    resumed, whole = trained(tmp_path / "broken"), trained(tmp_path / "whole")
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    assert numbers(tmp_path / "broken") == numbers(tmp_path / "whole")


def test_it_is_timed_and_the_weights_stay_as_they_were(tmp_path: Path) -> None:
    update, fresh = line(), line()
    assert seconds_per_step(update, 0.0) > 0
    weights = zip(update.module.parameters(), fresh.module.parameters(), strict=True)
    assert all(torch.equal(now, before) for now, before in weights)
    again = fit(tmp_path / "timed", update, Budget(((0, 60),)))
    assert all(torch.equal(again[name], value) for name, value in trained(tmp_path / "fresh").items())


def test_the_loop_knows_no_update() -> None:
    """Nor does anything that the updates are made of."""
    folder = Path(training.__file__).parent
    for path in folder.glob("*.py"):
        names = [node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        assert path.name == "__init__.py" or not any("updates" in name for name in names), path
