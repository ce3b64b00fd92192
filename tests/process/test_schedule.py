"""Schedules: construction, comparison, description, and what is refused."""

import math
import warnings

import pytest
import torch

from reverie.errors import UsageError
from reverie.process import NoiseSchedule, TerminalSNRWarning

NAMES = ["linear", "scaled_linear", "cosine", "squaredcos_cap_v2", "sigmoid", "quadratic", "exponential"]


@pytest.mark.parametrize("name", NAMES)
def test_every_named_schedule_is_a_valid_table(name):
    schedule = NoiseSchedule.named(name, steps=2000)
    for table in (schedule.beta, schedule.alpha, schedule.alpha_bar, schedule.snr, schedule.log_snr):
        assert table.shape == (2001,)
        assert table.dtype == torch.float64
    assert schedule.steps == 2000
    assert schedule.beta[0] == 0
    assert ((schedule.beta[1:] > 0) & (schedule.beta[1:] < 1)).all()
    assert schedule.alpha_bar[0] == 1
    assert (schedule.alpha_bar.diff() < 0).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("zero", [False, True])
def test_config_rebuilds_the_same_schedule(name, zero):
    schedule = NoiseSchedule.named(name, steps=2000, zero_terminal_snr=zero)
    again = NoiseSchedule.from_config(dict(schedule.config))
    assert again == schedule
    assert torch.equal(again.alpha_bar, schedule.alpha_bar)
    assert again.zero_terminal_snr is zero


def test_config_rebuilds_a_schedule_of_given_betas():
    schedule = NoiseSchedule.from_betas([0.1, 0.5, 0.9, 0.99])
    assert NoiseSchedule.from_config(schedule.config) == schedule
    assert schedule.beta.tolist() == [0, 0.1, 0.5, 0.9, 0.99]


def test_cosine_has_two_names():
    assert NoiseSchedule.squaredcos_cap_v2(300) == NoiseSchedule.cosine(300)


def test_equal_schedules_are_equal_and_hash_alike():
    assert NoiseSchedule.linear() == NoiseSchedule.linear()
    assert hash(NoiseSchedule.linear()) == hash(NoiseSchedule.linear())
    assert NoiseSchedule.linear() != NoiseSchedule.linear(1001)
    assert NoiseSchedule.linear() != NoiseSchedule.scaled_linear()
    assert NoiseSchedule.linear() != "linear"


def test_a_schedule_of_one_step_works():
    assert NoiseSchedule.cosine(1).beta.tolist() == [0, 0.999]
    schedule = NoiseSchedule.from_betas([0.995])
    assert schedule.steps == 1
    assert math.isfinite(float(schedule.posterior_log_variance[1]))
    assert NoiseSchedule.from_betas([1.0]).zero_terminal_snr


def test_a_schedule_is_described_by_name_and_length():
    assert repr(NoiseSchedule.linear()) == "NoiseSchedule(linear, steps=1000, alpha_bar_T=4.04e-05)"


def test_rescaling_an_unfit_schedule_needs_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert NoiseSchedule.named("linear", steps=100, zero_terminal_snr=True).warning is None


def test_the_warning_says_what_to_do():
    with pytest.warns(TerminalSNRWarning, match=r"0\.3636 at T = 100 .*beta_max"):
        NoiseSchedule.linear(100)


@pytest.mark.parametrize(
    ("build", "culprit"),
    [
        (lambda: NoiseSchedule.named("liner"), "'liner': did you mean 'linear'"),
        (lambda: NoiseSchedule.named("zzz"), "'zzz'.*cosine, .*linear"),
        (lambda: NoiseSchedule.named("linear", beta_mx=0.1), "'linear'.*'beta_mx': did you mean 'beta_m"),
        (lambda: NoiseSchedule.named("cosine", beta_min=0.1), "'cosine'.*'beta_min'"),
        (lambda: NoiseSchedule.linear(0), "steps .*0"),
        (lambda: NoiseSchedule.linear(-5), "steps .*-5"),
        (lambda: NoiseSchedule.linear(10.0), r"steps .*10\.0"),
        (lambda: NoiseSchedule.linear(True), "steps .*True"),
        (lambda: NoiseSchedule.cosine(10**7), "steps .*10000000"),
        (lambda: NoiseSchedule.linear(beta_min=0.0), r"beta_min = 0\.0"),
        (lambda: NoiseSchedule.linear(beta_max=1.0), r"beta_max = 1\.0"),
        (lambda: NoiseSchedule.linear(beta_min=0.5, beta_max=0.1), r"beta_min = 0\.5 and beta_max = 0\.1"),
        (lambda: NoiseSchedule.exponential(beta_min=math.nan), "beta_min = nan"),
        (lambda: NoiseSchedule.cosine(max_beta=1.0), r"max_beta .*1\.0"),
        (lambda: NoiseSchedule.cosine(offset=-0.1), r"offset .*-0\.1"),
        (lambda: NoiseSchedule.from_betas([0.1, 1.5, 0.2]), r"beta_2 = 1\.5"),
        (lambda: NoiseSchedule.from_betas([0.1, 0.0]), "beta_2 = 0"),
        (lambda: NoiseSchedule.from_betas([-0.1]), r"beta_1 = -0\.1"),
        (lambda: NoiseSchedule.from_betas([0.1, math.nan]), "beta_2 = nan"),
        (lambda: NoiseSchedule.from_betas([1.0, 0.5]), "beta_1 = 1"),
        (lambda: NoiseSchedule.from_betas([]), r"\(0,\)"),
        (lambda: NoiseSchedule.from_betas(torch.ones(2, 2) / 2), r"\(2, 2\)"),
        (lambda: NoiseSchedule(torch.tensor([0.1, 0.2], dtype=torch.float64)), "beta_0 = 0"),
        (lambda: NoiseSchedule(torch.tensor([0.0, 0.2])), "float64"),
        (lambda: NoiseSchedule(torch.zeros(1, dtype=torch.float64)), r"T \+ 1 variances"),
        (lambda: NoiseSchedule.from_betas([0.999]).with_zero_terminal_snr(), "one step"),
    ],
)
def test_a_bad_schedule_is_refused_with_the_culprit_named(build, culprit):
    with pytest.raises(UsageError, match=culprit):
        build()
