"""The samplers against closed forms.

For data N(0, d^2) the exact denoiser is linear, so each step is x_s = g x_t + sqrt(w) z and the deviation of the samples
follows var_s = g^2 var_t + w: a number with no sampling error, to be met to the last digit. The probability flow carries
x_t to x_t sqrt(V_s / V_t), V_t = abar_t d^2 + 1 - abar_t.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch

from reverie.denoisers import GaussianMixture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.process.variance import Variance
from reverie.samplers import (
    DDIM,
    SAMPLERS,
    SPACINGS,
    Ancestral,
    DPMSolver,
    Heun,
    Sampler,
    Step,
    invert,
    named,
    sample,
    time_grid,
    trajectory,
)
from reverie.studies.proofs.check import Chapter, apart, digits, quiet

__all__ = ["chapter", "final_deviation", "measured_order"]

chapter = Chapter("sampler")

D = 0.5
COUNTS = (10, 20, 50, 100, 1000)
PRINTED = {
    "ddim": ("0.3700", "0.4314", "0.4714", "0.4854", "0.4985"),
    "beta_tilde": ("0.3335", "0.3915", "0.4441", "0.4682", "0.4961"),
    "beta": ("0.4939", "0.5168", "0.5117", "0.5067", "0.5008"),
}


def _gaussian(process: GaussianProcess[NoiseSchedule]) -> GaussianMixture:
    return GaussianMixture(process, torch.zeros(1, 1).double(), torch.full((1,), D).double())


def _mixture(process: GaussianProcess[NoiseSchedule]) -> GaussianMixture:
    means = torch.tensor([[-1.0, 0.5], [0.8, 0.0]]).double()
    return GaussianMixture(process, means, torch.tensor([0.3, 0.5]).double())


def _noise(rows: int = 16) -> torch.Tensor:
    return torch.randn(rows, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def final_deviation(process: GaussianProcess[NoiseSchedule], grid: Sequence[int], variance: Variance | None) -> float:
    """Deviation at the grid's end of samples of data N(0, 1/4), begun at N(0, 1); DDIM if no variance is named."""
    sampler, oracle, spread = Ancestral(variance) if variance else DDIM(), _gaussian(process), 1.0
    one = torch.ones(1, 1, dtype=torch.float64)
    for t, s in itertools.pairwise(grid):
        gain = float(sampler.step(Step(process, t, s, oracle(one, t))))
        added = float(process.reverse_variance(one, t, s, variance)) if variance and s > 0 else 0.0
        spread = gain**2 * spread + added
    return math.sqrt(spread)


def _by_hand(schedule: NoiseSchedule, grid: Sequence[int], variance: Variance | None) -> float:
    spread = 1.0
    for t, s in itertools.pairwise(grid):
        at, az = float(schedule.alpha_bar[t]), float(schedule.alpha_bar[s])
        clean = math.sqrt(at) * D**2 / (at * D**2 + 1 - at)  # x_0-hat per x_t
        noise = (1 - math.sqrt(at) * clean) / math.sqrt(1 - at)
        beta = 1 - at / az
        added = beta * (1 - az) / (1 - at) if variance else 0.0
        gain = math.sqrt(az) * clean + math.sqrt(max(1 - az - added, 0.0)) * noise
        spread = gain**2 * spread + (beta if variance == "beta" and s > 0 else added)
    return math.sqrt(spread)


def _deviations(kind: str, longest: int = 1000) -> list[tuple[float, float, str]]:
    process = GaussianProcess(NoiseSchedule.linear())
    variance: Variance | None = None if kind == "ddim" else kind  # pyright: ignore[reportAssignmentType]
    counts = [n for n in COUNTS if n <= longest]
    grids = [time_grid(process.schedule, n) for n in counts]
    return [
        (final_deviation(process, grid, variance), _by_hand(process.schedule, grid, variance), printed)
        for grid, printed in zip(grids, PRINTED[kind], strict=False)
    ]


for _step, _kind, _what in (
    ("deviation-ddim", "ddim", "DDIM"),
    ("deviation-ancestral", "beta_tilde", "ancestral with beta-tilde"),
    ("deviation-ancestral-beta", "beta", "ancestral with beta"),
):
    chapter.add(
        _step,
        f"final std of data N(0, 1/4), {_what}, n = 10..1000 | the text, in units of the 4th digit",
        0.5,
        lambda kind=_kind: max(digits(measured, printed) for measured, _, printed in _deviations(kind)),
    )


@chapter.law("the same deviations, n = 10..100 | the recursion in plain arithmetic", 1e-11)
def deviation_closed_form() -> float:
    return max(abs(measured - hand) for kind in PRINTED for measured, hand, _ in _deviations(kind, 100))


def _together(one: Sampler, other: Sampler, stochastic: bool = True) -> float:
    """Largest distance between the states of two samplers, on every kind of grid, from one start, with the same noise."""
    process, worst = GaussianProcess(NoiseSchedule.linear()), 0.0
    for grid in (time_grid(process.schedule, 50), *(time_grid(process.schedule, 12, spacing) for spacing in SPACINGS)):
        paths = [
            trajectory(_mixture(process), s, grid, _noise(), torch.Generator().manual_seed(2) if stochastic else None)
            for s in (one, other)
        ]
        worst = max(worst, *(apart(a.x, b.x) for a, b in zip(*paths, strict=True)))
    return worst


