"""Noise, clean, velocity, score, flow and EDM's F are one prediction; every view, mean and variance agrees with all."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from reverie.errors import UsageError
from reverie.process import EDM, GaussianProcess, LinearRate, NoiseSchedule, RectifiedFlow
from reverie.process.path import NoisePath
from reverie.process.prediction import VIEWS
from reverie.process.registry import CONTINUOUS, named
from reverie.process.variance import VARIANCES, log_interpolated, lower, upper

LINEAR = GaussianProcess(NoiseSchedule.linear())
COSINE = GaussianProcess(NoiseSchedule.cosine())
PROCESSES: dict[str, GaussianProcess[NoisePath]] = {"linear": LINEAR, "cosine": COSINE} | {
    name: GaussianProcess(named(name)) for name in CONTINUOUS
}
processes = pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
any_process = st.sampled_from(list(PROCESSES.values()))
kinds = st.sampled_from(VIEWS)
steps = st.integers(1, 1000)


def on(process: GaussianProcess[NoisePath], t: int) -> float:
    """A step of a thousand, as a time of the process, up to the last with any signal."""
    return t if process.schedule.whole else t / 1000 * process.schedule.ends[1]


def truth(process: GaussianProcess[NoisePath], t, shape=(3, 4), seed: int = 0) -> dict[str, torch.Tensor]:
    """x_0 and noise drawn, and the six views and x_t written from their definitions."""
    generator = torch.Generator().manual_seed(seed)
    x_0, noise = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    schedule, of_each = process.schedule, (-1, *[1] * (len(shape) - 1))
    t = t if isinstance(t, torch.Tensor) else torch.tensor([t], dtype=torch.int64 if schedule.whole else torch.float64)
    (a, sigma), (of_a, of_sigma) = ([c.reshape(of_each) for c in pair] for pair in (schedule.at(t), schedule.rates(t)))
    x_t, d = a * x_0 + sigma * noise, schedule.data_std
    c_skip = a * d**2 / (a**2 * d**2 + sigma**2)
    c_out = sigma * d / (a**2 * d**2 + sigma**2).sqrt()
    return {
        "x_t": x_t,
        "clean": x_0,
        "noise": noise,
        "velocity": a * noise - sigma * x_0,
        "score": -noise / sigma,
        "flow": of_a * x_0 + of_sigma * noise,
        "edm": (x_0 - c_skip * x_t) / c_out,
        "a": a,
        "sigma": sigma,
    }


def tolerance(views: dict[str, torch.Tensor]) -> dict[str, float]:
    """Rounding of x_t (1e-15) grows by 1/a on the way to clean and by 1/sigma, 1/sigma^2 on the way to noise and score."""
    large = float(views["x_t"].abs().max()) * max(1.0, float(views["sigma"].max()))
    worst = 1e-14 * large * float((1 / views["a"]).max()) * max(1.0, float((1 / views["sigma"] ** 2).max()))
    return {"rtol": 1e-10, "atol": max(1e-12, worst)}


@given(any_process, kinds, steps, st.integers(0, 5))
def test_every_view_of_every_kind_is_the_truth(process, given_kind, t, seed):
    time = on(process, t)
    views = truth(process, time, seed=seed)
    prediction = process.predict(views["x_t"], time, **{given_kind: views[given_kind]})
    for asked in VIEWS:
        assert_close(prediction.view(asked), views[asked], **tolerance(views))
        assert_close(process.truth(asked, views["clean"], time, views["noise"]), views[asked], **tolerance(views))


@given(any_process, kinds, steps)
def test_noise_and_clean_of_any_prediction_make_up_the_state(process, kind, t):
    """Also of a wrong prediction: x_t = a x_0-hat + sigma eps-hat."""
    time = on(process, t)
    views = truth(process, time)
    prediction = process.predict(views["x_t"], time, **{kind: views[kind] * (1 + 0.1 * views["noise"].flip(0))})
    a, sigma = views["a"], views["sigma"]
    large = float((a * prediction.clean).abs().max() + (sigma * prediction.noise).abs().max())
    assert_close(a * prediction.clean + sigma * prediction.noise, views["x_t"], rtol=1e-10, atol=1e-13 * large)


@pytest.mark.parametrize("t", [1, 2, 251, 999, 1000])
def test_velocity_converts_without_any_division(t):
    """eps = a v + sigma x_t and x_0 = a x_t - sigma v: a rotation, exact to a few roundings at both ends."""
    views = truth(LINEAR, t)
    prediction = LINEAR.predict(views["x_t"], t, velocity=views["velocity"])
    assert_close(prediction.noise, views["noise"], rtol=0, atol=2e-15)
    assert_close(prediction.clean, views["clean"], rtol=0, atol=2e-15)
    assert_close(LINEAR.velocity(views["clean"], t, views["noise"]), views["velocity"], rtol=0, atol=2e-15)


def test_edm_is_minus_the_velocity_where_variance_is_preserved():
    """And the output of Karras' network F for the denoiser D where it is not: D = c_skip x + c_out F."""
    process = GaussianProcess(LinearRate())
    views = truth(process, 0.3)
    assert_close(
        process.predict(views["x_t"], 0.3, velocity=views["velocity"]).edm, -views["velocity"], rtol=1e-13, atol=1e-14
    )
    x, F, sigma = views["x_t"], views["noise"], 2.0
    clean = GaussianProcess(EDM()).predict(x, sigma, edm=F).clean
    root = math.sqrt(sigma**2 + 0.25)
    assert_close(clean, 0.25 / root**2 * x + sigma * 0.5 / root * F, rtol=1e-14, atol=1e-15)


