"""The driver yields every state with its prediction; samplers are frozen, found by name, and refuse bad settings."""

import dataclasses
import itertools
import math

import pytest
import torch

from reverie.denoisers import Empirical, GaussianMixture, Labels
from reverie.denoisers.network import Network
from reverie.denoisers.unet import UNetConfig
from reverie.errors import UsageError
from reverie.process import GaussianProcess, NoiseSchedule, generator
from reverie.samplers import (
    DDIM,
    DEIS,
    SAMPLERS,
    AdamsBashforth,
    Ancestral,
    Consistency,
    DPMSolver,
    Heun,
    Restart,
    Step,
    StochasticHeun,
    UniPC,
    invert,
    named,
    sample,
    time_grid,
    trajectory,
)

PROCESS = GaussianProcess(NoiseSchedule.linear())
DATA = torch.randn(6, 2, 3, generator=generator(9), dtype=torch.float64)
DENOISER = Empirical(PROCESS, DATA, labels=torch.arange(6) % 2)
ALL = [
    *(Ancestral(), Ancestral("beta"), DDIM(), DDIM(0.7), DPMSolver(), DPMSolver(order=1), DPMSolver(sde=True), Heun()),
    *(DPMSolver(order=3), UniPC(), UniPC(3), DEIS(), AdamsBashforth(), StochasticHeun(), Restart()),
    Consistency(),
]
GRID = time_grid(PROCESS.schedule, 12)
PICTURES = Network(PROCESS, UNetConfig(width=8, groups=4, multipliers=(1,)).build(3, 3))

samplers = pytest.mark.parametrize("sampler", ALL, ids=repr)


def start(*shape: int, dtype=torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=generator(0), dtype=dtype)


@samplers
def test_a_trajectory_yields_every_level_with_the_prediction_made_there(sampler):
    x = start(4, 2, 3)
    points = list(trajectory(DENOISER, sampler, GRID, x, generator(1)))
    assert tuple(point.t for point in points) == GRID
    assert points[0].x is x
    assert points[-1].prediction is None
    for point in points[:-1]:
        assert torch.equal(point.prediction.clean, DENOISER(point.x, point.t).clean)
    assert torch.equal(points[-1].x, sample(DENOISER, sampler, GRID, x, generator(1)))


@pytest.mark.parametrize("sampler", [each for each in ALL if not isinstance(each, StochasticHeun | Restart)], ids=repr)
@pytest.mark.parametrize(("t", "s"), [(1000, 500), (2, 1), (1, 0)])
def test_a_step_adds_noise_of_the_variance_that_it_declares(sampler, t, s):
    x = start(4, 2, 3)
    still, moved = (sampler.step(Step(PROCESS, t, s, DENOISER(x, t), g, DENOISER)) for g in (None, generator(3)))
    z = torch.randn(4, 2, 3, generator=generator(3), dtype=torch.float64)
    torch.testing.assert_close(moved - still, math.sqrt(sampler.added_variance(PROCESS.schedule, t, s)) * z)


@samplers
def test_every_sampler_of_the_exact_denoiser_ends_on_the_data(sampler):
    end = sample(DENOISER, sampler, time_grid(PROCESS.schedule, 100), start(16, 2, 3), generator(1))
    distance = (end[:, None] - DATA).flatten(2).norm(dim=2).amin(1)
    assert float(distance.max()) < 1e-2


@samplers
def test_a_condition_reaches_the_denoiser_at_every_step(sampler):
    condition = Labels(torch.tensor([0, 1, 1, 0]))
    end = sample(DENOISER, sampler, time_grid(PROCESS.schedule, 100), start(4, 2, 3), generator(1), condition)
    nearest = (end[:, None] - DATA).flatten(2).norm(dim=2).argmin(1)
    assert torch.equal(nearest % 2, condition.values)


@samplers
@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 2, 3), (4, 1, 2, 3), (4, 1, 2, 3, 2)], ids=len)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_rank_and_dtype(sampler, shape, dtype):
    means = torch.randn(3, *shape[1:], generator=generator(2), dtype=torch.float64)
    denoiser = GaussianMixture(PROCESS, means, torch.full((3,), 0.3))
    end = sample(denoiser, sampler, GRID, start(*shape, dtype=dtype), generator(1))
    assert end.dtype == dtype
    assert end.shape == shape
    assert torch.isfinite(end).all()