@chapter.law("every state of DDIM(eta = 1) | ancestral with beta-tilde, same noise, strided grids", 1e-11)
def ddim_one() -> float:
    return _together(DDIM(1.0), Ancestral("beta_tilde"))


@chapter.law("a step of DDIM(eta = 0) | Euler's step of the probability flow dx/dsigma = eps in x/sqrt(abar)", 1e-12)
def ddim_zero() -> float:
    process, x_t = GaussianProcess(NoiseSchedule.linear()), _noise()
    oracle, table, worst = _mixture(process), process.schedule, 0.0
    for t, s in (*itertools.pairwise(time_grid(table, 50)), (1000, 0), (500, 499), (2, 1), (1, 0)):
        rho_t, rho_s = (math.sqrt(float((1 - table.alpha_bar[i]) / table.alpha_bar[i])) for i in (t, s))
        eps = oracle(x_t, t).noise
        euler = (x_t / table.signal[t] + (rho_s - rho_t) * eps) * table.signal[s]
        worst = max(worst, apart(DDIM().step(Step(process, t, s, oracle(x_t, t))), euler))
    return worst


@chapter.law("mean of a DDIM(eta = 1) step, s < t - 1 | process.posterior with x_0-hat", 1e-12)
def strided_posterior() -> float:
    process, x_t = GaussianProcess(NoiseSchedule.linear()), _noise()
    oracle, worst = _mixture(process), 0.0
    for t, s in itertools.pairwise(time_grid(process.schedule, 50)):
        prediction = oracle(x_t, t)
        step = DDIM(1.0).step(Step(process, t, s, prediction))
        worst = max(worst, apart(step, process.posterior(prediction.clean, x_t, s, t).mean))
    return worst


@chapter.law("DPM-Solver++ of order 1 | DDIM(eta = 0); its SDE form | DDIM(eta = 1), same noise", 1e-11)
def dpm_first_order() -> float:
    return max(_together(DPMSolver(1), DDIM(), stochastic=False), _together(DPMSolver(1, sde=True), DDIM(1.0)))


def measured_order(sampler: Sampler, few: int = 80) -> float:
    """Measured order from `few` even steps to twice as many, data N(0, 1/4), from T down to T/50 (t = 0 is singular)."""
    with quiet():
        process = GaussianProcess(NoiseSchedule.linear(8000, 1.25e-5, 0.0025))
    table, one = process.schedule, torch.ones(1, 1, dtype=torch.float64)
    end = table.steps // 50
    spread_T, spread_end = (float(table.alpha_bar[t]) * D**2 + 1 - float(table.alpha_bar[t]) for t in (8000, end))
    errors = []
    for n in (few, 2 * few):
        grid = [round(end + (8000 - end) * (n - i) / n) for i in range(n + 1)]
        x = float(sample(_gaussian(process), sampler, grid, one))
        errors.append(abs(x - math.sqrt(spread_end / spread_T)))
    return math.log2(errors[0] / errors[1])


for _step, _sampler in (
    ("order-ddim", DDIM()),
    ("order-dpm", DPMSolver()),
    ("order-heun", Heun()),
    ("order-dpm-3m", DPMSolver(3)),
):
    chapter.add(
        _step,
        f"measured order of {type(_sampler).__name__} on a Gaussian | the order it declares, {_sampler.order}",
        0.2,
        lambda sampler=_sampler: abs(measured_order(sampler) - sampler.order),
    )


@chapter.law("final std of N(0, 1/4), DPM-Solver++, 20 steps leading and linspace | 1/2, relative", 0.05)
def uneven_steps() -> float:
    process, one = GaussianProcess(NoiseSchedule.linear()), torch.ones(1, 1, dtype=torch.float64)
    grids = [time_grid(process.schedule, 20, spacing) for spacing in ("leading", "linspace")]
    return max(abs(float(sample(_gaussian(process), DPMSolver(), grid, one)) / D - 1) for grid in grids)


@chapter.law("a mixture's sample inverted in 20 steps, then sampled | itself, and every state between", 1e-12)
def inversion() -> float:
    process = GaussianProcess(NoiseSchedule.linear())
    oracle, grid = _mixture(process), time_grid(process.schedule, 20)
    up = list(invert(oracle, grid, oracle.sample(16, torch.Generator().manual_seed(3))))
    down = trajectory(oracle, DDIM(), grid, up[-1].x)
    return max(apart(a.x, b.x) for a, b in zip(reversed(up), down, strict=True))


@chapter.law("all samplers from abar_T = 0, 25 steps: share of samples that are not finite | 0", 0.0)
def zero_terminal_snr() -> float:
    with quiet():
        process = GaussianProcess(NoiseSchedule.linear().with_zero_terminal_snr())
    grid = time_grid(process.schedule, 25)
    ends = [
        sample(_mixture(process), sampler, grid, _noise(64), torch.Generator().manual_seed(0))
        for sampler in (Ancestral("beta"), *map(named, SAMPLERS))
    ]
    return max(float((~torch.isfinite(x)).double().mean()) for x in ends)
