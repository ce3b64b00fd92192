"""A schedule in numbers: finite, in dB, over t = 1..T."""

import json
import math

import pytest

from reverie.process import NoiseSchedule
from reverie.studies import statistics


def test_the_linear_schedules_numbers():
    found = statistics()
    assert set(found) == {
        "config",
        "beta_statistics",
        "alpha_statistics",
        "signal_to_noise_statistics",
        "noise_schedule_keys",
    }
    assert found["config"] == {"num_timesteps": 1000, "name": "linear", "steps": 1000, "beta_min": 1e-4, "beta_max": 0.02}
    beta = found["beta_statistics"]
    assert (beta["first"], beta["last"]) == (1e-4, 0.02) and beta["mean"] == pytest.approx(0.01005, rel=1e-12)
    assert found["alpha_statistics"]["terminal_alpha_cumprod"] == pytest.approx(4.04e-5, abs=5e-8)
    assert found["alpha_statistics"]["warning"] is None


def test_the_snr_is_in_decibels():
    snr = statistics()["signal_to_noise_statistics"]
    assert snr["max"] == pytest.approx(10 * math.log10((1 - 1e-4) / 1e-4), abs=1e-9)
    assert snr["last"] == snr["terminal"] == snr["min"]
    schedule = NoiseSchedule.linear()
    last = snr["last_step_above_0_db"]
    assert schedule.alpha_bar[last] > 0.5 > schedule.alpha_bar[last + 1]


def test_zero_terminal_snr_leaves_every_number_finite():
    found = statistics(NoiseSchedule.linear().with_zero_terminal_snr())
    json.dumps(found, allow_nan=False)
    snr = found["signal_to_noise_statistics"]
    assert snr["steps_without_signal"] == 1 and snr["terminal"] is None and math.isfinite(snr["min"])


def test_the_keys_are_those_of_the_coefficient_tables():
    schedule = NoiseSchedule.cosine(50)
    assert statistics(schedule)["noise_schedule_keys"] == list(schedule.coefficients())
    assert "alphas_cumprod" in statistics(schedule)["noise_schedule_keys"]
