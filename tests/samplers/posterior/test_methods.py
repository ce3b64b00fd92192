"""Posterior samplers against posteriors in closed form, and what each declares of itself."""

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import CorrelatedMixture, GaussianMixture
from reverie.denoisers.wrappers import DenoiserWrapper
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DPMSolver, sample, time_grid
from reverie.samplers.posterior import (
    METHODS,
    MMPS,
    TMPD,
    Function,
    GaussianNoise,
    Linear,
    Mask,
    Measurement,
    PiGDM,
    PoissonNoise,
    RePaint,
    Twisted,
    named,
)

PROCESS = GaussianProcess(NoiseSchedule.cosine(1000))
SIZE = 5
PLACES = torch.arange(SIZE, dtype=torch.float64)
AR = CorrelatedMixture(PROCESS, torch.zeros(1, SIZE), (0.9 ** (PLACES[:, None] - PLACES).abs())[None])
FIRST = PLACES == 0
ONE_KNOWN = Measurement(Mask(FIRST), torch.ones(1, SIZE))


def seeded(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


def carried(method, measurement, steps):
    """Mean and covariance of the draws, exactly: every step is affine in the state."""
    starts = torch.cat([torch.zeros(1, SIZE), torch.eye(SIZE)]).double()
    ends = method.sample(AR, measurement, time_grid(PROCESS.schedule, steps, "angle"), starts, seeded(0))
    gain = ends[1:] - ends[:1]
    return ends[0], gain.T @ gain


def test_the_known_end_of_a_correlated_series_fills_the_rest_as_it_must():
    """.90 .81 .73 .66, where replacement gives .57 .42 .33 .28."""
    mean, _ = carried(MMPS(), ONE_KNOWN, 12)
    exact = AR.given(torch.eye(SIZE)[:1], torch.ones(1))
    assert_close(mean, 0.9**PLACES, atol=0.01, rtol=0)
    assert_close(exact.means[0], 0.9**PLACES)
    errors = [(carried(MMPS(), ONE_KNOWN, steps)[1] - exact.covariances[0]).abs().max() for steps in (12, 50)]
    assert errors[1] < 0.01 and errors[1] < errors[0]
    grid = time_grid(PROCESS.schedule, 12, "angle")
    short = RePaint().sample(AR, ONE_KNOWN, grid, normal(2000, SIZE), seeded(0)).mean(0)
    assert short[1] < 0.8 and short[4] < 0.5


@pytest.mark.parametrize(
    ("method", "covariance"),
    [
        (MMPS(iterations=SIZE), AR.covariances[0]),
        (TMPD(), torch.diag(torch.linspace(0.2, 2, SIZE, dtype=torch.float64))),
        (PiGDM(std=0.7), 0.49 * torch.eye(SIZE).double()),
    ],
)
def test_a_method_is_exact_where_its_covariance_is(method, covariance):
    prior = CorrelatedMixture(PROCESS, normal(1, SIZE, seed=1), covariance[None])
    known, y, x_t = PLACES < 3, normal(1, SIZE, seed=2), normal(6, SIZE)
    guided = method.guided(prior, Measurement(Mask(known), y, GaussianNoise(0.5)))
    exact = prior.given(torch.eye(SIZE)[:3], y[0, :3], 0.25)
    for t in (20, 300, 700, 950):
        assert_close(guided(x_t, t).clean, exact(x_t, t).clean, rtol=1e-4, atol=1e-4)
    each = torch.tensor([20, 300, 700, 950, 1, 1000])
    assert_close(guided(x_t, each).clean[1], guided(x_t[1:2], 300).clean[0])


def test_a_function_is_conditioned_on_by_its_tangent():
    matrix, x_t = normal(2, SIZE, seed=3), normal(4, SIZE)
    line, curve = (
        Measurement(of, torch.ones(1, 2), GaussianNoise(0.3)) for of in (Linear(matrix), Function(lambda x: x @ matrix.T))
    )
    for method in (MMPS(), TMPD(), PiGDM()):
        assert_close(method.guided(AR, line)(x_t, 400).clean, method.guided(AR, curve)(x_t, 400).clean)


def points(noise, y):
    data = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.2, 1.0]], dtype=torch.float64)
    measurement = Measurement(Linear(torch.tensor([[1.0, 0.5]])), torch.tensor([[y]], dtype=torch.float64), noise)
    return data, measurement, torch.softmax(measurement.log_likelihood(data), 0)


