"""The numbers that docs and comparisons quote, in float64."""

import math

import pytest
import torch

from reverie.process import NoiseSchedule, TerminalSNRWarning


@pytest.mark.parametrize(
    ("steps", "beta_max", "alpha_bar_T", "unit"),
    [(200, 0.02, 0.1322, 5e-5), (100, 0.02, 0.364, 5e-4), (50, 0.02, 0.603, 5e-4), (500, 0.01, 0.0794, 5e-5)],
)
def test_a_schedule_that_leaves_signal_is_right_and_warns(steps, beta_max, alpha_bar_T, unit):
    with pytest.warns(TerminalSNRWarning, match=f"T = {steps}"):
        schedule = NoiseSchedule.linear(steps, beta_max=beta_max)
    assert abs(float(schedule.alpha_bar[-1]) - alpha_bar_T) < unit


def test_terminal_snr_of_the_clinical_schedule_in_decibels():
    with pytest.warns(TerminalSNRWarning, match=r"alpha_bar_T = 0\.0794.*-10\.6 dB"):
        schedule = NoiseSchedule.linear(500, 1e-4, 0.01)
    alpha_bar = float(schedule.alpha_bar[-1])
    assert math.isclose(float(schedule.snr_db[-1]), 10 * math.log10(alpha_bar / (1 - alpha_bar)), rel_tol=1e-12)
    assert abs(float(schedule.snr_db[-1]) + 10.6) < 0.05


@pytest.mark.parametrize(
    ("name", "beta"),
    [
        ("quadratic", lambda u: 1e-4 + u * u * (0.02 - 1e-4)),
        ("exponential", lambda u: 1e-4 * 200**u),
        ("sigmoid", lambda u: 1e-4 + (0.02 - 1e-4) / (1 + math.exp(6 - 12 * u))),
    ],
)
def test_each_ramp_is_its_formula(name, beta):
    schedule = NoiseSchedule.named(name, steps=2000)
    for t in (1, 2, 500, 1999, 2000):
        assert math.isclose(float(schedule.beta[t]), beta((t - 1) / 1999), rel_tol=1e-12)


def test_snr_in_its_three_scales():
    schedule = NoiseSchedule.linear()
    t = torch.arange(1, 1001)
    ratio = schedule.alpha_bar[t] / (1 - schedule.alpha_bar[t])
    assert torch.allclose(schedule.snr[t], ratio, rtol=1e-13, atol=0)
    assert torch.allclose(schedule.log_snr[t], ratio.log(), rtol=0, atol=1e-11)
    assert torch.allclose(schedule.snr_db[t], 10 * ratio.log10(), rtol=0, atol=1e-10)
    assert schedule.snr[0] == schedule.log_snr[0] == math.inf
    assert (schedule.log_snr[t].diff() < 0).all()


def test_zero_terminal_snr_keeps_the_first_signal_and_ends_at_exactly_zero():
    """Lin et al. 2024: sqrt(alpha_bar) is shifted and scaled, so its shape between the ends stays a straight image."""
    plain = NoiseSchedule.linear()
    schedule = plain.with_zero_terminal_snr()
    assert schedule.zero_terminal_snr
    assert not plain.zero_terminal_snr
    assert schedule.alpha_bar[-1] == 0
    assert schedule.beta[-1] == 1
    assert math.isclose(float(schedule.alpha_bar[1]), float(plain.alpha_bar[1]), rel_tol=1e-14)
    slope = (schedule.signal[1:-1] - schedule.signal[2:]) / (plain.signal[1:-1] - plain.signal[2:])
    assert torch.allclose(slope, slope[0].expand_as(slope), rtol=1e-6, atol=0)
    assert math.isclose(float(slope[0]), float(plain.signal[1] / (plain.signal[1] - plain.signal[-1])), rel_tol=1e-6)


@pytest.mark.parametrize("name", ["linear", "scaled_linear", "cosine", "sigmoid", "quadratic", "exponential"])
def test_precomputed_tables_are_their_formulas(name):
    schedule = NoiseSchedule.named(name, steps=2000 if name == "exponential" else 1000)
    tables, a = schedule.coefficients(), schedule.alpha_bar
    before = torch.cat([torch.ones(1, dtype=torch.float64), a[:-1]])
    expected = {
        "betas": schedule.beta,
        "alphas": 1 - schedule.beta,
        "alphas_cumprod": a,
        "alphas_cumprod_prev": before,
        "sqrt_alphas_cumprod": a**0.5,
        "sqrt_one_minus_alphas_cumprod": (1 - a) ** 0.5,
        "sqrt_recip_alphas_cumprod": a**-0.5,
        "sqrt_recipm1_alphas_cumprod": ((1 - a) / a) ** 0.5,
    }
    for key, value in expected.items():
        # 1/a - 1 and (1 - a)/a differ by the rounding of 1/a at small t
        torch.testing.assert_close(tables[key], value, rtol=1e-11, atol=0)
    assert set(tables) == {*expected, "posterior_variance"}
    assert all(len(table) == schedule.steps + 1 and table.dtype == torch.float64 for table in tables.values())
    beta_tilde = schedule.beta[1:] * (1 - before[1:]) / (1 - a[1:])
    torch.testing.assert_close(tables["posterior_variance"][1:], beta_tilde, rtol=1e-12, atol=0)
    assert tables["posterior_variance"][0] == tables["posterior_variance"][1] == 0


def test_log_of_the_posterior_variance_is_finite_everywhere():
    schedule = NoiseSchedule.linear()
    log_variance = schedule.posterior_log_variance
    assert torch.isfinite(log_variance).all()
    assert log_variance[1] == schedule.posterior_variance[2].log()
    torch.testing.assert_close(log_variance[2:].exp(), schedule.posterior_variance[2:], rtol=1e-12, atol=0)