@samplers
def test_float32_follows_float64(sampler):
    """The generators of the two dtypes draw different numbers, so a stochastic sampler is compared in its means."""
    denoiser = GaussianMixture(PROCESS, DATA[:3], torch.full((3,), 0.5))
    ends = []
    for dtype in (torch.float32, torch.float64):
        x, past = start(4, 2, 3).to(dtype), ()
        for t, s in itertools.pairwise(GRID):
            now = Step(PROCESS, t, s, denoiser(x, t), denoiser=denoiser, past=past)
            x, past = sampler.step(now), (now, *past)[: sampler.remembers]
        ends.append(x.double())
    assert float((ends[0] - ends[1]).abs().max()) < 1e-4


@samplers
def test_the_number_of_network_calls(sampler):
    calls = []

    class Counted(Empirical):
        def __call__(self, x_t, t, condition=None):
            calls.append(t)
            return super().__call__(x_t, t, condition)

    sample(Counted(PROCESS, DATA), sampler, GRID, start(2, 2, 3), generator(1))
    spared = sampler.calls - 1  # the last step ends on clean data, of which nothing is asked
    assert len(calls) == sampler.cost(12) - spared
    assert sampler.cost(12) == {1: 12, 2: 24}[sampler.calls] + (13 if isinstance(sampler, Restart) else 0)
    assert min(calls) > 0


def test_progress_is_reported_after_each_step():
    seen = []
    sample(DENOISER, DDIM(), GRID, start(1, 2, 3), on_step=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 12) for i in range(1, 13)]


def test_states_are_computed_as_they_are_asked_for():
    seen = []
    walk = trajectory(DENOISER, DDIM(), GRID, start(1, 2, 3), on_step=lambda done, total: seen.append(done))
    next(walk)
    next(walk)
    assert seen == [1]


def test_no_gradient_is_recorded():
    x = start(2, 2, 3).requires_grad_()
    assert not sample(DENOISER, Heun(), GRID, x).requires_grad


@pytest.mark.parametrize("eta", [0.0, 0.5])
def test_the_same_generator_gives_the_same_sample_and_another_another(eta):
    ends = [sample(DENOISER, DDIM(eta), (1000, 500, 100), start(2, 2, 3), generator(seed)) for seed in (1, 1, 2)]
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2]) is (eta == 0)


# --- samplers as objects ------------------------------------------------------------------------------------------------


