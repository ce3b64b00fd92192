"""The process on data of any rank and dtype, with one step or one for each sample, and what it refuses."""

import math

import pytest
import torch
from torch.testing import assert_close

from reverie.errors import UsageError
from reverie.process import EDM, Gaussian, GaussianProcess, NoiseSchedule, RectifiedFlow, draw, generator
from reverie.process.prediction import KINDS

PROCESS = GaussianProcess(NoiseSchedule.linear())
CONTINUOUS = GaussianProcess(EDM())
X = torch.zeros(3, 2, dtype=torch.float64)


def data(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=dtype)


def operations(x_0, noise, s, t):
    """Everything that the process computes, by name."""
    x_t = PROCESS.corrupt(x_0, t, noise)
    prediction = PROCESS.predict(x_t, t, velocity=PROCESS.velocity(x_0, t, noise), variance_mix=noise.sigmoid())
    results = {"corrupt": x_t, "velocity": prediction.velocity}
    results |= {kind: prediction.view(kind) for kind in KINDS}
    gaussians = {
        "marginal": PROCESS.marginal(x_0, t),
        "transition": PROCESS.transition(x_0, s, t),
        "posterior": PROCESS.posterior(x_0, x_t, s, t),
        **{v: PROCESS.reverse(x_t, t, prediction, s, v) for v in ("beta", "beta_tilde", "learned")},
    }
    for name, q in gaussians.items():
        results |= {f"{name} mean": q.mean, f"{name} variance": q.variance.expand_as(q.mean)}
    return results


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_rank_and_dtype_with_a_step_for_each_sample_is_each_sample_by_itself(rank, dtype):
    shape = (4, 2, 3, 2, 2)[:rank]
    x_0, noise = data(shape, dtype), data(shape, dtype, 1)
    s, t = torch.tensor([0, 1, 200, 999]), torch.tensor([1, 2, 700, 1000])
    together = operations(x_0, noise, s, t)
    for i in range(4):
        alone = operations(x_0[i : i + 1], noise[i : i + 1], int(s[i]), int(t[i]))
        for name, value in together.items():
            assert value.dtype == dtype
            assert value.shape == x_0.shape
            loose = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-11, "atol": 1e-12}
            assert_close(value[i : i + 1], alone[name], **loose, msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("t", [1, 2, 500, 1000])
def test_float32_is_float64_rounded(t):
    """Coefficients come from float64 tables, so float32 data lose their own rounding and no more."""
    x_0, noise = data((4, 3)), data((4, 3), seed=1)
    exact, rounded = (operations(x_0.to(d), noise.to(d), t - 1, t) for d in (torch.float64, torch.float32))
    for name in ("corrupt", "velocity", "posterior mean", "posterior variance", "marginal variance", "beta mean"):
        assert_close(rounded[name].double(), exact[name], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_steps_of_any_integer_dtype_are_the_same_steps(dtype):
    x_0, noise = data((2, 3)), data((2, 3), seed=1)
    t = torch.tensor([1, 100])
    assert torch.equal(PROCESS.corrupt(x_0, t.to(dtype), noise), PROCESS.corrupt(x_0, t, noise))


def test_step_zero_is_the_clean_data():
    x_0 = data((2, 3))
    assert torch.equal(PROCESS.corrupt(x_0, 0, x_0 * math.pi), x_0)
    assert torch.equal(PROCESS.marginal(x_0, 0).mean, x_0)
    assert PROCESS.marginal(x_0, 0).variance == 0


def test_an_empty_batch_stays_empty():
    x = torch.zeros(0, 3)
    assert PROCESS.corrupt(x, torch.zeros(0, dtype=torch.long), x).shape == (0, 3)


def test_a_draw_is_mean_plus_deviation_times_noise():
    q = Gaussian(data((4, 3)), torch.tensor(0.25, dtype=torch.float64))
    z = torch.randn(4, 3, generator=generator(5), dtype=torch.float64)
    assert_close(q.sample(generator(5)), q.mean + 0.5 * z, rtol=1e-14, atol=0)


def test_corruption_draws_from_the_generator_given():
    x_0 = data((4, 3))
    drawn = PROCESS.corrupt(x_0, 70, generator=generator(5))
    assert torch.equal(drawn, PROCESS.corrupt(x_0, 70, draw(x_0, generator(5))))


def test_a_second_prediction_of_a_state_shares_it():
    prediction = PROCESS.predict(X, 5, clean=X + 1, variance_mix=X)
    other = prediction.with_value("velocity", X)
    assert other.x_t is X
    assert other.variance_mix is X
    assert other.view("velocity") is X


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: PROCESS.marginal(X, 1001), r"0\.\.1000.*1001"),
        (lambda: PROCESS.marginal(X, -1), r"0\.\.1000.*-1"),
        (lambda: PROCESS.corrupt(X, torch.tensor([1, 2, 2000]), X), r"0\.\.1000.*2000"),
        (lambda: PROCESS.predict(X, 0, noise=X), r"1\.\.1000, but is 0"),
        (lambda: PROCESS.predict(X, torch.tensor([1, 0, 3]), noise=X), r"1\.\.1000.*\[1, 0, 3\]"),
        (lambda: PROCESS.marginal(X, 1.5), "integer tensor.*float"),
        (lambda: PROCESS.marginal(X, True), "integer tensor.*bool"),
        (lambda: PROCESS.marginal(X, torch.tensor([1.0, 2.0, 3.0])), "torch.float32"),
        (lambda: PROCESS.marginal(X, torch.tensor([True, True, True])), "torch.bool"),
        (lambda: PROCESS.marginal(X, torch.tensor([1, 2])), r"B = 3.*\(2,\)"),
        (lambda: PROCESS.marginal(X, torch.tensor([[1], [2], [3]])), r"B = 3.*\(3, 1\)"),
        (lambda: PROCESS.marginal(X, torch.tensor(1)), r"\(\)"),
        (lambda: PROCESS.marginal(X.long(), 1), "floating point.*torch.int64"),
        (lambda: PROCESS.corrupt(X.to(torch.uint8), 1, X), "floating point.*torch.uint8"),
        (lambda: PROCESS.transition(X, 5, 5), "s = 5 and t = 5"),
        (lambda: PROCESS.transition(X, 6, 5), "s = 6 and t = 5"),
        (lambda: PROCESS.posterior(X, X, torch.tensor([0, 7, 1]), torch.tensor([1, 7, 2])), r"s < t.*\[0, 7, 1\]"),
        (lambda: PROCESS.posterior(X, X, 0, 0), r"1\.\.1000"),
        (lambda: PROCESS.posterior(X, X[:2], 0, 1), r"\(3, 2\) and \(2, 2\)"),
        (lambda: PROCESS.corrupt(X, 1, X[:, :1]), r"noise .*\(3, 2\).*\(3, 1\)"),
        (lambda: PROCESS.corrupt(X, 1), "generator"),
        (lambda: PROCESS.predict(X, 1), "exactly one.*not 0"),
        (lambda: PROCESS.predict(X, 1, noise=X, clean=X), "exactly one.*not 2"),
        (lambda: PROCESS.predict(X, 1, velocity=X[:, :1]), r"\(3, 2\).*velocity.*\(3, 1\)"),
        (lambda: PROCESS.predict(X, 1, noise=X).view("nose"), "'nose': did you mean 'noise'"),
        (lambda: PROCESS.reverse_mean(X[:2], 1, PROCESS.predict(X, 1, noise=X)), "another state"),
        (lambda: PROCESS.reverse(X, 5, PROCESS.predict(X, 5, noise=X), variance="beta_tild"), "did you mean 'beta_tilde'"),
        (lambda: PROCESS.reverse(X, 5, PROCESS.predict(X, 5, noise=X), variance="learned"), "predicts no variance"),
        (lambda: CONTINUOUS.marginal(X, 80.5), r"in 0\.\.80, but is 80\.5"),
        (lambda: CONTINUOUS.marginal(X, math.nan), r"in 0\.\.80, but is nan"),
        (lambda: CONTINUOUS.predict(X, 0, noise=X), r"in 0\.\.80, above 0, but is 0"),
        (lambda: CONTINUOUS.corrupt(X, torch.tensor([1.0, 2.0, 100.0]), X), r"in 0\.\.80.*100"),
        (lambda: CONTINUOUS.corrupt(X, torch.tensor([1, 2, 3]), X), "a number or a floating point tensor.*torch.int64"),
        (lambda: CONTINUOUS.marginal(X, "1"), "a number or a floating point tensor.*str"),
        (lambda: CONTINUOUS.reverse(X, 5.0, CONTINUOUS.predict(X, 5.0, noise=X)), "no step before t"),
        (lambda: CONTINUOUS.transition(X, 5.0, 2.0), r"s = 5\.0 and t = 2\.0"),
        (lambda: GaussianProcess(RectifiedFlow()).predict(X, 1.0, noise=X), "noise prediction says nothing"),
        (lambda: draw(X, [generator(0)]), "1 generators.*batch of 3"),
    ],
)
def test_bad_input_is_refused_with_the_culprit_named(call, culprit):
    with pytest.raises(UsageError, match=culprit):
        call()