def test_edm_targets_have_power_one_at_every_level():
    """What preconditioning is for: for data of deviation d, F has deviation 1 (Karras et al. 2022, appendix B.6)."""
    for process in PROCESSES.values():
        d = process.schedule.data_std
        for step in (1, 300, 999):
            t, one, none = on(process, step), torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
            of_clean, of_noise = process.truth("edm", one, t, none), process.truth("edm", none, t, one)
            assert_close(of_clean**2 * d**2 + of_noise**2, one, rtol=1e-12, atol=0)


def test_the_flow_is_the_slope_of_the_state():
    """On the straight path eps - x_0 (Lipman et al. 2023), on EDM's (x - D) / sigma (Karras et al. 2022, equation 4)."""
    x_0, noise = truth(LINEAR, 1)["clean"], truth(LINEAR, 1)["noise"]
    assert_close(GaussianProcess(RectifiedFlow()).truth("flow", x_0, 0.3, noise), noise - x_0, rtol=0, atol=1e-15)
    prediction = GaussianProcess(EDM()).predict(x_0, 2.0, clean=noise)
    assert_close(prediction.flow, (x_0 - noise) / 2.0, rtol=0, atol=1e-15)
    for name in CONTINUOUS:
        process = PROCESSES[name]
        for step in (10, 300, 900):
            t = on(process, step)
            h = 1e-5 * t
            slope = (process.corrupt(x_0, t + h, noise) - process.corrupt(x_0, t - h, noise)) / (2 * h)
            assert_close(process.truth("flow", x_0, t, noise), slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", ["noise", "score"])
@pytest.mark.parametrize("name", ["continuous_cosine", "rectified_flow"])
def test_a_prediction_that_says_nothing_at_the_end_of_a_path_is_refused_there(kind, name):
    process, x = PROCESSES[name], truth(LINEAR, 1)["noise"]
    with pytest.raises(UsageError, match=f"{kind} prediction.*predict velocity or clean"):
        process.predict(x, 1.0, **{kind: x})
    for other in ("clean", "velocity", "flow", "edm"):
        prediction = process.predict(x, 1.0, **{other: x})
        assert all(torch.isfinite(prediction.view(view)).all() for view in VIEWS)


@given(any_process, st.integers(1, 1000), st.integers(0, 999), kinds)
def test_reverse_mean_over_any_jump_is_the_posterior_mean_of_the_prediction(process, t, s, kind):
    start, end = on(process, t), on(process, min(s, t - 1))
    views = truth(process, start)
    prediction = process.predict(views["x_t"], start, **{kind: views[kind]})
    posterior = process.posterior(views["clean"], views["x_t"], end, start)
    mean = process.reverse_mean(views["x_t"], start, prediction, end)
    assert_close(mean, posterior.mean, rtol=1e-8, atol=1e-9 * max(1.0, float(views["x_t"].abs().max())))


@processes
def test_reverse_step_with_a_step_for_each_sample_is_each_sample_by_itself(process):
    s, t = torch.tensor([0, 1, 400, 999]), torch.tensor([1, 2, 500, 1000])
    if not process.schedule.whole:
        s, t = (steps.double() / 1000 * process.schedule.end for steps in (s, t))
    views = truth(process, t, (4, 3))
    mix = torch.linspace(0, 1, 12, dtype=torch.float64).reshape(4, 3)
    prediction = process.predict(views["x_t"], t, velocity=views["velocity"], variance_mix=mix)
    for variance in VARIANCES:
        together = process.reverse(views["x_t"], t, prediction, s, variance)
        for i, (end, step) in enumerate(zip(s.tolist(), t.tolist(), strict=True)):
            x = views["x_t"][i : i + 1]
            one = process.predict(x, step, velocity=views["velocity"][i : i + 1], variance_mix=mix[i : i + 1])
            alone = process.reverse(x, step, one, end, variance)
            assert_close(together.mean[i : i + 1], alone.mean, rtol=1e-12, atol=1e-12)
            spread = together.variance.expand(4, 3)[i : i + 1]
            assert_close(spread, alone.variance.expand(1, 3), rtol=1e-12, atol=0)


@given(any_process, st.integers(1, 1000), st.integers(0, 999), st.floats(0, 1))
def test_learned_variance_lies_between_beta_tilde_and_beta(process, t, s, u):
    schedule = process.schedule
    end, start = on(process, min(s, t - 1)), on(process, t)
    low, high = float(lower(schedule, end, start)), float(upper(schedule, end, start))
    learned = float(log_interpolated(schedule, end, start, torch.tensor([u], dtype=torch.float64)).exp())
    assert low <= high
    assert low * (1 - 1e-12) <= learned <= high * (1 + 1e-12)
    if end > 0:  # at 0 the lower bound is 0 and has no logarithm
        assert math.isclose(learned, high**u * low ** (1 - u), rel_tol=1e-9)


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
