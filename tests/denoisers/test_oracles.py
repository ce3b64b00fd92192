"""The oracles are the conditional expectations that they claim to be, by quadrature and by brute force."""

import math

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import Empirical, GaussianMixture, KnownSample, Labels
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule, generator
from reverie.process.registry import CONTINUOUS, named

PROCESS = GaussianProcess(NoiseSchedule.linear())
STEPS = [1, 2, 100, 500, 1000]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def levels(t: int) -> tuple[float, float]:
    alpha_bar = float(PROCESS.schedule.alpha_bar[t])
    return math.sqrt(alpha_bar), 1 - alpha_bar


# --- Gaussian mixture ---------------------------------------------------------------------------------------------------


MEANS, STDS, WEIGHTS = torch.tensor([-1.2, 0.1, 0.9]).double(), torch.tensor([0.3, 0.05, 0.6]), torch.tensor([2.0, 1.0, 5.0])


def mixture() -> GaussianMixture:
    return GaussianMixture(PROCESS, MEANS[:, None], STDS, WEIGHTS)


@pytest.mark.parametrize("t", [20, 100, 500, 1000])
@pytest.mark.parametrize("component", [None, 0, 2])
def test_mixture_is_the_posterior_mean_by_quadrature(t, component):
    """E[x_0|x_t] = int x p(x) q(x_t|x) dx / int p(x) q(x_t|x) dx, by the trapezium rule on 60,001 points."""
    a, variance = levels(t)
    x_t = torch.linspace(-2.5, 2.5, 11, dtype=torch.float64)[:, None]
    x_0 = torch.linspace(-6, 6, 60_001, dtype=torch.float64)
    weights = WEIGHTS.double() if component is None else torch.nn.functional.one_hot(torch.tensor(component), 3).double()
    stds = STDS.double()
    density = (weights / stds * torch.exp(-0.5 * ((x_0[:, None] - MEANS) / stds) ** 2)).sum(1)
    likelihood = torch.exp(-0.5 * (x_t - a * x_0) ** 2 / variance)
    joint = density * likelihood
    expected = torch.trapezoid(joint * x_0, x_0) / torch.trapezoid(joint, x_0)
    condition = None if component is None else Labels(torch.full((11,), component))
    assert_close(mixture()(x_t, t, condition).clean[:, 0], expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("t", STEPS)
def test_score_of_the_mixture_is_the_gradient_of_its_log_density(t):
    a, variance = levels(t)
    x = normal(6, 1).requires_grad_()
    spread = a * a * STDS.double() ** 2 + variance
    log_density = torch.logsumexp(
        WEIGHTS.double().log() - 0.5 * spread.log() - 0.5 * (x - a * MEANS) ** 2 / spread, dim=1
    ).sum()
    log_density.backward()
    assert_close(mixture()(x.detach(), t).score, x.grad, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("t", [20, 300, 1000])
def test_score_of_the_mixture_in_more_dimensions_weighs_each_deviation_as_often(t):
    """In D dimensions a component's density carries D deviations, which decides between a narrow and a wide one."""
    a, variance = levels(t)
    means, x = normal(3, 2, 4, seed=5), normal(6, 2, 4).requires_grad_()
    spread = a * a * STDS.double() ** 2 + variance
    distance = ((x[:, None] - a * means) ** 2).flatten(2).sum(-1)
    log_density = torch.logsumexp(WEIGHTS.double().log() - 4 * spread.log() - 0.5 * distance / spread, dim=1)
    log_density.sum().backward()
    score = GaussianMixture(PROCESS, means, STDS, WEIGHTS)(x.detach(), t).score
    assert_close(score, x.grad, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("path", list(map(named, CONTINUOUS)), ids=CONTINUOUS)
def test_on_every_path_the_mixtures_score_is_the_gradient_of_its_log_density(path):
    process = GaussianProcess(path)
    for t in (share * process.schedule.ends[1] for share in (0.01, 0.2, 1.0)):
        signal, noise = process.schedule.powers(t)
        x = (normal(6, 1) * (signal + noise) ** 0.5).requires_grad_()
        spread = signal * STDS.double() ** 2 + noise
        exponent = -0.5 * (x - signal**0.5 * MEANS) ** 2 / spread
        torch.logsumexp(WEIGHTS.double().log() - 0.5 * spread.log() + exponent, dim=1).sum().backward()
        score = GaussianMixture(process, MEANS[:, None], STDS, WEIGHTS)(x.detach(), t).score
        assert_close(score, x.grad, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "process", [PROCESS, *(GaussianProcess(named(name)) for name in CONTINUOUS)], ids=["linear", *CONTINUOUS]
)
def test_mixture_of_points_is_the_empirical_denoiser(process):
    data = normal(9, 2, 3)
    points = GaussianMixture(process, data, torch.zeros(9))
    for t in STEPS:
        t = t if process.schedule.whole else t / 1000 * process.schedule.end
        x_t = process.corrupt(data, t, normal(9, 2, 3, seed=1))
        assert_close(points(x_t, t).clean, Empirical(process, data)(x_t, t).clean, rtol=1e-8, atol=1e-10)


def test_draws_of_the_mixture_have_its_moments():
    """40,000 draws: mean and variance within five standard errors."""
    draws = mixture().sample(40_000, generator(3))
    share = WEIGHTS.double() / 8
    mean = float((share * MEANS).sum())
    variance = float((share * (STDS.double() ** 2 + MEANS**2)).sum()) - mean**2
    assert draws.shape == (40_000, 1)
    assert abs(float(draws.mean()) - mean) < 5 * math.sqrt(variance / 40_000)
    assert abs(float(draws.var()) - variance) < 0.03


# --- empirical ----------------------------------------------------------------------------------------------------------


def brute_force(data: torch.Tensor, x_t: torch.Tensor, t: int) -> tuple[torch.Tensor, torch.Tensor]:
    a, variance = levels(t)
    flat = data.flatten(1)
    distance = ((x_t.flatten(1)[:, None] - a * flat) ** 2).sum(-1)
    r = torch.softmax(-distance / (2 * variance), 1)
    return (r @ flat).reshape(x_t.shape), r


@pytest.mark.parametrize("t", STEPS)
def test_empirical_is_the_weighted_mean_of_the_data(t):
    data = normal(25, 2, 3) + 4.0  # far from the origin: the distances must not cancel
    x_t = PROCESS.corrupt(data[:7], t, normal(7, 2, 3, seed=1))
    clean, r = brute_force(data, x_t, t)
    denoiser = Empirical(PROCESS, data)
    assert_close(denoiser(x_t, t).clean, clean, rtol=1e-8, atol=1e-9)
    assert_close(denoiser.weights(x_t, t), r, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 7), (3, 25), (100, 4), (256, 4096)])
@pytest.mark.parametrize("t", [1, 300, 1000])
def test_the_size_of_the_chunks_changes_nothing(rows, columns, t):
    data, labels = normal(25, 4), torch.arange(25) % 3
    x_t, condition = normal(8, 4, seed=1), Labels(torch.arange(8) % 3)
    for c in (None, condition):
        whole = Empirical(PROCESS, data, labels)(x_t, t, c).clean
        parts = Empirical(PROCESS, data, labels, rows=rows, columns=columns)(x_t, t, c).clean
        assert_close(parts, whole, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_in_high_dimension_at_t_1_it_answers_the_nearest_point(dtype):
    """3 x 64 x 64: the exponents reach 1e8, and the sum of weights is one exact 1."""
    data = normal(20, 3, 64, 64).to(dtype)
    x_1 = PROCESS.corrupt(data, 1, normal(20, 3, 64, 64, seed=1).to(dtype))
    clean = Empirical(PROCESS, data, columns=6)(x_1, 1).clean
    assert_close(clean, data, rtol=0, atol=1e-14 if dtype == torch.float64 else 1e-6)


def test_in_high_dimension_it_stays_finite_at_every_step():
    data = 5 * normal(12, 3, 64, 64)
    for t in (1, 10, 400, 1000):
        prediction = Empirical(PROCESS, data)(normal(4, 3, 64, 64, seed=1), t)
        assert torch.isfinite(prediction.clean).all()
        assert float(prediction.clean.abs().max()) <= float(data.abs().max()) + 1e-9


def test_a_condition_keeps_the_data_of_its_class():
    data, labels = normal(30, 4), torch.arange(30) % 3
    x_t, condition = normal(6, 4, seed=1), Labels(torch.tensor([0, 1, 2, 2, 1, 0]))
    for t in STEPS:
        together = Empirical(PROCESS, data, labels)(x_t, t, condition).clean
        for i, c in enumerate(condition.values.tolist()):
            alone = Empirical(PROCESS, data[labels == c])(x_t[i : i + 1], t).clean
            assert_close(together[i : i + 1], alone, rtol=1e-9, atol=1e-11)


# --- all ----------------------------------------------------------------------------------------------------------------


def denoisers(shape: tuple[int, ...]):
    data = normal(5, *shape)
    return {
        "KnownSample": KnownSample(PROCESS, normal(*shape, seed=2)),
        "GaussianMixture": GaussianMixture(PROCESS, data, torch.full((5,), 0.3)),
        "Empirical": Empirical(PROCESS, data),
    }


@pytest.mark.parametrize("name", ["KnownSample", "GaussianMixture", "Empirical"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (1, 2, 3), (1, 2, 3, 2)], ids=len)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_step_for_each_sample_is_each_sample_by_itself_in_any_rank(name, shape, dtype):
    denoiser, t = denoisers(shape)[name], torch.tensor([1, 40, 500, 1000])
    x_t = normal(4, *shape, seed=1).to(dtype)
    together = denoiser(x_t, t)
    assert together.clean.dtype == dtype
    for i in range(4):
        alone = denoiser(x_t[i : i + 1], int(t[i]))
        close = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-11}
        assert_close(together.clean[i : i + 1], alone.clean, **close)
        assert_close(together.velocity[i : i + 1], alone.velocity, **close)


def test_known_sample_takes_one_sample_or_a_batch():
    one, batch, x_t = normal(2, 3), normal(4, 2, 3), normal(4, 2, 3, seed=1)
    assert torch.equal(KnownSample(PROCESS, one)(x_t, 5).clean, one.expand(4, 2, 3))
    assert torch.equal(KnownSample(PROCESS, batch)(x_t, 5).clean, batch)


def test_each_says_how_it_knows():
    assert {name: denoiser.evidence for name, denoiser in denoisers((2,)).items()} == {
        "KnownSample": "oracle",
        "GaussianMixture": "exact",
        "Empirical": "exact",
    }


DATA = normal(4, 2)


@pytest.mark.parametrize("name", ["KnownSample", "GaussianMixture", "Empirical"])
@pytest.mark.parametrize(
    ("x_t", "t", "culprit"),
    [
        (DATA, 1001, r"1\.\.1000.*1001"),
        (DATA, 0, r"1\.\.1000.*0"),
        (DATA, -1, r"1\.\.1000.*-1"),
        (DATA, 2.0, "float"),
        (DATA, torch.tensor([1.0] * 4), "torch.float32"),
        (DATA, torch.tensor([1, 2]), r"B = 4.*\(2,\)"),
    ],
)
def test_a_bad_step_is_refused_with_the_culprit_named(name, x_t, t, culprit):
    with pytest.raises(UsageError, match=culprit):
        denoisers((2,))[name](x_t, t)


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: GaussianMixture(PROCESS, DATA, torch.ones(3)), "stds must be 4"),
        (lambda: GaussianMixture(PROCESS, DATA, torch.tensor([1.0, 1.0, -0.1, 1.0])), "stds must be 4 numbers >= 0"),
        (lambda: GaussianMixture(PROCESS, DATA, torch.ones(4), torch.ones(3)), "weights must be 4"),
        (
            lambda: GaussianMixture(PROCESS, DATA, torch.ones(4), torch.tensor([1.0, 0, 1, 1])),
            "weights must be 4 numbers > 0",
        ),
        (lambda: GaussianMixture(PROCESS, DATA, torch.ones(4))(DATA, 5, Labels(torch.tensor([0, 1, 4, 2]))), r"0\.\.3"),
        (lambda: Empirical(PROCESS, DATA[:0]), "at least one"),
        (lambda: Empirical(PROCESS, torch.tensor([[0.0], [math.nan]])), "sample 1 is not"),
        (lambda: Empirical(PROCESS, DATA, torch.ones(3)), "3 labels .* 4 data"),
        (lambda: Empirical(PROCESS, DATA)(DATA, 5, Labels(torch.zeros(4).long())), "no labels"),
        (
            lambda: Empirical(PROCESS, DATA, torch.arange(4))(DATA, 5, Labels(torch.zeros(3).long())),
            "one class index for each of the 4",
        ),
        (
            lambda: Empirical(PROCESS, DATA, torch.zeros(4))(DATA, 5, Labels(torch.full((4,), 9))),
            "class that the data does not have",
        ),
    ],
)
def test_bad_data_and_conditions_are_refused_with_the_culprit_named(call, culprit):
    with pytest.raises(UsageError, match=culprit):
        call()
