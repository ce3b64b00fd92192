"""A budget in minutes holds when the pace changes, and what was run can be run again to the same bits."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import reverie
from reverie import config
from reverie.denoisers.network import Network
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.training import Batch, Budget, Callbacks, Stopped, TrainingSettings, denoising, fit
from reverie.training.budget import Entries
from reverie.training.metrics import read
from reverie.training.optimizer import learning_rate

CPU = torch.device("cpu")


class Clock:
    """Stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def taken(seconds: float, guess: float, pace: Callable[[float], float]) -> tuple[float, Budget]:
    """How long a run takes whose step at time t lasts pace(t), planned by a guess of that; and its budget."""
    clock = Clock()
    budget = Budget(((0, max(1, round(seconds / guess))),), seconds, clock.now, clock)
    step = 0
    while step < budget.steps:
        clock.now += pace(clock.now - 100)
        step += 1
        budget.keep(step, CPU)
    return clock.now - 100, budget


@pytest.mark.parametrize("budget", [6.0, 60.0, 300.0])
@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 0.8])
@pytest.mark.parametrize("factor", [3.0, 1 / 3])
@pytest.mark.parametrize("step", [0.02, 0.15])
def test_the_minutes_hold_within_a_tenth_when_the_load_changes_threefold(budget, at, factor, step):
    jitter = itertools.cycle([0.8, 1.0, 1.1, 1.0, 0.9, 1.2])
    seconds, after = taken(budget, step, lambda t: step * next(jitter) * (factor if t >= at * budget else 1))
    assert abs(seconds - budget) <= 0.1 * budget
    assert len(after.entries) < 60, "entries are added where they must be, not at every step"


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_the_minutes_leave_room_for_what_follows_training(factor):
    clock, pace = Clock(), 0.1
    budget = Budget(((0, 500),), 60.0, clock.now, clock, after=100)
    step = 0
    while step < budget.steps:
        clock.now += pace * (factor if clock.now > 120 else 1)
        step += 1
        budget.keep(step, CPU)
    assert clock.now - 100 + 100 * pace * factor == pytest.approx(60, rel=0.1)


def test_steps_of_seconds_end_within_one_of_them():
    for guess in (0.11, 3.2, 9.0):
        seconds, _ = taken(60, guess, lambda t: 3.2)
        assert abs(seconds - 60) <= 3.2


def test_a_steady_pace_changes_nothing():
    seconds, budget = taken(60, 0.1, lambda t: 0.1)
    assert budget.entries == ((0, 600),) and seconds == pytest.approx(60, abs=1e-6)


def test_the_course_follows_the_entries_alone_and_leads_to_its_end_without_a_jump():
    budget = Budget(((0, 100), (40, 60), (50, 90)))
    course = [budget.progress(k, 10) for k in range(91)]
    assert course[:41] == [max(0, k - 10) / 90 for k in range(41)]
    assert course == sorted(course) and course[0] == 0 and course[90] == 1
    assert max(b - a for a, b in itertools.pairwise(course)) == pytest.approx((1 - 30 / 90) / 20)
    assert [Budget(((0, 100), (40, 60))).progress(k, 10) for k in range(51)] == course[:51], (
        "what comes later changes nothing"
    )
    assert Budget(((0, 30),)).progress(7) == 7 / 30


class Points:
    """A few points; each batch of them takes the time that it is told."""

    def __init__(self, clock: Clock | None = None, pace: Callable[[float], float] | None = None) -> None:
        self.x, self.clock, self.pace = torch.randn(16, 6, generator=torch.Generator().manual_seed(0)), clock, pace

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        if self.clock and self.pace:
            self.clock.now += self.pace(self.clock.now - 100)
        return Batch(self.x[indices])


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(7, 6)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.layer(torch.cat([x, t[:, None] / 100], 1))


