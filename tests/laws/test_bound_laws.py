"""The variational bound: its terms, their sum where it is known, its weights and its decoder.

With the exact reverse kernel of the data, p(x_{t-1}|x_t) = q(x_{t-1}|x_t), the bound in expectation is the data's entropy
plus KL(q(x_T) || N(0, I)): all else telescopes.
"""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import GaussianMixture
from reverie.errors import UsageError
from reverie.process import EDM, Gaussian, GaussianProcess, NoiseSchedule, Prediction
from reverie.process.likelihood import (
    bound,
    bound_weight,
    decoder_term,
    fitted_variance,
    prior_term,
    step_term,
)
from reverie.process.loss import variational_loss
from reverie.process.path import NoisePath
from reverie.process.registry import CONTINUOUS, named

PROCESS = GaussianProcess(NoiseSchedule.linear(100, 1e-3, 0.2))
MEAN = torch.tensor([0.3, -0.2, 0.0], dtype=torch.float64)
STD = torch.tensor([0.5, 0.8, 1.4], dtype=torch.float64)  # data: three independent Gaussians


def exact(process: GaussianProcess[NoisePath], x_t: torch.Tensor, s: float, t: float) -> Gaussian:
    """q(x_s|x_t) of the data: mean through E[x_0|x_t], variance beta-tilde + c_0^2 Var(x_0|x_t)."""
    signal, noise = process.schedule.powers(t)
    total = signal * STD**2 + noise
    clean = MEAN + signal**0.5 * STD**2 / total * (x_t - signal**0.5 * MEAN)
    posterior = process.posterior(clean, x_t, s, t)
    c_0 = process.posterior(torch.ones_like(x_t), torch.zeros_like(x_t), s, t).mean
    return Gaussian(posterior.mean, posterior.variance + c_0**2 * STD**2 * noise / total)


def exact_kernel(x_t: torch.Tensor, t: int) -> Gaussian:
    return exact(PROCESS, x_t, t - 1, t)


def known_sum(process: GaussianProcess[NoisePath] = PROCESS) -> float:
    entropy = 0.5 * torch.log(2 * math.pi * math.e * STD**2).sum()
    signal, noise = process.schedule.powers(process.schedule.end)
    q_T = Gaussian(signal**0.5 * MEAN, signal * STD**2 + noise)
    prior = Gaussian(torch.zeros(3).double(), torch.full((3,), process.schedule.prior_std**2).double())
    return float(entropy + q_T.kl(prior).sum())


def expected_total(kernel, process: GaussianProcess[NoisePath] = PROCESS, times=range(1, 101)) -> float:
    """Every term is quadratic in (x_0, noise), so the mean over the four points (+-1, +-1) is its exact expectation."""
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    x_0, noise = MEAN + STD * signs[:, :1], signs[:, 1:].expand(4, 3)
    total = prior_term(process, x_0).mean()
    for s, t in itertools.pairwise(times):
        x_t = process.corrupt(x_0, t, noise)
        total = total + step_term(process, x_0, x_t, t, kernel(x_t, t), s).mean()
    return float(total + decoder_term(x_0, kernel(process.corrupt(x_0, times[0], noise), times[0])).mean())


def test_with_the_exact_kernel_the_terms_sum_to_the_entropy_in_closed_form():
    assert math.isclose(expected_total(exact_kernel), known_sum(), rel_tol=1e-10)


def times_of(path: NoisePath) -> list[float]:
    """Twelve, uneven, up to the end."""
    return [path.end * share**3 for share in torch.linspace(0.1, 1, 12, dtype=torch.float64).tolist()]


