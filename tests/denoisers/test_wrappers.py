"""Wrappers change one view and the others follow: x_t = a x_0-hat + sigma eps-hat holds after each."""

import math

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import (
    Autoguided,
    ClassifierGuided,
    Clipped,
    Empirical,
    GaussianMixture,
    Guided,
    KnownSample,
    Labels,
    Thresholded,
)
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule, generator

PROCESS = GaussianProcess(NoiseSchedule.linear())
STEPS = [1, 50, 500, 1000, torch.tensor([1, 50, 500, 1000, 7, 8])]


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


X = normal(6, 2, 4)
CONDITION = Labels(torch.tensor([0, 1, 2, 0, 1, 2]))
MIXTURE = GaussianMixture(PROCESS, 2 * normal(3, 2, 4, seed=1), torch.tensor([0.3, 0.5, 0.2]))


def assert_on_the_process(prediction, t) -> None:
    alpha_bar = PROCESS.schedule.alpha_bar[t]
    alpha_bar = alpha_bar.reshape(-1, 1, 1) if alpha_bar.ndim else alpha_bar
    state = alpha_bar.sqrt() * prediction.clean + (1 - alpha_bar).sqrt() * prediction.noise
    assert_close(state, prediction.x_t, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("t", STEPS)
@pytest.mark.parametrize(
    "wrapped",
    [
        Clipped(MIXTURE),
        Thresholded(MIXTURE),
        Guided(MIXTURE, 3.0),
        Guided(Clipped(MIXTURE), 3.0, 0.7),
        Clipped(Guided(MIXTURE, 5.0)),
    ],
    ids=["clipped", "thresholded", "guided", "guided clipped", "clipped guided"],
)
def test_noise_and_clean_still_make_up_the_state(wrapped, t):
    assert_on_the_process(wrapped(X, t, CONDITION), t)
    assert wrapped.process is PROCESS
    assert wrapped.evidence == "exact"


def log_class(k):
    """log p(k | x_t) of the mixture, by Bayes' rule on the densities of its components at t."""

    def log_probability(x, t):
        alpha_bar = PROCESS.schedule.alpha_bar[t].reshape(-1, 1)
        spread = alpha_bar * MIXTURE.stds.double() ** 2 + 1 - alpha_bar
        gap = x[:, None] - alpha_bar.sqrt()[..., None, None] * MIXTURE.means
        density = -0.5 * (gap**2).flatten(2).sum(-1) / spread - 4 * spread.log()
        return torch.log_softmax(density, 1)[:, k]

    return log_probability


@pytest.mark.parametrize("t", STEPS[1:])
def test_guided_by_the_exact_classifier_it_is_the_denoiser_of_the_class(t):
    """Bayes: grad log p(x_t | k) = grad log p(x_t) + grad log p(k | x_t)."""
    guided = ClassifierGuided(MIXTURE, log_class(1))(X, t)
    assert_close(guided.clean, MIXTURE(X, t, Labels(torch.full((6,), 1))).clean, rtol=1e-8, atol=1e-8)
    assert_on_the_process(guided, t)
    with pytest.raises(UsageError, match=r"one number for each of 6 states, not \[\]"):
        ClassifierGuided(MIXTURE, lambda x, t: x.sum())(X, t)


@pytest.mark.parametrize("t", STEPS)
def test_autoguidance_by_what_knows_no_class_is_guidance(t):
    class Of(GaussianMixture):
        def __call__(self, x_t, t, condition=None):
            return MIXTURE(x_t, t)

    strong, weak = MIXTURE, Of(PROCESS, MIXTURE.means, MIXTURE.stds)
    assert_close(Autoguided(strong, weak, 3.0)(X, t, CONDITION).noise, Guided(strong, 3.0)(X, t, CONDITION).noise)
    assert_close(Autoguided(strong, weak, 1.0)(X, t, CONDITION).clean, strong(X, t, CONDITION).clean)
    other = GaussianMixture(GaussianProcess(NoiseSchedule.cosine(1000)), MIXTURE.means, MIXTURE.stds)
    with pytest.raises(UsageError, match="two denoisers of one process"):
        Autoguided(strong, other)


def test_clipping_clips_and_leaves_what_is_inside():
    clean = MIXTURE(X, 300).clean
    assert float(clean.abs().max()) > 1
    assert_close(Clipped(MIXTURE)(X, 300).clean, clean.clamp(-1, 1))
    assert_close(Clipped(MIXTURE, -0.5, 2.0)(X, 300).clean, clean.clamp(-0.5, 2.0))
    wide = Clipped(MIXTURE, -99.0, 99.0)(X, 300)
    assert_close(wide.noise, MIXTURE(X, 300).noise, rtol=1e-12, atol=1e-13)


def test_thresholding_scales_each_sample_by_its_own_quantile():
    x_0 = torch.arange(1.0, 101.0, dtype=torch.float64)[torch.randperm(100, generator=generator(0))].reshape(1, 100)
    x_0 = torch.cat([x_0, -x_0 / 200])  # the second never leaves [-1, 1]
    x_t = normal(2, 100)
    clean = Thresholded(KnownSample(PROCESS, x_0), quantile=0.8)(x_t, 10).clean
    assert_close(clean, torch.stack([x_0[0].clamp(max=80) / 80, x_0[1]]), rtol=1e-14, atol=0)
    capped = Thresholded(KnownSample(PROCESS, x_0), quantile=0.8, largest=20.0)(x_t, 10).clean
    assert_close(capped[0], x_0[0].clamp(max=20) / 20, rtol=1e-14, atol=0)


def test_thresholding_at_quantile_one_keeps_the_shape_of_the_sample():
    x_0 = 3 * normal(2, 50)
    clean = Thresholded(KnownSample(PROCESS, x_0), quantile=1.0)(normal(2, 50), 10).clean
    assert_close(clean, x_0 / x_0.abs().amax(1, keepdim=True), rtol=1e-14, atol=0)


@pytest.mark.parametrize("t", STEPS)
def test_guidance_of_one_is_the_condition_and_of_zero_is_none(t):
    assert torch.equal(Guided(MIXTURE, 1.0)(X, t, CONDITION).clean, MIXTURE(X, t, CONDITION).clean)
    assert_close(Guided(MIXTURE, 0.0)(X, t, CONDITION).clean, MIXTURE(X, t).clean, rtol=1e-10, atol=1e-12)
    assert torch.equal(Guided(MIXTURE, 4.0)(X, t, None).clean, MIXTURE(X, t).clean)


@pytest.mark.parametrize("t", STEPS)
@pytest.mark.parametrize("scale", [-1.0, 0.3, 2.0, 7.5])
def test_guidance_is_the_same_line_in_every_view(scale, t):
    guided, given, free = Guided(MIXTURE, scale)(X, t, CONDITION), MIXTURE(X, t, CONDITION), MIXTURE(X, t)
    for kind in ("clean", "noise", "velocity", "score"):
        line = free.view(kind) + scale * (given.view(kind) - free.view(kind))
        assert_close(guided.view(kind), line, rtol=1e-7, atol=1e-7 if kind == "score" else 1e-9)


@pytest.mark.parametrize("t", [500, torch.tensor([1, 50, 500, 1000, 7, 8])])
def test_rescale_brings_the_deviation_back(t):
    plain, given = Guided(MIXTURE, 4.0)(X, t, CONDITION).velocity, MIXTURE(X, t, CONDITION).velocity
    ratio = given.flatten(1).std(1) / plain.flatten(1).std(1)
    for rescale in (0.4, 1.0):
        guided = Guided(MIXTURE, 4.0, rescale)(X, t, CONDITION).velocity
        assert_close(guided, plain * (rescale * ratio + 1 - rescale)[:, None, None], rtol=1e-10, atol=1e-12)
        if rescale == 1.0:
            assert_close(guided.flatten(1).std(1), given.flatten(1).std(1), rtol=1e-10, atol=0)


def test_outside_the_interval_the_conditional_answer_is_given_without_a_second_call():
    calls = []

    class Counted(GaussianMixture):
        def __call__(self, x_t, t, condition=None):
            calls.append(condition is None)
            return super().__call__(x_t, t, condition)

    inner = Counted(PROCESS, MIXTURE.means, MIXTURE.stds)
    guided = Guided(inner, 3.0, interval=(100, 600))
    for t, active in ((99, False), (100, True), (600, True), (601, False)):
        calls.clear()
        answer = guided(X, t, CONDITION).clean
        assert calls == ([False, True] if active else [False])
        expected = Guided(MIXTURE, 3.0) if active else MIXTURE
        assert_close(answer, expected(X, t, CONDITION).clean, rtol=1e-12, atol=1e-12)


def test_the_interval_acts_on_each_sample_by_its_own_step():
    t = torch.tensor([1, 99, 100, 600, 601, 1000])
    answer = Guided(MIXTURE, 3.0, interval=(100, 600))(X, t, CONDITION).clean
    for i, step in enumerate(t.tolist()):
        row = slice(i, i + 1)
        alone = (Guided(MIXTURE, 3.0) if 100 <= step <= 600 else MIXTURE)(X[row], step, CONDITION[row]).clean
        assert_close(answer[row], alone, rtol=1e-9, atol=1e-10)


def test_wrappers_keep_the_predicted_variance():
    class Learned(KnownSample):
        def __call__(self, x_t, t, condition=None):
            return self.process.predict(x_t, t, clean=self.x_0 * (2 if condition is None else 3), variance_mix=x_t)

    inner = Learned(PROCESS, X)
    for wrapped in (Clipped(inner), Thresholded(inner), Guided(inner, 2.0)):
        assert torch.equal(wrapped(X, 5, CONDITION).variance_mix, X)


def test_a_clipped_empirical_denoiser_of_data_in_range_is_itself():
    data = normal(10, 2, 4).clamp(-1, 1)
    empirical = Empirical(PROCESS, data)
    assert_close(Clipped(empirical)(X, 200).clean, empirical(X, 200).clean, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("build", "culprit"),
    [
        (lambda: Clipped(MIXTURE, 1.0, -1.0), r"low = 1\.0 and high = -1\.0"),
        (lambda: Clipped(MIXTURE, math.nan, 1.0), "low = nan"),
        (lambda: Thresholded(MIXTURE, quantile=0.0), r"quantile.*0\.0"),
        (lambda: Thresholded(MIXTURE, quantile=1.5), r"quantile.*1\.5"),
        (lambda: Thresholded(MIXTURE, largest=0.5), r"largest.*0\.5"),
        (lambda: Guided(MIXTURE, math.inf), "finite scale.*inf"),
        (lambda: Guided(MIXTURE, 2.0, rescale=1.5), r"rescale.*1\.5"),
        (lambda: Guided(MIXTURE, 2.0, interval=(600, 100)), r"\(600, 100\)"),
    ],
)
def test_bad_settings_are_refused_with_the_culprit_named(build, culprit):
    with pytest.raises(UsageError, match=culprit):
        build()