def trained(
    run: Path, budget: Budget, examples: Points | None = None, callbacks: Callbacks | None = None
) -> dict[str, Tensor]:
    settings = TrainingSettings(steps=budget.steps, batch=8, warmup=5, checkpoint_every=1000, log_every=1)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = Network(GaussianProcess(NoiseSchedule.cosine(100)), Small())
    return fit(run, denoising(network, examples or Points(), settings, 3, CPU), budget, callbacks)


def kept(run: Path, callbacks: Callbacks | None = None) -> tuple[dict[str, Tensor] | None, Entries]:
    """A run of six seconds, planned for 60 steps, whose second half comes at a third of the pace."""
    clock = Clock()
    budget = Budget(((0, 60),), 6.0, clock.now, clock)
    pace = Points(clock, lambda t: 0.1 if t < 3 else 0.3)
    try:
        return trained(run, budget, pace, callbacks), budget.entries
    except Stopped:
        return None, budget.entries


def equal(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    return all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_what_was_run_can_be_run_again_at_any_pace_to_the_same_bits(tmp_path):
    weights, entries = kept(tmp_path / "kept")
    assert weights is not None and 38 <= entries[-1][1] <= 43 and len(entries) > 1
    assert equal(trained(tmp_path / "again", Budget(entries)), weights)
    assert not equal(trained(tmp_path / "flat", Budget(((0, entries[-1][1]),))), weights)
    lines = {name: [line["learning_rate"] for line in read(tmp_path / name) if "loss" in line] for name in ("kept", "again")}
    assert lines["kept"] == lines["again"] and len(lines["kept"]) == entries[-1][1]


@pytest.mark.parametrize("step", [20, 36])
def test_a_run_that_is_resumed_keeps_to_the_budget_of_its_checkpoint(tmp_path, step):
    stop = Callbacks(on_step=lambda done, total: os.kill(os.getpid(), signal.SIGTERM) if done == step else None)
    none, entries = kept(tmp_path / "run", stop)
    assert none is None and (len(entries) > 1) == (step > 30)
    resumed = trained(tmp_path / "run", Budget(((0, 60),)))
    assert equal(resumed, trained(tmp_path / "unbroken", Budget(entries)))


def test_what_came_before_is_part_of_the_minutes_but_half_of_them_are_for_training(tmp_path):
    said = []
    small = {"width": 8, "groups": 4, "blocks": 1, "batch": 16}
    long_ago = time.monotonic() - 3600
    reverie.train(
        "digits", tmp_path / "run", minutes=0.02, settings=small, callbacks=Callbacks(log=said.append), since=long_ago
    )
    assert any(sentence.startswith("planned for 0.01 min") for sentence in said)


def test_the_config_says_what_was_run_and_refuses_a_plan_that_makes_no_sense(tmp_path):
    small = {"width": 8, "groups": 4, "blocks": 1, "batch": 16}
    reverie.train("digits", tmp_path / "run", minutes=0.02, settings=small)
    told = config.read(tmp_path / "run").training
    assert told.steps == max(line["step"] for line in read(tmp_path / "run")) and told.entries[-1][1] == told.steps
    resumed = reverie.train("digits", tmp_path / "run", minutes=0.02, settings=small, resume=True)
    assert resumed.config.training == told
    for plan, words in (
        ([[0, 9], [4, 8]], "steps is 3"),
        ([[1, 3]], "the first step is 0"),
        ([[0, 9], [4, 3]], "is 0, and"),
    ):
        with pytest.raises(UsageError, match=words):
            reverie.train("digits", tmp_path / "bad", steps=3, settings=small | {"training.plan": plan})


def test_the_learning_rate_falls_to_nothing_at_the_end_of_the_plan():
    settings = TrainingSettings(steps=50, plan=((0, 100), (40, 50)), warmup=5)
    budget = Budget(settings.entries)
    rates = [learning_rate(settings, step, budget) for step in range(51)]
    assert rates[5:] == sorted(rates[5:], reverse=True) and rates[50] < 1e-12 < rates[49]
