"""Time grids fall strictly from T to 0, whatever the spacing, the schedule and the number of steps."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.errors import UsageError
from reverie.process import EDM, NoiseSchedule, RectifiedFlow
from reverie.samplers import SPACINGS, check_grid, time_grid
from reverie.samplers.grid import advice

LINEAR = NoiseSchedule.linear()
SCHEDULES = [
    LINEAR,
    NoiseSchedule.cosine(),
    NoiseSchedule.scaled_linear(),
    NoiseSchedule.linear().with_zero_terminal_snr(),
    NoiseSchedule.cosine(37),
    NoiseSchedule.from_betas([0.5, 0.999]),
    NoiseSchedule.from_betas([0.5, 1.0]),
    NoiseSchedule.from_betas([0.999]),
]
EVEN = ("trailing", "leading", "linspace")

schedules = st.sampled_from(SCHEDULES)
spacings = st.sampled_from(SPACINGS)


@given(schedules, spacings, st.data())
def test_a_grid_falls_strictly_from_T_to_0(schedule, spacing, data):
    steps = data.draw(st.integers(1, schedule.steps))
    grid = time_grid(schedule, steps, spacing)
    assert grid[0] == schedule.steps
    assert grid[-1] == 0
    assert all(t > s for t, s in itertools.pairwise(grid))
    assert len(grid) <= steps + 1
    if spacing in EVEN:
        assert len(grid) == steps + 1
    assert check_grid(schedule, grid) == grid


@pytest.mark.parametrize("spacing", SPACINGS)
def test_all_steps_of_an_even_grid_are_all_steps(spacing):
    grid = time_grid(LINEAR, 1000, spacing)
    if spacing in EVEN:
        assert grid == tuple(range(1000, -1, -1))
    assert time_grid(LINEAR, 1, spacing) == (1000, 0)


@given(st.integers(1, 1000))
def test_trailing_is_T_times_n_minus_i_over_n_to_the_nearest(n):
    grid = time_grid(LINEAR, n)
    assert all(abs(t - 1000 * (n - i) / n) <= 0.5 for i, t in enumerate(grid))
    jumps = [t - s for t, s in itertools.pairwise(grid)]
    assert max(jumps) - min(jumps) <= 1


def test_even_grids_of_ten_steps():
    assert time_grid(LINEAR, 10) == (1000, 900, 800, 700, 600, 500, 400, 300, 200, 100, 0)
    assert time_grid(LINEAR, 10, "leading") == (1000, 801, 701, 601, 501, 401, 301, 201, 101, 1, 0)
    assert time_grid(LINEAR, 10, "linspace") == (1000, 889, 778, 667, 556, 445, 334, 223, 112, 1, 0)


def test_two_even_steps_are_from_T_and_from_the_last():
    assert time_grid(LINEAR, 2) == (1000, 500, 0)
    assert time_grid(LINEAR, 2, "leading") == time_grid(LINEAR, 2, "linspace") == (1000, 1, 0)


@pytest.mark.parametrize("schedule", SCHEDULES[:4], ids=repr)
@pytest.mark.parametrize("n", [5, 10, 20])
def test_log_snr_grid_is_even_in_log_snr_to_the_nearest_step(schedule, n):
    grid = time_grid(schedule, n, "log_snr")
    top = schedule.log_snr[-2 if schedule.zero_terminal_snr else -1]
    levels = torch.linspace(float(top), float(schedule.log_snr[1]), n, dtype=torch.float64)
    nearest = [int((schedule.log_snr[1:] - level).abs().argmin()) + 1 for level in levels]
    assert set(grid) == {schedule.steps, *nearest[1:], 0}


@pytest.mark.parametrize("rho", [1.0, 3.0, 7.0])
@pytest.mark.parametrize("n", [5, 10, 20])
def test_karras_grid_is_even_in_sigma_to_the_one_over_rho(rho, n):
    grid = time_grid(LINEAR, n, "karras", rho=rho)
    sigma = (1 / LINEAR.alpha_bar - 1).sqrt()
    roots = torch.linspace(float(sigma[-1] ** (1 / rho)), float(sigma[1] ** (1 / rho)), n, dtype=torch.float64)
    nearest = [int((sigma[1:].log() - rho * root.log()).abs().argmin()) + 1 for root in roots]
    assert set(grid) == {1000, *nearest[1:], 0}


@pytest.mark.parametrize("nu", [1.0, 1.75, 3.0])
@pytest.mark.parametrize("n", [5, 10, 20])
def test_angle_grid_is_even_in_the_angle_of_sigma_to_the_one_over_nu(nu, n):
    grid = time_grid(LINEAR, n, "angle", nu=nu)
    sigma = (1 / LINEAR.alpha_bar - 1).sqrt()
    angles = [math.atan(float(sigma[-1]) ** (1 / nu)) * (n - i) / n for i in range(n)]
    nearest = [int((sigma[1:].log() - nu * math.log(math.tan(angle))).abs().argmin()) + 1 for angle in angles]
    assert set(grid) == {1000, *nearest[1:], 0}


def test_angle_grid_is_trailing_on_the_cosine_schedule_where_nothing_is_stretched():
    cosine = NoiseSchedule.cosine(1000, offset=0.0)
    for n in (5, 10, 20):
        assert all(abs(a - b) <= 1 for a, b in zip(time_grid(cosine, n, "angle", nu=1.0), time_grid(cosine, n), strict=True))


@pytest.mark.parametrize("schedule", [NoiseSchedule.cosine(), LINEAR.with_zero_terminal_snr()], ids=repr)
@pytest.mark.parametrize("spacing", ["karras", "log_snr"])
def test_levels_lie_between_the_bounds_that_were_asked_for(schedule, spacing):
    grid = time_grid(schedule, 12, spacing, sigma_min=0.05, sigma_max=20.0)
    ratios = [math.exp(-schedule.level(t).half_log_snr) for t in grid[1:-1]]
    assert grid[0] == schedule.steps and grid[-1] == 0 and len(grid) == 13
    assert max(ratios) < 20 and math.isclose(min(ratios), 0.05, rel_tol=0.1)


@pytest.mark.parametrize("path", [RectifiedFlow(), EDM()], ids=lambda path: path.name)
def test_a_grid_in_continuous_time_has_the_levels_themselves(path):
    for spacing in ("trailing", "linspace", "log_snr", "karras", "angle"):
        grid = time_grid(path, 12, spacing)
        assert len(grid) == 13 and grid[0] == path.end and grid[-1] == 0 and check_grid(path, grid) == grid
    grid = time_grid(path, 12, "karras", sigma_min=0.05, sigma_max=20.0)
    roots = [math.exp(-path.level(t).half_log_snr) ** (1 / 7) for t in grid[1:-1]]
    assert np.allclose(np.diff(roots, 2), 0, atol=1e-12) and math.isclose(roots[-1] ** 7, 0.05)


def test_what_hurts_in_a_grid_is_said_with_what_to_do():
    cosine = NoiseSchedule.cosine()
    for spacing in ("karras", "log_snr"):
        sentence = advice(cosine, 12, spacing)
        assert sentence and f"of 12 steps of `spacing={spacing}`" in sentence and "`sigma_max=80`" in sentence
        assert advice(cosine, 12, spacing, sigma_max=80.0) is None
    assert advice(cosine, 12, "angle") is None and advice(LINEAR, 12, "karras") is None
    assert "fall on only" in (advice(LINEAR, 1000, "karras") or "")


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: time_grid(LINEAR, 0), r"1\.\.1000 steps, not 0"),
        (lambda: time_grid(LINEAR, 1001), r"1\.\.1000 steps, not 1001"),
        (lambda: time_grid(LINEAR, 5.0), r"not 5\.0"),
        (lambda: time_grid(LINEAR, True), "not True"),
        (lambda: time_grid(LINEAR, 10, "trailling"), "'trailling': did you mean 'trailing'"),
        (lambda: time_grid(LINEAR, 10, "karras", rho=0.0), r"rho .*0\.0"),
        (lambda: time_grid(LINEAR, 10, "karras", rho=math.inf), "rho .*inf"),
        (lambda: time_grid(LINEAR, 10, "angle", nu=-1.0), r"nu .*-1\.0"),
        (lambda: time_grid(LINEAR, 10, "karras", sigma_max=1e4), r"`sigma_max` must lie in .*, not 10000"),
        (lambda: time_grid(LINEAR, 10, "karras", sigma_min=5.0, sigma_max=2.0), "`sigma_min` must lie below `sigma_max`"),
        (lambda: time_grid(LINEAR, 10, "angle", sigma_max=2.0), "bound log_snr and karras alone"),
        (lambda: time_grid(LINEAR, 10, "trailing", sigma_min=0.1), "bound log_snr and karras alone.*out for trailing"),
        (lambda: time_grid(LINEAR, 10, "linspace", sigma_max=2.0), "bound log_snr and karras alone.*out for linspace"),
        (lambda: time_grid(EDM(), 10, "leading"), "counts whole steps"),
        (lambda: time_grid(EDM(), 0), "1..1,000,000 steps, not 0"),
        (lambda: check_grid(LINEAR, [1000]), "at least two"),
        (lambda: check_grid(LINEAR, [1000, 500, 500, 0]), "500 follows 500"),
        (lambda: check_grid(LINEAR, [0, 500, 1000]), "500 follows 0"),
        (lambda: check_grid(LINEAR, [1001, 0]), r"0\.\.1000.*1001"),
        (lambda: check_grid(LINEAR, [1000, -1]), r"0\.\.1000.*-1"),
    ],
)
def test_a_bad_grid_is_refused_with_the_culprit_named(call, culprit):
    with pytest.raises(UsageError, match=culprit):
        call()
