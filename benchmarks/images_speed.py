"""What pictures cost beside the least they could: python benchmarks/images_speed.py

sampler      what `model.sample` of 64 pictures of 28 x 28 does besides asking the network, measured with one that has its
             answer ready, beside a bare call of the network; medians of rounds. (Sampling beside as many bare calls differs
             by less than the noise of such calls, 3 % and more on a shared machine.)
network      its rate (floating point operations counted, at batch 128) beside the fastest lone convolution of 3 x 3 on this
             machine at the same batch, channels last: forward, and with backward; fp32, and bf16 where there is hardware
memory       the peak of a process in training steps at one batch, above what it held before, with and without gradient
             checkpointing; freed memory goes back to the system at once, so that the peak is of what is in use
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from machine import describe
from reverie.config import RunConfig, Source, resolve
from reverie.images import ImageCodec
from reverie.models import PictureModel
from reverie.models.model import untrained
from reverie.training import Batch, Budget, TrainingSettings, denoising
from reverie.training.hardware import autocast_dtype

SIDE, BATCH, ROUNDS, STEPS = 28, 128, 15, 10
CONVOLUTIONS = [(width, side) for side in (28, 14, 7) for width in (32, 64, 128, 256)]


def config(recipe: str) -> RunConfig:
    return resolve(Source(name="noise"), 0, recipe, {})


def seconds(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median time, after one round that does not count."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


class AtOnce(nn.Module):
    """A network that is asked once, and has the same answer ready from then on."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.answer = network, None

    def forward(self, x: torch.Tensor, t: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        if self.answer is None:
            self.answer = self.network(x, t, condition)
        return self.answer


@torch.no_grad()
def sampler(recipe: str) -> None:
    settings = config(recipe)
    network = untrained(settings, 1)
    network.module.eval()
    model = PictureModel(settings, ImageCodec(SIDE, SIDE, 1), replace(network, module=AtOnce(network.module)))
    x, t = torch.randn(64, 1, SIDE, SIDE), torch.full((64,), 500)
    print(f"\nsampler, 64 pictures, {STEPS} steps   its own ms a step   network   share")
    for name in ("angular", "dpmpp", "ddim", "heun", "ancestral"):
        own = 1e3 / STEPS * seconds(lambda n=name: model.sample(64, sampler=n, steps=STEPS))
        bare = 1e3 * seconds(lambda: network.module(x, t))
        print(f"{name:32} {own:20.3f} {bare:9.2f} {100 * own / bare:6.2f} %", flush=True)


def rate(module: nn.Module, *inputs: torch.Tensor, dtype: torch.dtype | None, train: bool) -> float:
    """Operations a second in 1e9, backward counted as what the counter finds."""

    def run() -> None:
        with torch.autocast("cpu", dtype) if dtype else nullcontext():
            answer = module(*inputs)
        if train:
            answer.float().square().mean().backward()

    with torch.set_grad_enabled(train):
        with FlopCounterMode(display=False) as counted:
            run()
        return counted.get_total_flops() / seconds(run, 5) / 1e9


def rates(recipe: str) -> None:
    network = untrained(config(recipe), 1).module
    x, t = torch.randn(BATCH, 1, SIDE, SIDE), torch.randint(1, 1001, (BATCH,))
    kinds = [("fp32", None)] + ([("bf16", torch.bfloat16)] if autocast_dtype("auto", torch.device("cpu")) else [])
    print(f"\nrate at batch {BATCH}, 1e9 operations a second           network  fastest convolution     share")
    for name, dtype in kinds:
        for train in (False, True):
            best, where = 0.0, ""
            for width, side in CONVOLUTIONS:
                lone = nn.Conv2d(width, width, 3, padding=1).to(memory_format=torch.channels_last)  # pyright: ignore
                pixels = torch.randn(BATCH, width, side, side).to(memory_format=torch.channels_last)
                found = rate(lone, pixels.requires_grad_(train), dtype=dtype, train=train)
                best, where = max((best, where), (found, f"{width} channels, {side} x {side}"))
            ours = rate(network, x, t, dtype=dtype, train=train)
            what = f"{name}, forward{' and backward' if train else ''}"
            print(f"{what:50} {ours:8.1f} {best:8.1f} ({where}) {100 * ours / best:6.0f} %", flush=True)


class Noise:
    """Examples that need no file."""

    def __init__(self, side: int) -> None:
        self.side = side

    def __len__(self) -> int:
        return 1000

    def batch(self, indices: torch.Tensor, generator: torch.Generator) -> Batch:
        return Batch(torch.randn(len(indices), 1, self.side, self.side, generator=generator))


def peak(recipe: str, side: int, batch: int, checkpointing: bool, answer) -> None:
    """Puts the MiB that two training steps need, above what is held after a step on two pictures."""
    settings, cpu = config(recipe), torch.device("cpu")
    network, before = untrained(settings, 1), 0.0
    for size, steps in ((2, 1), (batch, 2)):
        before = _resident()
        wanted = {"batch": size, "gradient_checkpointing": checkpointing, "precision": "fp32"}
        training = TrainingSettings(**settings.training.model_dump() | wanted)
        update = denoising(network, Noise(side), training, 0, cpu)
        state = update.begin(Budget(training.entries))
        for state.step in range(steps):
            update.step(state)
    answer.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before)


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def memory(recipe: str) -> None:
    print("\nmemory of a training step, MiB    without     with     share   checkpointing")
    os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"
    spawned = multiprocessing.get_context("spawn")
    for side, batch in ((28, 128), (64, 32)):
        found = []
        for checkpointing in (False, True):
            answer = spawned.Queue()
            process = spawned.Process(target=peak, args=(recipe, side, batch, checkpointing, answer))
            process.start()
            found.append(answer.get())
            process.join()
        share = 100 * found[1] / found[0]
        print(f"{side} x {side}, batch {batch:<16} {found[0]:12.0f} {found[1]:8.0f} {share:7.0f} %", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="pictures-small")
    parts = {"sampler": sampler, "network": rates, "memory": memory}
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    told = parser.parse_args()
    print(describe())
    for part in told.parts:
        parts[part](told.recipe)


if __name__ == "__main__":
    main()