@samplers
def test_a_sampler_is_frozen_and_declares_its_order(sampler):
    assert sampler.order in (1, 2, 3, 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        sampler.order = 3


def test_names_make_the_samplers():
    made = {name: named(name) for name in SAMPLERS}
    assert made == {
        "ancestral": Ancestral(),
        "angular": AdamsBashforth(),
        "consistency": Consistency(),
        "ddim": DDIM(),
        "deis": DEIS(),
        "dpmpp": DPMSolver(),
        "dpmpp_3m": DPMSolver(order=3),
        "dpmpp_sde": DPMSolver(sde=True),
        "edm": StochasticHeun(),
        "euler_ancestral": DDIM(1.0),
        "heun": Heun(),
        "restart": Restart(),
        "unipc": UniPC(),
    }
    assert named("ddim", eta=0.5) == DDIM(0.5)
    assert named("ancestral", variance="beta") == Ancestral("beta")
    assert named("dpmpp_sde", order=1) == DPMSolver(order=1, sde=True)


@pytest.mark.parametrize("sampler", [Ancestral(), DDIM(0.1), DPMSolver(sde=True)], ids=repr)
def test_a_stochastic_sampler_without_a_generator_is_refused(sampler):
    with pytest.raises(UsageError, match=f"{type(sampler).__name__} draws noise: give it a generator"):
        sample(DENOISER, sampler, GRID, start(2, 2, 3))


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: named("dpmp"), "'dpmp': did you mean 'dpmpp'"),
        (lambda: named("ddim", etta=1.0), "'ddim'.*'etta': did you mean 'eta'"),
        (lambda: named("dpmpp_sde", sde=False), "'dpmpp_sde'.*'sde'"),
        (lambda: Heun().step(Step(PROCESS, 5, 4, DENOISER(start(2, 2, 3), 5))), "asks the denoiser again"),
        (lambda: named("heun", order=1), "'heun'.*'order'"),
        (lambda: named("ddim", order=2), "'ddim'.*'order'"),
        (lambda: DDIM(-0.1), r"eta .*-0\.1"),
        (lambda: DDIM(math.nan), "eta .*nan"),
        (lambda: DPMSolver(order=4), "order 1, 2 or 3.*not 4"),
        (lambda: DPMSolver(order=3, sde=True), "with noise of order 1 or 2, not 3"),
        (lambda: UniPC(4), "order 1, 2 or 3, not 4"),
        (lambda: DEIS(0), "order 1, 2 or 3, not 0"),
        (lambda: StochasticHeun(s_churn=-1), r"numbers >= 0.*-1"),
        (lambda: StochasticHeun(s_tmin=2, s_tmax=1), "s_tmin at most s_tmax"),
        (lambda: Restart(times=-1), "0 times or more.*-1"),
        (lambda: Restart(reach=1.0), r"reach above 1.*1\.0"),
        (lambda: named("euler_ancestral", eta=0.5), "'euler_ancestral'.*'eta'"),
        (lambda: Ancestral("betta"), "'betta': did you mean 'beta'"),
        (lambda: sample(DENOISER, DDIM(), (1000, 1000, 0), start(2, 2, 3)), "1000 follows 1000"),
        (lambda: sample(DENOISER, DDIM(), (2000, 0), start(2, 2, 3)), r"0\.\.1000"),
        (lambda: sample(DENOISER, DDIM(), GRID, torch.zeros(2, 2, 3).long()), "floating point.*int64"),
        (lambda: sample(DENOISER, DDIM(1.0), GRID, start(3, 2, 3), [generator(0)]), "1 generators.*batch of 3"),
        (lambda: sample(DENOISER, Ancestral("learned"), GRID, start(2, 2, 3), generator(0)), "predicts no variance"),
        (lambda: list(invert(DENOISER, (0, 5), start(2, 2, 3))), "5 follows 0"),
        (
            lambda: sample(DENOISER, DDIM(), GRID, start(2, 3, 2)),
            r"a tensor \[B, 2, 3\], and .* \[2, 3, 2\]",
        ),
        (lambda: sample(DENOISER, DDIM(), GRID, start(0, 2, 3)), r"a tensor \[B, 2, 3\], and this is .* \[0, 2, 3\]"),
        (lambda: list(trajectory(PICTURES, DDIM(), GRID, start(2, 1, 4, 4))), r"\[B, 3, any, any\], and .*\[2, 1, 4, 4\]"),
        (lambda: list(trajectory(PICTURES, DDIM(), GRID, start(2, 3, 4))), r"\[B, 3, any, any\], and .* \[2, 3, 4\]"),
        (lambda: list(trajectory(PICTURES, DDIM(), GRID, [0.0])), "and this is a list"),
    ],
)
def test_bad_settings_are_refused_with_the_culprit_named(call, culprit):
    with pytest.raises(UsageError, match=culprit):
        call()


def test_states_written_over_are_those_of_a_trajectory_and_the_start_stays():
    process = GaussianProcess(NoiseSchedule.cosine(steps=60))
    grid = time_grid(process.schedule, 12)
    start = torch.randn(5, 3, generator=torch.Generator().manual_seed(3))

    class Kept(torch.nn.Module):
        """Answers in one tensor of its own; of an even time with the state itself, or another view of it."""

        def __init__(self, same):
            super().__init__()
            self.weight, self.same, self.answer = torch.nn.Parameter(torch.ones(1)), same, torch.full((5, 3), 0.5)

        def forward(self, x, t):
            return x[:1].expand(5, 3) if self.same and int(t[0]) % 2 == 0 else self.answer

    class Again(DDIM):
        """Looks at x_t after the step of the rule that it is built upon."""

        def step(self, now):
            return super().step(now) + 0.1 * now.start

    for sampler in (DDIM(), DDIM(eta=0.5), Ancestral(), DPMSolver(), DPMSolver(order=3), DEIS(), Again(), Again(eta=1.0)):
        for kind, same in itertools.product(("clean", "noise", "velocity"), (False, True)):
            network, x = Network(process, Kept(same), kind), start.clone()
            for generators in (lambda: torch.Generator().manual_seed(1), lambda: [generator(0, i) for i in range(5)]):
                *_, last = trajectory(network, sampler, grid, x, generators())
                assert torch.equal(sample(network, sampler, grid, x, generators()), last.x)
            assert torch.equal(x, start) and torch.equal(network.module.answer, torch.full((5, 3), 0.5))
