"""Every path of noise levels: its two functions of time, their inverse and their slopes, and what each is by its paper."""

import math

import pytest
import torch
from torch.testing import assert_close

from reverie.errors import UsageError
from reverie.process import (
    EDM,
    ContinuousCosine,
    GaussianProcess,
    LinearRate,
    LogSNR,
    NoiseSchedule,
    RectifiedFlow,
    VarianceExploding,
)
from reverie.process.path import NoisePath
from reverie.process.registry import ALIASES, PATHS, named, path_from_config
from reverie.process.registry import CONTINUOUS as NAMES
from reverie.process.registry import TABLES as TABLE_NAMES

CONTINUOUS: dict[str, NoisePath] = {name: named(name) for name in NAMES}
TABLES: dict[str, NoisePath] = {
    "linear": NoiseSchedule.linear(),
    "cosine": NoiseSchedule.cosine(300),
    "zero": NoiseSchedule.linear().with_zero_terminal_snr(),
}
EVERY = CONTINUOUS | TABLES

every = pytest.mark.parametrize("path", EVERY.values(), ids=EVERY)
continuous = pytest.mark.parametrize("path", CONTINUOUS.values(), ids=CONTINUOUS)
SHARES = torch.linspace(0.01, 0.99, 23, dtype=torch.float64)


def times(path: NoisePath) -> list[float]:
    """Even in log-SNR between the ends."""
    high, low = (path.level(t).half_log_snr for t in path.ends)
    return [path.time(high + share * (low - high)) for share in SHARES.tolist()]


# --- laws of all paths ------------------------------------------------------------------------------------------------


@every
def test_time_zero_is_clean_data_and_the_end_is_noise(path):
    assert path.level(0) == (1, 0, math.inf)
    alpha, sigma, half_log_snr = path.level(path.end)
    assert math.isclose(sigma, path.prior_std, rel_tol=0.005)
    assert path.zero_terminal_snr == (alpha == 0) == (half_log_snr == -math.inf)
    assert 0 < path.ends[0] < path.ends[1] <= path.end
    assert all(math.isfinite(path.level(t).half_log_snr) for t in path.ends)


