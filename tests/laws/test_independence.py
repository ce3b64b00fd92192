"""A sample depends on its own seed and on nothing else: not on threads, on other samples, or on its batch."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.testing import assert_close

from reverie.denoisers import GaussianMixture, KnownSample
from reverie.process import GaussianProcess, NoiseSchedule, draw, generator
from reverie.samplers import (
    DDIM,
    Ancestral,
    DPMSolver,
    Heun,
    Restart,
    StochasticHeun,
    UniPC,
    sample,
    time_grid,
    trajectory,
)

PROCESS = GaussianProcess(NoiseSchedule.linear())
GRID = time_grid(PROCESS.schedule, 20)
SAMPLERS = [
    *(Ancestral(), Ancestral("beta"), DDIM(), DDIM(0.5), DPMSolver(), DPMSolver(sde=True), Heun()),
    *(UniPC(), StochasticHeun(), Restart()),
]
DENOISER = GaussianMixture(PROCESS, torch.tensor([[-0.8, 0.3], [0.5, -0.6]], dtype=torch.float64), torch.tensor([0.2, 0.3]))

samplers = pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)


def run(sampler, seed: int) -> torch.Tensor:
    x = torch.randn(5, 2, generator=generator(seed, "start"), dtype=torch.float64)
    return sample(DENOISER, sampler, GRID, x, generator(seed, "steps"))


@samplers
def test_eight_threads_give_bitwise_what_one_gives(sampler):
    alone = [run(sampler, seed) for seed in range(16)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda seed: run(sampler, seed), range(16)))
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    assert len({tuple(x.flatten().tolist()) for x in alone}) == 16


@samplers
def test_two_interleaved_trajectories_give_bitwise_what_each_gives_alone(sampler):
    def walk(seed: int):
        x = torch.randn(5, 2, generator=generator(seed, "start"), dtype=torch.float64)
        return trajectory(DENOISER, sampler, GRID, x, generator(seed, "steps"))

    alone = [[point.x for point in walk(seed)] for seed in (0, 1)]
    for i, points in enumerate(zip(walk(0), walk(1), strict=True)):
        for k, point in enumerate(points):
            assert torch.equal(point.x, alone[k][i])


@samplers
def test_a_sample_with_its_own_generator_does_not_depend_on_its_batch(sampler):
    def batch(seeds: list[int]) -> torch.Tensor:
        like = torch.zeros(len(seeds), 2, dtype=torch.float64)
        x = draw(like, [generator(seed, "start") for seed in seeds])
        return sample(DENOISER, sampler, GRID, x, [generator(seed, "steps") for seed in seeds])

    whole = batch([3, 1, 4, 15, 9])
    assert_close(batch([4]), whole[2:3], rtol=1e-12, atol=1e-13)
    assert_close(batch([9, 15, 1]), whole[[4, 3, 1]], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("sampler", [Ancestral(), DDIM(1.0), DPMSolver(sde=True)], ids=repr)
def test_noise_of_a_sample_is_bitwise_its_own(sampler):
    """With an elementwise denoiser not even the last bit depends on the batch."""
    x_0, grid = torch.full((1, 3, 2), 0.3), (1000, 600, 200)

    def batch(seeds: list[int]) -> torch.Tensor:
        x = draw(torch.zeros(len(seeds), 3, 2), [generator(seed, "start") for seed in seeds])
        return sample(KnownSample(PROCESS, x_0), sampler, grid, x, [generator(seed, "steps") for seed in seeds])

    whole = batch(list(range(7)))
    for i in range(7):
        assert torch.equal(batch([i])[0], whole[i])


@samplers
def test_sampling_leaves_the_state_it_was_given_and_the_global_generator_alone(sampler):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    x = torch.randn(5, 2, generator=generator(0), dtype=torch.float64)
    kept = x.clone()
    sample(DENOISER, sampler, GRID, x, generator(1))
    assert torch.equal(x, kept)
    assert torch.equal(torch.get_rng_state(), before)


@samplers
def test_states_that_were_yielded_do_not_change_later(sampler):
    x = torch.randn(5, 2, generator=generator(0), dtype=torch.float64)
    points, copies = [], []
    for point in trajectory(DENOISER, sampler, GRID, x, generator(1)):
        points.append(point)
        copies.append((point.x.clone(), None if point.prediction is None else point.prediction.clean.clone()))
    for point, (state, clean) in zip(points, copies, strict=True):
        assert torch.equal(point.x, state)
        if point.prediction is not None:
            assert torch.equal(point.prediction.clean, clean)
            assert point.prediction.x_t is point.x or torch.equal(point.prediction.x_t, point.x)
