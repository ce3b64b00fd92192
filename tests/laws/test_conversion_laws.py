"""Noise, clean, velocity and score are one prediction; every view, mean and variance agrees with every other."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from reverie.process import GaussianProcess, NoiseSchedule
from reverie.process.prediction import KINDS
from reverie.process.variance import VARIANCES, log_interpolated, lower, upper

LINEAR = GaussianProcess(NoiseSchedule.linear())
COSINE = GaussianProcess(NoiseSchedule.cosine())
processes = pytest.mark.parametrize("process", [LINEAR, COSINE], ids=["linear", "cosine"])
kinds = st.sampled_from(KINDS)
steps = st.integers(1, 1000)


def truth(process: GaussianProcess, t, shape=(3, 4), seed: int = 0) -> dict[str, torch.Tensor]:
    """x_0 and noise drawn, and the four views and x_t written from their definitions."""
    generator = torch.Generator().manual_seed(seed)
    x_0, noise = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    alpha_bar = process.schedule.alpha_bar[t]
    if alpha_bar.ndim:
        alpha_bar = alpha_bar.reshape(-1, *[1] * (len(shape) - 1))
    a, sigma = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
    return {
        "x_t": a * x_0 + sigma * noise,
        "clean": x_0,
        "noise": noise,
        "velocity": a * noise - sigma * x_0,
        "score": -noise / sigma,
        "a": a,
        "sigma": sigma,
    }


def tolerance(views: dict[str, torch.Tensor]) -> dict[str, float]:
    """Rounding of x_t (1e-15) grows by 1/a on the way to clean and by 1/sigma, 1/sigma^2 on the way to noise and score."""
    worst = 1e-14 * float((1 / views["a"]).max()) * float((1 / views["sigma"] ** 2).max())
    return {"rtol": 1e-10, "atol": max(1e-12, worst)}


@given(kinds, kinds, steps, st.integers(0, 5))
def test_every_view_of_every_kind_is_the_truth(given_kind, asked, t, seed):
    for process in (LINEAR, COSINE):
        views = truth(process, t, seed=seed)
        prediction = process.predict(views["x_t"], t, **{given_kind: views[given_kind]})
        assert_close(prediction.view(asked), views[asked], **tolerance(views))


@given(kinds, steps)
def test_noise_and_clean_of_any_prediction_make_up_the_state(kind, t):
    """Also of a wrong prediction: x_t = a x_0-hat + sigma eps-hat."""
    views = truth(LINEAR, t)
    prediction = LINEAR.predict(views["x_t"], t, **{kind: views[kind] + 0.1 * views["noise"].flip(0)})
    a, sigma = views["a"], views["sigma"]
    assert_close(a * prediction.clean + sigma * prediction.noise, views["x_t"], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("t", [1, 2, 251, 999, 1000])
def test_velocity_converts_without_any_division(t):
    """eps = a v + sigma x_t and x_0 = a x_t - sigma v: a rotation, exact to a few roundings at both ends."""
    views = truth(LINEAR, t)
    prediction = LINEAR.predict(views["x_t"], t, velocity=views["velocity"])
    assert_close(prediction.noise, views["noise"], rtol=0, atol=2e-15)
    assert_close(prediction.clean, views["clean"], rtol=0, atol=2e-15)
    assert_close(LINEAR.velocity(views["clean"], t, views["noise"]), views["velocity"], rtol=0, atol=2e-15)


@given(st.integers(1, 1000), st.integers(0, 999), kinds)
def test_reverse_mean_over_any_jump_is_the_posterior_mean_of_the_prediction(t, s, kind):
    s = min(s, t - 1)
    views = truth(LINEAR, t)
    prediction = LINEAR.predict(views["x_t"], t, **{kind: views[kind]})
    posterior = LINEAR.posterior(views["clean"], views["x_t"], s, t)
    assert_close(LINEAR.reverse_mean(views["x_t"], t, prediction, s), posterior.mean, rtol=1e-8, atol=1e-9)


@processes
def test_reverse_step_with_a_step_for_each_sample_is_each_sample_by_itself(process):
    t = torch.tensor([1, 2, 500, 1000])
    views = truth(process, t, (4, 3))
    mix = torch.linspace(0, 1, 12, dtype=torch.float64).reshape(4, 3)
    prediction = process.predict(views["x_t"], t, velocity=views["velocity"], variance_mix=mix)
    for variance in VARIANCES:
        together = process.reverse(views["x_t"], t, prediction, variance=variance)
        for i, step in enumerate(t.tolist()):
            x = views["x_t"][i : i + 1]
            one = process.predict(x, step, velocity=views["velocity"][i : i + 1], variance_mix=mix[i : i + 1])
            alone = process.reverse(x, step, one, variance=variance)
            assert_close(together.mean[i : i + 1], alone.mean, rtol=1e-12, atol=1e-12)
            spread = together.variance.expand(4, 3)[i : i + 1]
            assert_close(spread, alone.variance.expand(1, 3), rtol=1e-12, atol=0)


@given(st.integers(1, 1000), st.integers(0, 999), st.floats(0, 1))
def test_learned_variance_lies_between_beta_tilde_and_beta(t, s, u):
    s = min(s, t - 1)
    for process in (LINEAR, COSINE):
        schedule = process.schedule
        low, high = float(lower(schedule, s, t)), float(upper(schedule, s, t))
        learned = float(log_interpolated(schedule, s, t, torch.tensor([u], dtype=torch.float64)).exp())
        assert low <= high
        assert low * (1 - 1e-12) <= learned <= high * (1 + 1e-12)
        if s > 0:  # at s = 0 the lower bound is 0 and has no logarithm
            floor = max(low, float(schedule.posterior_variance[2]))
            assert math.isclose(learned, high**u * floor ** (1 - u), rel_tol=1e-9)


def test_learned_variance_reaches_both_bounds():
    schedule = LINEAR.schedule
    for t in (2, 500, 1000):
        ends = log_interpolated(schedule, t - 1, t, torch.tensor([0.0, 1.0], dtype=torch.float64)).exp()
        assert math.isclose(float(ends[0]), float(schedule.posterior_variance[t]), rel_tol=1e-9)
        assert math.isclose(float(ends[1]), float(schedule.beta[t]), rel_tol=1e-9)


def test_learned_variance_is_finite_at_the_first_step():
    u = torch.linspace(0, 1, 5, dtype=torch.float64)
    log_variance = log_interpolated(LINEAR.schedule, 0, 1, u)
    assert torch.isfinite(log_variance).all()
    assert math.isclose(float(log_variance[0].exp()), float(LINEAR.schedule.posterior_variance[2]), rel_tol=1e-9)
    assert math.isclose(float(log_variance[-1].exp()), float(LINEAR.schedule.beta[1]), rel_tol=1e-9)