@pytest.mark.parametrize(("noise", "y"), [(GaussianNoise(0.8), 0.4), (PoissonNoise(1.5, low=-2.0), 0.0)])
def test_with_more_particles_the_weights_of_points_become_exact(noise, y):
    data, measurement, exact = points(noise, y)
    prior, grid = GaussianMixture(PROCESS, data, torch.zeros(4)), time_grid(PROCESS.schedule, 25, "angle")
    errors = []
    for method in (Twisted(1), Twisted(24), Twisted(1, shared=True), named("gibbs_shared")):
        x = method.sample(prior, measurement, grid, normal(800, 2, seed=4), seeded(5))
        nearest = torch.cdist(x, data).argmin(1)
        errors.append(float((nearest.bincount(minlength=4) / 800 - exact).abs().sum() / 2))
    assert max(errors[1:]) < 0.06 and errors[1] < errors[0]


class Counting(DenoiserWrapper):
    """Counts rows that are asked for, and rows that are gone back through."""

    asked = back = 0

    def __call__(self, x_t, t, condition=None):
        type(self).asked += len(x_t)
        inner = x_t + 0
        if inner.requires_grad:
            inner.register_hook(lambda gradient: setattr(Counting, "back", Counting.back + len(gradient)))
        return self.inner(inner, t, condition)


@pytest.mark.parametrize("name", METHODS)
def test_what_is_known_without_noise_stays_and_calls_are_as_declared(name):
    Counting.asked = Counting.back = 0
    known, y = PLACES != 2, normal(1, SIZE, seed=6)
    seen = []
    method = named(name)
    made = method.sample(
        Counting(AR),
        Measurement(Mask(known), y),
        time_grid(PROCESS.schedule, 8),
        normal(2, SIZE),
        seeded(7),
        on_step=lambda *counts: seen.append(counts),
    )
    assert torch.equal(made[:, known], y[:, known].expand(2, -1)) and made.isfinite().all()
    calls, back = method.spent(8)
    assert Counting.asked == 2 * calls and Counting.back <= 2 * back and calls + back <= 8 * method.passes
    assert (Counting.back > 0) == (method.backward > 0)
    assert seen[-1][0] == seen[-1][1] and len({total for _, total in seen}) == 1


@pytest.mark.parametrize("name", [name for name in METHODS if not METHODS[name].shared])
def test_a_sample_is_a_function_of_its_own_generator(name):
    measurement, grid, x = Measurement(Mask(FIRST), torch.ones(1, SIZE)), time_grid(PROCESS.schedule, 4), normal(3, SIZE)
    together = named(name).sample(AR, measurement, grid, x, [seeded(i) for i in range(3)])
    for i in range(3):
        assert_close(
            named(name).sample(AR, measurement, grid, x[i : i + 1], [seeded(i)])[0], together[i], rtol=1e-9, atol=1e-9
        )


def test_any_sampler_steps_under_guidance():
    x, grid = normal(2, SIZE), time_grid(PROCESS.schedule, 6)
    own = sample(MMPS().guided(AR, ONE_KNOWN), DPMSolver(), grid, x)
    assert_close(MMPS().sample(AR, ONE_KNOWN, grid, x, seeded(0))[:, 1:], own[:, 1:])


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: named("mpms"), "unknown posterior sampler 'mpms': did you mean 'mmps'"),
        (lambda: named("mmps", iteration=2), "did you mean 'iterations'"),
        (lambda: MMPS(0), "iterations is a whole number above 0, not 0"),
        (lambda: Twisted(0), "particles is a whole number above 0"),
        (
            lambda: named("twisted_shared").sample(AR, ONE_KNOWN, (9, 0), normal(1, 5), [seeded(0)]),
            "shared particles serve all draws of one measurement",
        ),
        (lambda: named("gibbs", least=4.0), "needs 0 < least <= most, not 4.0 and 0.8"),
        (
            lambda: named("gibbs_shared").sample(AR, ONE_KNOWN, (9, 0), normal(1, 5), [seeded(0)]),
            "shared particles serve all draws of one measurement",
        ),
        (lambda: RePaint(0), "repeats and stretch are whole numbers above 0, not 0 and 4"),
        (
            lambda: RePaint().sample(
                AR, Measurement(Mask(FIRST), torch.ones(1, 5), GaussianNoise(0.1)), (9, 0), normal(1, 5), seeded(0)
            ),
            "repaint takes a mask without noise",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(ask, words):
    with pytest.raises(UsageError, match=words):
        ask()
