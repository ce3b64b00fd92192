"""What a sampler adds to the bare network, beside diffusers' schedulers and azula's samplers:
python benchmarks/sampler_overhead.py (azula: pip install --no-deps azula einops; nothing else needs it)

Batch 64 of 3x32x32, 50 steps, all sides with the same network that answers at once (a stored tensor), so that what is
measured is all the rest. The sides run in turn, many rounds; medians of the time of one thread, in which the waiting of a
shared machine does not count. Ours is the public driver, `sample`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import azula.sample as azula
import numpy as np
import torch
from azula.denoise import Denoiser, DiracPosterior
from azula.noise import VPSchedule
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

from machine import describe
from reverie.denoisers.network import Network
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, Ancestral, DPMSolver, sample, time_grid

STEPS, ROUNDS = 50, 15
ANSWER = torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
START = torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(1))


class Stored(torch.nn.Module):
    """A network that costs nothing; it has a weight because a network has one."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return ANSWER


def ours(sampler) -> Callable[[], object]:
    process = GaussianProcess(NoiseSchedule.linear())
    network, grid = Network(process, Stored(), "noise"), time_grid(process.schedule, STEPS)
    return lambda: sample(network, sampler, grid, START, torch.Generator().manual_seed(2))


def theirs(scheduler) -> Callable[[], object]:
    def run() -> None:
        scheduler.set_timesteps(STEPS)
        network, x, generator = Stored(), START, torch.Generator().manual_seed(2)
        with torch.no_grad():
            for t in scheduler.timesteps:
                more = {"generator": generator} if "generator" in scheduler.step.__code__.co_varnames else {}
                x = scheduler.step(network(scheduler.scale_model_input(x, t), t), t, x, **more).prev_sample

    return run


class Posterior(Denoiser):
    """The same answer as azula asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.schedule = Stored(), VPSchedule()

    def forward(self, x_t: torch.Tensor, t: torch.Tensor) -> DiracPosterior:
        return DiracPosterior(self.network(x_t, t))


def azulas(kind: type[azula.Sampler], **settings: float) -> Callable[[], object]:
    sampler = kind(Posterior(), steps=STEPS, silent=True, **settings)
    return lambda: sampler(START)


def main() -> None:
    torch.set_num_threads(1)
    settings = {"num_train_timesteps": 1000, "beta_schedule": "linear", "prediction_type": "epsilon"}
    unclipped = {**settings, "clip_sample": False}
    spaced = {"timestep_spacing": "trailing"}
    sides = {
        "ancestral / DDPM": (ours(Ancestral()), theirs(DDPMScheduler(**unclipped, **spaced)), azulas(azula.DDPMSampler)),
        "DDIM": (ours(DDIM()), theirs(DDIMScheduler(**unclipped, **spaced)), azulas(azula.EulerSampler)),
        "DDIM, eta 1": (ours(DDIM(eta=1.0)), theirs(WithEta(**unclipped, **spaced)), azulas(azula.DDIMSampler, eta=1.0)),
        "DPM-Solver++ 2M": (
            ours(DPMSolver()),
            theirs(DPMSolverMultistepScheduler(**settings, **spaced)),
            azulas(azula.xEABSampler, order=2),
        ),
    }
    print(describe(), f"azula {version('azula')}", sep=", ")
    print(f"milliseconds a step, {ROUNDS} rounds in turn, medians")
    print(f"{'sampler':18} {'ours':>8} {'diffusers':>10} {'ratio':>7} {'azula':>8} {'ratio':>7}")
    for name, runs in sides.items():
        times: list[list[float]] = [[] for _ in runs]
        for _ in range(ROUNDS):
            for row, run in zip(times, runs, strict=True):
                began = time.thread_time()
                run()
                row.append((time.thread_time() - began) / STEPS * 1e3)
        a, b, c = (statistics.median(row[2:]) for row in times)
        print(f"{name:18} {a:8.3f} {b:10.3f} {a / b:7.2f} {c:8.3f} {a / c:7.2f}", flush=True)

    print("\ndrawing a step's noise, alike on all sides, is of that (and other ways to draw as many numbers):")
    for name, milliseconds in draw_times().items():
        print(f"{name:42} {milliseconds:6.3f} ms")


def draw_times() -> dict[str, float]:
    """Milliseconds to draw the noise of one step in several ways, medians of runs in turn."""
    g, h = torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)
    halves, count = torch.empty(2, START.numel() // 2), START.numel()
    fast, buffer = np.random.Generator(np.random.SFC64(0)), np.empty(START.numel(), np.float32)
    pool = ThreadPoolExecutor(2)

    def threads() -> None:
        list(pool.map(lambda pair: pair[0].normal_(generator=pair[1]), zip(halves, (g, h), strict=True)))

    def inverse() -> torch.Tensor:
        bits = torch.from_numpy(fast.integers(0, 2**32, size=count, dtype=np.uint32).view(np.int32))
        return bits.float().mul_(2**-31).clamp_(-1 + 2**-24, 1 - 2**-24).erfinv_().mul_(2**0.5)

    ways = {
        "torch, as it is done": lambda: torch.randn(START.shape, generator=g),
        "torch, two generators on two threads": threads,
        "numpy SFC64": lambda: fast.standard_normal(out=buffer, dtype=np.float32),
        "random bits and the inverse error function": inverse,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(40):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append((time.perf_counter() - began) * 1e3)
    return {name: statistics.median(row) for name, row in times.items()}


class WithEta(DDIMScheduler):
    def step(self, model_output, timestep, sample, generator=None):
        return super().step(model_output, timestep, sample, eta=1.0, generator=generator)


if __name__ == "__main__":
    main()
