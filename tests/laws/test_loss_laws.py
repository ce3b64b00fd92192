"""What training minimises: masks hide, weights convert, and the reconstruction term is a re-weighted noise error."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from reverie.errors import UsageError
from reverie.process import EDM, GaussianProcess, NoiseSchedule, RectifiedFlow, TerminalSNRWarning
from reverie.process.likelihood import bound_weight
from reverie.process.loss import (
    TARGETS,
    element_loss,
    loss_weight,
    masked_mean,
    reconstruction_loss,
    target,
)
from reverie.process.randomness import uniform
from reverie.process.registry import CONTINUOUS, named

PROCESS = GaussianProcess(NoiseSchedule.linear())
SCHEDULE = PROCESS.schedule


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def clinical() -> GaussianProcess:
    with pytest.warns(TerminalSNRWarning):
        return GaussianProcess(NoiseSchedule.linear(500, 1e-4, 0.01))


# --- masks ------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 4), st.integers(1, 9), st.integers(0, 6), st.sampled_from([0.0, 1e300, math.inf, -math.inf, math.nan]))
def test_masked_mean_sees_neither_what_is_masked_nor_how_much_padding(rows, length, padding, under):
    e, mask = normal(rows, 3, length) ** 2, normal(rows, 1, length, seed=1) > -0.3
    expected = sum(float(e[i, c, j]) for i in range(rows) for c in range(3) for j in range(length) if mask[i, 0, j]) / max(
        3 * int(mask.sum()), 1
    )
    hidden = torch.where(mask, e, under)
    padded = torch.nn.functional.pad(hidden, (0, padding), value=under)
    padded_mask = torch.nn.functional.pad(mask, (0, padding), value=False)
    for values, keep in ((e, mask), (hidden, mask), (padded, padded_mask), (padded, padded_mask.double())):
        assert math.isclose(float(masked_mean(values, keep)), expected, rel_tol=1e-12, abs_tol=1e-300)


@pytest.mark.parametrize("under", [0.0, math.inf, math.nan])
def test_no_gradient_reaches_what_lies_under_the_mask(under):
    mask = torch.tensor([[True, True, False]])
    e = torch.tensor([[1.0, 2.0, under]], dtype=torch.float64, requires_grad=True)
    masked_mean(e, mask).backward()
    assert e.grad is not None
    assert e.grad.tolist() == [[0.5, 0.5, 0.0]]


def test_an_empty_mask_gives_zero_and_no_mask_the_mean():
    e = normal(2, 3)
    assert masked_mean(e, torch.zeros(2, 3, dtype=torch.bool)) == 0
    assert masked_mean(e) == e.mean() == masked_mean(e, torch.ones(2, 1))


@pytest.mark.parametrize("blend", [False, True])
def test_reconstruction_loss_sees_neither_what_is_masked_nor_padding(blend):
    x_0, noise, error = normal(2, 3, 6), normal(2, 3, 6, seed=1), normal(2, 3, 6, seed=2)
    mask = torch.zeros(2, 1, 6)
    mask[0, :, :4], mask[1, :, :2] = 1, 1

    def loss(x_0):
        x_t = PROCESS.corrupt(x_0, 300, noise)
        prediction = PROCESS.predict(x_t, 300, noise=noise + error)
        u = uniform(x_0, torch.Generator().manual_seed(0)) if blend else None
        return reconstruction_loss(prediction, x_0, noise, 20.0, mask, u)

    dirty = torch.where(mask.bool(), x_0, math.inf)
    assert_close(loss(dirty), loss(x_0), rtol=1e-12, atol=0)


# --- targets and weights ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_the_truth_has_no_loss_and_an_error_its_square(kind):
    x_0, noise, error, t = normal(3, 4), normal(3, 4, seed=1), normal(3, 4, seed=2), torch.tensor([1, 300, 1000])
    x_t, truth = PROCESS.corrupt(x_0, t, noise), target(PROCESS, x_0, noise, t, kind)
    assert_close(PROCESS.predict(x_t, t, noise=noise).view(kind), truth, rtol=1e-9, atol=1e-9)
    prediction = PROCESS.predict(x_t, t, **{kind: truth + error})
    assert_close(element_loss(prediction, truth, kind), error**2, rtol=1e-9, atol=1e-12)


def test_min_snr_weights_of_each_target():
    """min(SNR, 5) for clean, over SNR for noise, over SNR + 1 for velocity (Hang et al. 2023, section 3.4)."""
    t = torch.tensor([1, 100, 300, 1000])
    snr = SCHEDULE.alpha_bar[t] / (1 - SCHEDULE.alpha_bar[t])
    assert (snr[:2] > 5).all() and (snr[2:] < 5).all()
    capped = torch.minimum(snr, torch.tensor(5.0))
    assert_close(loss_weight(SCHEDULE, t, "clean", "min_snr"), capped, rtol=1e-12, atol=0)
    assert_close(loss_weight(SCHEDULE, t, "noise", "min_snr"), capped / snr, rtol=1e-12, atol=0)
    assert_close(loss_weight(SCHEDULE, t, "velocity", "min_snr"), capped / (snr + 1), rtol=1e-12, atol=0)
    assert_close(loss_weight(SCHEDULE, t, "clean", "min_snr", gamma=2.0), snr.clamp(max=2), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("weighting", "on_clean"),
    [
        ("snr", lambda snr: snr),
        ("truncated_snr", lambda snr: snr.clamp(min=1)),
        ("p2", lambda snr: snr / (1 + snr)),
    ],
)
def test_other_weights_are_their_formulas(weighting, on_clean):
    t = torch.arange(1, 1001)
    snr = SCHEDULE.alpha_bar[t] / (1 - SCHEDULE.alpha_bar[t])
    assert_close(loss_weight(SCHEDULE, t, "clean", weighting), on_clean(snr), rtol=1e-10, atol=0)


def test_uniform_weight_is_one_and_bound_weight_is_that_of_the_bound():
    t = torch.arange(1, 1001)
    for kind in TARGETS:
        assert torch.equal(loss_weight(SCHEDULE, t, kind), torch.ones(1000, dtype=torch.float64))
    assert_close(loss_weight(SCHEDULE, t, "noise", "bound"), bound_weight(PROCESS, t, "beta"), rtol=1e-9, atol=0)


def test_weights_stay_finite_at_zero_terminal_snr_for_the_targets_that_exist_there():
    schedule = SCHEDULE.with_zero_terminal_snr()
    for weighting in ("uniform", "snr", "min_snr", "truncated_snr", "p2"):
        for kind in ("clean", "velocity"):
            assert torch.isfinite(loss_weight(schedule, torch.arange(1, 1001), kind, weighting)).all()


@pytest.mark.parametrize(
    "process", [PROCESS, *(GaussianProcess(named(name)) for name in CONTINUOUS)], ids=["linear", *CONTINUOUS]
)
def test_every_weighting_weighs_an_error_the_same_in_whichever_view_it_is_seen(process):
    """weight x |error of the target|^2 is one number for one wrong prediction, on any path."""
    x_0, noise, error = normal(4, 3), normal(4, 3, seed=1), normal(4, 3, seed=2)
    t = torch.tensor([1, 100, 600, 999])
    t = t if process.schedule.whole else t.double() / 1000 * process.schedule.end
    prediction = process.predict(process.corrupt(x_0, t, noise), t, clean=x_0 + error)
    for weighting in ("snr", "min_snr", "truncated_snr", "p2", "bound"):
        seen = {}
        for kind in (*TARGETS, "flow", "edm"):
            e = element_loss(prediction, target(process, x_0, noise, t, kind), kind)
            seen[kind] = loss_weight(process.schedule, t, kind, weighting)[:, None] * e
        for kind, value in seen.items():
            assert_close(value, seen["clean"], rtol=1e-6, atol=1e-12, msg=lambda m, kind=kind: f"{kind}: {m}")


def test_karras_weight_is_one_on_the_network_and_that_of_the_flow_is_one_on_the_flow():
    """lambda(sigma) = 1 / c_out^2 on the error of D (Karras et al. 2022, equation 8); the flow errs by 1/t of x_0-hat."""
    sigma = torch.tensor([0.01, 0.5, 30.0], dtype=torch.float64)
    weight = loss_weight(EDM(), sigma, "clean", "snr") / loss_weight(EDM(), sigma, "edm", "snr")
    assert_close(weight, (sigma**2 + 0.25) / (sigma * 0.5) ** 2, rtol=1e-12, atol=0)
    t = torch.tensor([0.01, 0.5, 0.9], dtype=torch.float64)
    weight = loss_weight(RectifiedFlow(), t, "clean", "snr") / loss_weight(RectifiedFlow(), t, "flow", "snr")
    assert_close(weight, 1 / t**2, rtol=1e-12, atol=0)


def test_the_weight_of_the_bound_in_continuous_time_is_the_limit_of_that_of_many_steps():
    """-1/2 dSNR/dt (Kingma et al. 2021): each step weighs the error with half the fall of the SNR over it."""
    for name in CONTINUOUS:
        path, h = named(name), 1e-6
        for share in (0.1, 0.5, 0.9):
            t = share * path.end
            snr = [float(a) / float(b) for a, b in (path.powers(t - h), path.powers(t + h))]
            expected = 0.5 * (snr[0] - snr[1]) / (2 * h)
            assert math.isclose(float(loss_weight(path, t, "clean", "bound")), expected, rel_tol=1e-5), name


# --- the reconstruction term --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("t", "weight", "unit"), [(1, 7e-4, 0.5e-4), (500, 77, 0.5)])
def test_the_blend_makes_it_a_third_in_expectation(clinical, t, weight, unit):
    """(recon_weight / 3)(1 - alpha_bar)/alpha_bar on MSE(eps): 7e-4 at t = 1, 77 at t = 500, at recon_weight 20.

    (1 - u)^2 has mean 1/3 and deviation sqrt(4/45): 400,000 elements fix the ratio to four standard errors, 0.6 %.
    """
    alpha_bar, n = float(clinical.schedule.alpha_bar[t]), 400_000
    effective = 20 / 3 * (1 - alpha_bar) / alpha_bar
    assert abs(effective - weight) < unit
    x_0, noise = normal(n, 1), normal(n, 1, seed=1)
    prediction = clinical.predict(clinical.corrupt(x_0, t, noise), t, noise=noise + 1.0)  # MSE(eps) = 1
    loss = float(reconstruction_loss(prediction, x_0, noise, 20.0, blend=uniform(x_0, torch.Generator().manual_seed(0))))
    assert abs(loss / effective - 1) < 4 * math.sqrt(4 / 45) * 3 / math.sqrt(n)


def test_the_blend_draws_for_each_element_and_only_when_asked():
    x_0, noise = normal(50, 4), normal(50, 4, seed=1)
    prediction = PROCESS.predict(PROCESS.corrupt(x_0, 300, noise), 300, noise=noise + 1.0)
    plain = float(reconstruction_loss(prediction, x_0, noise))
    blended = [
        float(reconstruction_loss(prediction, x_0, noise, blend=uniform(x_0, torch.Generator().manual_seed(s))))
        for s in (0, 0, 1)
    ]
    assert blended[0] == blended[1] != blended[2]
    assert all(b < plain for b in blended)
    u = torch.rand(50, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert math.isclose(blended[0] / plain, float(((1 - u) ** 2).mean()), rel_tol=1e-9)


# --- bad input ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: target(PROCESS, normal(2), normal(2), 1, "noize"), "'noize': did you mean 'noise'"),
        (lambda: loss_weight(SCHEDULE, 1, "noise", "min_snt"), "'min_snt': did you mean 'min_snr'"),
        (lambda: loss_weight(SCHEDULE, 1, "score", "min_snr"), "'score'"),
    ],
)
def test_an_unknown_name_is_named(call, culprit):
    with pytest.raises(UsageError, match=culprit):
        call()