@every
def test_half_the_log_snr_is_that_of_the_level_and_its_inverse_is_the_time(path):
    found = times(path)
    assert found == sorted(found)
    for t in [*path.ends, *found]:
        alpha, sigma, half_log_snr = path.level(t)
        assert math.isclose(half_log_snr, math.log(alpha / sigma), rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(path.time(half_log_snr), t, rel_tol=1e-9)
    assert path.time(math.inf) == 0
    if path.zero_terminal_snr:
        assert path.time(-math.inf) == path.end


@every
def test_levels_of_many_times_are_those_of_each(path):
    t = torch.tensor(times(path), dtype=torch.float64)
    t = t.round().long() if path.whole else t
    columns = [*path.at(t), *path.powers(t), *path.rates(t)]
    for i, one in enumerate(t.tolist()):
        alone = [*path.level(one)[:2], *path.powers(one), *path.rates(one)]
        assert_close([column[i].item() for column in columns], alone, rtol=1e-14, atol=0)


@every
def test_rates_are_the_slopes_of_the_levels(path):
    """On a table, of the line that ends at the step."""
    for t in times(path):
        t, h, ahead = (math.ceil(t), 1e-4, 0.0) if path.whole else (t, 1e-4 * t, 1e-4 * t)
        before, after = path.level(t - h), path.level(t + ahead)
        slopes = [(a - b) / (h + ahead) for a, b in zip(after[:2], before[:2], strict=True)]
        assert_close(list(path.rates(t)), slopes, rtol=1e-6, atol=1e-8)


@every
def test_variance_is_preserved_where_it_is_said_to_be(path):
    preserving = isinstance(path, NoiseSchedule | LinearRate | ContinuousCosine | LogSNR)
    for t in times(path):
        alpha, sigma, _ = path.level(t)
        assert (abs(alpha**2 + sigma**2 - 1) < 1e-14) == preserving


def test_between_two_steps_of_a_table_the_level_is_between_theirs():
    path = TABLES["linear"]
    for t in (0, 1, 500, 999):
        above, between, below = path.level(t), path.level(t + 0.3), path.level(t + 1)
        assert above.alpha > between.alpha > below.alpha and above.sigma < between.sigma < below.sigma
    assert path.level(500.0) is path.level(500)


# --- what each is -----------------------------------------------------------------------------------------------------


def test_the_linear_rate_is_the_limit_of_the_linear_table():
    """beta_t = beta(t/T)/T: for T = 20,000 alpha_bar is within 0.5 % of exp(-integral of beta)."""
    T = 20_000
    table, path = NoiseSchedule.linear(T, 0.1 / T, 20 / T), LinearRate(0.1, 20.0)
    for share in (0.1, 0.5, 0.8):
        found = path.powers(share)[0]
        assert math.isclose(table.powers(round(share * T))[0], found, rel_tol=5e-3)
        assert math.isclose(found, math.exp(-(0.1 * share + 19.9 * share**2 / 2)), rel_tol=1e-12)


def test_the_cosine_turns_evenly():
    path = ContinuousCosine()
    for t in (0.0, 0.25, 0.5, 0.9):
        alpha, sigma, _ = path.level(t)
        assert math.isclose(math.atan2(sigma, alpha), math.pi / 2 * t, rel_tol=1e-14)
    assert path.level(1) == (0, 1, -math.inf)


def test_the_log_snr_of_kingmas_path_is_a_line():
    path = LogSNR(low=-5, high=13.3)
    for t in (1e-9, 0.3, 1.0):
        assert math.isclose(2 * path.level(t).half_log_snr, 13.3 - 18.3 * t, rel_tol=1e-12)
    with pytest.raises(UsageError, match=r"no level between the clean data and a log-SNR of 13\.3"):
        path.time(7.0)


def test_the_variance_of_the_exploding_path_is_that_of_its_sde():
    """sigma^2(t) - sigma^2(0) with sigma(t) = sigma_min (sigma_max / sigma_min)^t (Song et al. 2021, equation 29)."""
    path = VarianceExploding(0.01, 50)
    for t in (1e-4, 0.3, 1.0):
        sigma = 0.01 * 5000**t
        assert path.level(t).alpha == 1
        assert math.isclose(path.powers(t)[1], sigma**2 - 0.01**2, rel_tol=1e-9)


def test_the_flow_is_a_straight_line():
    path = RectifiedFlow()
    assert path.level(0.25)[:2] == (0.75, 0.25)
    assert path.rates(0.25) == (-1, 1)


def test_edm_counts_time_in_sigma_and_trains_at_a_log_normal_one():
    """Over even quantiles ln sigma has mean p_mean and deviation p_std (Karras et al. 2022, table 1)."""
    path = EDM()
    assert path.level(3.0)[:2] == (1, 3.0)
    assert (path.end, path.prior_std, path.ends, path.data_std) == (80, 80, (0.002, 80), 0.5)
    log_sigma = path.training_time((torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000).log()
    assert math.isclose(float(log_sigma.mean()), -1.2, rel_tol=1e-6)
    assert math.isclose(float(log_sigma.std()), 1.2, rel_tol=1e-3)
    assert float(path.training_time(torch.zeros(1, dtype=torch.float64))) > 0


@every
def test_times_of_training_lie_on_the_path(path):
    u = torch.linspace(0, 1 - 2**-53, 2001, dtype=torch.float64)
    t = path.training_time(u)
    assert t.dtype == (torch.int64 if path.whole else torch.float64)
    assert (t > 0).all() and (t <= path.end).all()
    assert (t.diff() >= 0).all()
    GaussianProcess(path).check(t, 1, torch.zeros(2001, 1))


def test_a_table_trains_at_each_step_as_often():
    t = NoiseSchedule.cosine(50).training_time((torch.arange(5000, dtype=torch.float64) + 0.5) / 5000)
    assert torch.equal(t.bincount(minlength=51), torch.tensor([0] + [100] * 50))


# --- construction -----------------------------------------------------------------------------------------------------


@every
def test_config_builds_the_same_path(path):
    assert path_from_config(path.config) == path
    assert hash(path_from_config(path.config)) == hash(path)


def test_every_path_of_the_list_is_made_by_its_name_with_the_settings_listed():
    for name, entry in PATHS.items():
        if name != "from_betas":
            steps = {"steps": 2000} if entry.whole else {}  # as many as leave no signal on any of them
            path = named(name, **entry.settings | steps)
            assert path == named(name, **steps) and path.whole == entry.whole == (name in TABLE_NAMES)
            assert path.config["name"] == name or name == "squaredcos_cap_v2"
    assert [named(short).config["name"] for short in ALIASES] == list(ALIASES.values())


# --- the way along it ---------------------------------------------------------------------------------------------------


@continuous
def test_progress_is_the_time_of_the_cosine_whose_noise_ratio_for_unit_data_is_the_same(path):
    cosine = ContinuousCosine()
    for t in (*path.ends, *times(path)[::4]):
        alpha, sigma, _ = path.level(t)
        alike = cosine.time(math.log(alpha * path.data_std / sigma))
        assert math.isclose(float(path.progress(torch.tensor(t))), alike, rel_tol=1e-6)
        assert math.isclose(path.at_progress(alike), t, rel_tol=1e-6)
    assert path.at_progress(0) == 0 and path.at_progress(1) == path.end
    assert path.at_progress(1e-9) == pytest.approx(path.ends[0]) and 0.99 * path.end < path.at_progress(1 - 1e-9) <= path.end


def test_on_a_table_progress_counts_steps():
    path = NoiseSchedule.cosine(50)
    assert torch.equal(path.progress(torch.arange(1, 51)), torch.arange(50).double() / 50)
    assert [path.at_progress(share) for share in (0, 0.29, 0.31, 1)] == [0, 14, 16, 50]


@every
def test_a_share_lies_in_its_range(path):
    for ask in (lambda: path.at_progress(-0.1), lambda: path.at_progress(math.nan), lambda: path.at_progress(1.1)):
        with pytest.raises(UsageError, match=r"progress lies in 0\.\.1, not"):
            ask()
    for share in (0, 1, math.nan, 2):
        with pytest.raises(UsageError, match=r"a share of the variance lies in 0\.\.1, and is neither of them, not"):
            path.at_share(share)


@every
def test_at_a_share_of_the_variance_the_data_has_that_share(path):
    for share in (0.95, 0.5, 0.05):
        signal, noise = path.powers(path.at_share(share))
        assert math.isclose(signal / (signal + noise), share, abs_tol=0.02 if path.whole else 1e-9)


def test_a_path_whose_end_is_no_noise_is_warned_of():
    assert all(path.warning is None for path in CONTINUOUS.values())
    assert "20.0% of the variance" in (EDM(sigma_max=1.0).warning or "")


def test_the_flow_trains_at_a_logit_normal_time_where_that_is_asked_for():
    """Over even quantiles log(t / (1 - t)) has the mean and the deviation asked for (Esser et al. 2024, equation 19)."""
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    logit = torch.logit(RectifiedFlow(logit_mean=-0.3, logit_std=0.8).training_time(u))
    assert math.isclose(float(logit.mean()), -0.3, abs_tol=1e-3) and math.isclose(float(logit.std()), 0.8, rel_tol=1e-3)
    assert_close(RectifiedFlow().training_time(u), 1e-3 + 0.999 * u, rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: named("edn"), "schedule 'edn': did you mean 'edm'"),
        (lambda: path_from_config({}), "by its name, .* not None"),
        (lambda: NoiseSchedule.named("edm"), "'edm' is in continuous time, and .* table of steps: linear, scaled_linear"),
        (lambda: NoiseSchedule.named("flow"), "'flow' is in continuous time"),
        (lambda: RectifiedFlow(logit_std=-1), "logit_std .*-1"),
        (lambda: named("edm", sigma_mx=3), "'edm'.*'sigma_mx': did you mean 'sigma_max'"),
        (lambda: EDM(sigma_min=90.0), r"sigma_min = 90\.0 and sigma_max = 80\.0"),
        (lambda: EDM(sigma_data=0.0), r"sigma_data .*0\.0"),
        (lambda: EDM(sigma_max=math.inf), "sigma_max .*'edm'.* inf"),
        (lambda: VarianceExploding(sigma_min=0.0), r"sigma_min = 0\.0"),
        (lambda: VarianceExploding(sigma_max="80"), "sigma_max .*'80'"),
        (lambda: LinearRate(beta_min=30.0), r"beta_min = 30\.0 and beta_max = 20\.0"),
        (lambda: LogSNR(low=5, high=-5), "high = -5 and low = 5"),
        (lambda: EDM().level(81), r"0\.\.80, but t is 81"),
        (lambda: EDM().level(-0.1), r"0\.\.80, but t is -0\.1"),
        (lambda: RectifiedFlow().level(math.nan), r"0\.\.1, but t is nan"),
        (lambda: NoiseSchedule.linear().level(1000.5), r"0\.\.1000, but t is 1000\.5"),
        (lambda: EDM().time(-5.0), r"falls from inf to -4\.382 on this path, and is never -5"),
        (lambda: NoiseSchedule.linear().time(-6.0), r"is never -6"),
        (lambda: NoiseSchedule.linear().time(math.nan), r"is never nan"),
    ],
)
def test_what_is_no_path_and_levels_outside_one_are_refused_with_the_culprit_named(call, culprit):
    with pytest.raises(UsageError, match=culprit):
        call()