@pytest.mark.parametrize("path", list(map(named, CONTINUOUS)), ids=CONTINUOUS)
def test_so_they_do_on_every_path_between_whatever_times(path):
    process, times = GaussianProcess[NoisePath](path), times_of(path)
    before = dict(zip(times, [0.0, *times], strict=False))

    def kernel(x_t, t):
        return exact(process, x_t, before[t], t)

    assert math.isclose(expected_total(kernel, process, times), known_sum(process), rel_tol=1e-9)
    x_0 = MEAN + STD * torch.randn(4000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = bound(process, None, x_0, torch.Generator().manual_seed(1), kernel=kernel, times=times)
    assert found.steps.shape == (4000, 11)
    assert abs(float(found.total.mean()) - known_sum(process)) < 4 * float(found.total.std()) / math.sqrt(4000)


@pytest.mark.parametrize("variance", ["beta", "beta_tilde"])
def test_the_exact_mean_with_a_fixed_variance_costs_more(variance):
    def kernel(x_t: torch.Tensor, t: int) -> Gaussian:
        kind = "beta" if t == 1 else variance
        return Gaussian(exact_kernel(x_t, t).mean, PROCESS.reverse_variance(x_t, t, t - 1, kind))

    assert expected_total(kernel) > known_sum() + 1e-3


def test_bound_estimates_that_sum_without_bias():
    """5,000 samples: within four standard errors of the known sum, and the error itself is small."""
    n = 5000
    x_0 = MEAN + STD * torch.randn(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    terms = bound(PROCESS, None, x_0, torch.Generator().manual_seed(1), kernel=exact_kernel)
    assert terms.prior.shape == terms.decoder.shape == terms.total.shape == (n,)
    assert terms.steps.shape == (n, 99)
    error = float(terms.total.std()) / math.sqrt(n)
    assert error < 0.05
    assert abs(float(terms.total.mean()) - known_sum()) < 4 * error
    assert_close(terms.bits_per_dimension, terms.total / (3 * math.log(2)), rtol=1e-14, atol=0)


def test_bound_of_a_denoiser_is_the_bound_of_its_reverse_kernel():
    """With beta-tilde the decoder takes beta_1, for beta-tilde_1 = 0 has no density."""
    x_0 = MEAN + torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    denoiser = GaussianMixture(PROCESS, MEAN[None], torch.tensor([0.5]))

    def kernel(x_t: torch.Tensor, t: int) -> Gaussian:
        mean = PROCESS.posterior(denoiser(x_t, t).clean, x_t, t - 1, t).mean
        return Gaussian(mean, PROCESS.schedule.posterior_variance[t] if t > 1 else PROCESS.schedule.beta[1])

    one = bound(PROCESS, denoiser, x_0, torch.Generator().manual_seed(1))
    other = bound(PROCESS, None, x_0, torch.Generator().manual_seed(1), kernel=kernel)
    for terms in ("prior", "steps", "decoder"):
        assert_close(getattr(one, terms), getattr(other, terms), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("t", [2, 40, 100])
def test_the_fitted_variance_has_the_least_terms_of_all(t):
    x_0 = MEAN + STD * torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x_t = PROCESS.corrupt(x_0, t, generator=torch.Generator().manual_seed(1))
    prediction = GaussianMixture(PROCESS, MEAN[None], torch.tensor([0.5]))(x_t, t)  # of the wrong deviation
    mean = PROCESS.reverse_mean(x_t, t, prediction)
    fitted = fitted_variance(PROCESS, x_0, x_t, t - 1, t, mean)
    fixed = [PROCESS.reverse_variance(x_t, t, t - 1, kind) for kind in ("beta", "beta_tilde")]
    least, *others = (
        float(step_term(PROCESS, x_0, x_t, t, Gaussian(mean, variance)).mean())
        for variance in (fitted, 0.9 * fitted, 1.1 * fitted, *fixed)
    )
    assert all(least < other for other in others)


def test_where_the_step_ends_at_the_data_the_fitted_variance_is_the_mean_squared_error():
    x_0 = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x_1 = PROCESS.corrupt(x_0, 1, generator=torch.Generator().manual_seed(1))
    assert_close(fitted_variance(PROCESS, x_0, x_1, 0, 1, x_1), ((x_0 - x_1) ** 2).mean(), rtol=1e-12, atol=0)
    assert fitted_variance(PROCESS, x_0, x_1, 0, 1, x_0) > 0


def test_weight_of_the_bound_is_largest_at_small_t():
    process = GaussianProcess(NoiseSchedule.linear())
    weight = bound_weight(process, torch.arange(1, 1001), "beta")
    assert int(weight.argmax()) == 0
    assert (weight[:200].diff() < 0).all()


@pytest.mark.parametrize("mean", [-3.0, -1.0, -0.97, 0.0, 0.4, 1.0, 2.0])
@pytest.mark.parametrize("std", [1e-3, 0.01, 0.3, 5.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_discretised_decoder_sums_to_one_over_all_levels(mean, std, dtype):
    levels = (torch.arange(256, dtype=torch.float64) / 127.5 - 1).to(dtype)[:, None]
    reverse = Gaussian(torch.full((256, 1), mean, dtype=dtype), torch.tensor(std**2, dtype=dtype))
    nats = decoder_term(levels, reverse, bin_width=2 / 255)
    assert torch.isfinite(nats).all()
    assert (nats >= 0).all()
    assert abs(float(torch.exp(-nats.double()).sum()) - 1) < (1e-12 if dtype == torch.float64 else 3e-4)


def test_discretised_decoder_keeps_its_digits_in_the_tails():
    """40 deviations out a difference of distribution functions is 0 - 0; the term is still the bin's log-probability."""
    width, std = 2 / 255, 0.01
    for gap in (0.4, 0.8):
        nats = [
            decoder_term(
                torch.full((1, 1), side * gap / 2, dtype=torch.float64),
                Gaussian(torch.full((1, 1), -side * gap / 2, dtype=torch.float64), torch.tensor(std**2).double()),
                width,
            ).item()
            for side in (1, -1)
        ]
        x = torch.linspace(gap - width / 2, gap + width / 2, 200_001, dtype=torch.float64)
        exponent = -0.5 * (x / std) ** 2
        mass = torch.trapezoid(torch.exp(exponent - exponent.max()), x)
        expected = -float(mass.log() + exponent.max() - math.log(std * math.sqrt(2 * math.pi)))
        assert math.isclose(nats[0], nats[1], rel_tol=1e-12)
        assert math.isclose(nats[0], expected, rel_tol=1e-6)


def test_a_narrow_bin_is_the_density_times_its_width():
    x = torch.linspace(-0.9, 0.9, 7, dtype=torch.float64)[:, None]
    reverse = Gaussian(0.8 * x, torch.tensor(0.09, dtype=torch.float64))
    binned = decoder_term(x, reverse, bin_width=1e-5)
    assert_close(binned, decoder_term(x, reverse) - math.log(1e-5), rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(), (6,), (2, 3), (1, 2, 3)], ids=len)
def test_terms_are_summed_over_each_sample_in_any_rank(shape):
    x_0 = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def kernel(x_t: torch.Tensor, t: int) -> Gaussian:
        return Gaussian(0.9 * x_t, PROCESS.schedule.beta[t])

    terms, flat = (bound(PROCESS, None, x, torch.Generator().manual_seed(1), kernel=kernel) for x in (x_0, x_0[:, None]))
    assert terms.total.shape == (4,)
    assert_close(terms.total, flat.total, rtol=1e-12, atol=0)
    assert_close(terms.bits_per_dimension, terms.total / (max(1, math.prod(shape)) * math.log(2)), rtol=1e-12, atol=0)


def test_variational_loss_is_the_terms_of_the_bound():
    generator = torch.Generator().manual_seed(0)
    x_0, noise, error = (torch.randn(5, 2, 3, generator=generator, dtype=torch.float64) for _ in range(3))
    mix = torch.rand(5, 2, 3, generator=generator, dtype=torch.float64)
    t = torch.tensor([1, 2, 3, 50, 100])
    x_t = PROCESS.corrupt(x_0, t, noise)
    prediction = PROCESS.predict(x_t, t, noise=noise + 0.3 * error, variance_mix=mix)
    loss = variational_loss(PROCESS, prediction, x_0, t)
    assert loss.shape == x_0.shape
    for i, step in enumerate(t.tolist()):
        row = slice(i, i + 1)
        one = PROCESS.predict(x_t[row], step, noise=(noise + 0.3 * error)[row], variance_mix=mix[row])
        reverse = PROCESS.reverse(x_t[row], step, one, variance="learned")
        term = decoder_term(x_0[row], reverse) if step == 1 else step_term(PROCESS, x_0[row], x_t[row], step, reverse)
        assert_close(loss[row].flatten(1).sum(1), term, rtol=1e-9, atol=1e-12)


def test_variational_loss_trains_the_variance_and_not_the_mean():
    generator = torch.Generator().manual_seed(0)
    x_0, noise = (torch.randn(3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    t = torch.tensor([1, 7, 80])
    eps = torch.randn(3, 4, generator=generator, dtype=torch.float64).requires_grad_()
    mix = torch.full((3, 4), 0.4, dtype=torch.float64).requires_grad_()
    x_t = PROCESS.corrupt(x_0, t, noise)
    prediction: Prediction = PROCESS.predict(x_t, t, noise=eps, variance_mix=mix)
    variational_loss(PROCESS, prediction, x_0, t).sum().backward()
    assert eps.grad is None or not eps.grad.any()
    assert mix.grad is not None
    assert torch.isfinite(mix.grad).all()
    assert (mix.grad != 0).all()


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda x: step_term(PROCESS, x, x, 1, exact_kernel(x, 1)), "t = 2"),
        (lambda x: bound(PROCESS, None, x, torch.Generator()), "needs a denoiser or a kernel"),
        (lambda x: bound_weight(PROCESS, 5, "learned"), "'beta' and 'beta_tilde'"),
        (lambda x: bound(GaussianProcess(EDM()), None, x, torch.Generator()), "needs the times"),
        (
            lambda x: bound(GaussianProcess(EDM()), None, x, torch.Generator(), times=[1, 2]),
            "to the end of the schedule, 80",
        ),
        (lambda x: bound(GaussianProcess(EDM()), None, x, torch.Generator(), times=[0, 80]), "from above 0"),
        (lambda x: bound(GaussianProcess(EDM()), None, x, torch.Generator(), times=[3, 2, 80]), "rise"),
    ],
)
def test_what_the_bound_does_not_define_is_refused(call, culprit):
    with pytest.raises(UsageError, match=culprit):
        call(torch.zeros(2, 3, dtype=torch.float64))
