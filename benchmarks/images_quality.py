"""Pictures of clothes, ours beside diffusers' recipe at equal training time: python benchmarks/images_quality.py

Fashion-MNIST (fashion.py says where it is from), both sides in turn on the same cores, fp32 unless the hardware has better:

ours        reverie.train for each budget (its schedule of the learning rate ends where the budget does), sampled as is usual
diffusers   its unconditional example: UNet2DModel of --widths, 28 padded to 32, noise by its mean squared error on the
            linear schedule of 1,000 steps, AdamW 1e-4 with betas 0.95 and 0.999, cosine with 500 steps of warm-up over 100
            epochs, its EMA, gradients clipped at 1; DDIM with 50 steps. One run; its average is kept as each budget ends.

Distances are on the features of the shipped classifier of clothes (no FID), to all 10,000 test pictures; precision, recall
and kernel distance to as many of them as were sampled. Then, for the last of our models, each sampler and number of steps:
distance and seconds, with a figure. --minutes 0.1 --samples 64 --steps 6 shows that it runs.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from torch.nn.functional import mse_loss, pad

import fashion
import reverie
from machine import describe
from reverie.evaluation.image_distances import frechet, kernel, precision, recall
from reverie.evaluation.image_features import of_clothes
from reverie.models import PictureModel
from reverie.process.randomness import generator
from reverie.training.dataset import batch_indices

SIDES = ("ours", "diffusers")
SAMPLERS = ("dpmpp", "ddim", "angular", "heun", "ancestral")
STEPS = [6, 8, 12, 20]
DDIM_STEPS, SHARD = 50, 64


@dataclass(frozen=True)
class Judge:
    """The test pictures, seen through the features."""

    test: np.ndarray

    def row(self, name: str, made: np.ndarray, seconds: float = float("nan")) -> str:
        seen, few = of_clothes().of(made), self.test[: len(made)]
        numbers = frechet(self.test, seen), kernel(few, seen), precision(few, seen), recall(few, seen)
        return f"{name:44} {numbers[0]:9.2f} {numbers[1]:9.3f} {numbers[2]:6.2f} {numbers[3]:6.2f} {seconds:9.1f}"


HEAD = f"{'':44} {'Frechet':>9} {'kernel':>9} {'prec.':>6} {'recall':>6} {'s / 1,000':>9}"


def timed(sample, count: int) -> tuple[np.ndarray, float]:
    """What it makes, and seconds for 1,000."""
    began = time.perf_counter()
    made = sample(count)
    return made, (time.perf_counter() - began) / count * 1000


@dataclass(frozen=True, eq=False)
class Theirs:
    """A network of diffusers, sampled by its own scheduler."""

    module: UNet2DModel
    steps: int

    @torch.no_grad()
    def sample(self, count: int) -> np.ndarray:
        scheduler, parts = DDIMScheduler(num_train_timesteps=1000), []
        for first in range(0, count, SHARD):
            scheduler.set_timesteps(DDIM_STEPS)
            x = torch.randn(min(SHARD, count - first), 1, 32, 32, generator=generator(0, "theirs", first))
            for t in scheduler.timesteps:
                x = scheduler.step(self.module(x, t).sample, t, x).prev_sample  # pyright: ignore[reportArgumentType]
            parts.append(((x[:, :, 2:30, 2:30] + 1) * 127.5).clamp(0, 255).round().to(torch.uint8))
        return torch.cat(parts).permute(0, 2, 3, 1).numpy()


def diffusers_unet(widths: tuple[int, ...]) -> UNet2DModel:
    levels = len(widths)
    return UNet2DModel(
        sample_size=32,
        in_channels=1,
        out_channels=1,
        layers_per_block=2,
        block_out_channels=widths,
        norm_num_groups=min(32, widths[0]),
        down_block_types=("DownBlock2D",) * (levels - 1) + ("AttnDownBlock2D",),  # pyright: ignore[reportArgumentType]
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * (levels - 1),  # pyright: ignore[reportArgumentType]
    )


def theirs(pixels: np.ndarray, widths: tuple[int, ...], minutes: list[float], batch: int) -> Iterator[Theirs]:
    """The averaged network as each budget of training minutes ends; time spent on looking at one does not count."""
    torch.manual_seed(0)
    module, scheduler = diffusers_unet(widths), DDPMScheduler(num_train_timesteps=1000)
    ema = EMAModel(module.parameters(), decay=0.9999, use_ema_warmup=True, inv_gamma=1.0, power=0.75)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6, eps=1e-8)
    rate = get_scheduler("cosine", optimizer, num_warmup_steps=500, num_training_steps=100 * len(pixels) // batch)
    spent, step = 0.0, 0
    for budget in minutes:
        while spent < 60 * budget:
            began = time.perf_counter()
            rows = batch_indices(0, step, batch, len(pixels)).numpy()
            x_0 = torch.from_numpy(pixels[rows].astype(np.float32)).permute(0, 3, 1, 2) / 127.5 - 1
            x_0 = pad(x_0, (2,) * 4, value=-1.0)
            noise, t = torch.randn_like(x_0), torch.randint(1000, (batch,))
            predicted = module(scheduler.add_noise(x_0, noise, t), t).sample  # pyright: ignore[reportArgumentType]
            mse_loss(predicted, noise).backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            optimizer.step()
            rate.step()
            optimizer.zero_grad()
            ema.step(module.parameters())
            spent, step = spent + time.perf_counter() - began, step + 1
        averaged = copy.deepcopy(module)
        ema.copy_to(averaged.parameters())
        yield Theirs(averaged.eval(), step)


def ours(pixels: np.ndarray, minutes: float, recipe: str | None, settings: dict[str, str]) -> tuple[PictureModel, float]:
    """A model trained for a budget, and the minutes that training took, measuring the step and first samples included."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        model = reverie.train(pixels, Path(folder) / "run", minutes=minutes, recipe=recipe, settings=settings)
        assert isinstance(model, PictureModel)
        return model, (time.perf_counter() - began) / 60


def weights(module: torch.nn.Module) -> str:
    return f"{sum(p.numel() for p in module.parameters()) / 1e6:.2f} M weights"


def table_of_samplers(
    model: PictureModel, judge: Judge, steps_of: list[int], count: int
) -> dict[str, list[tuple[int, float, float]]]:
    """Steps, seconds for 1,000 and distance, of each sampler; printed as they come."""
    found: dict[str, list[tuple[int, float, float]]] = {}
    print("\nour last model, by sampler and steps\n" + HEAD)
    for sampler in SAMPLERS:
        for steps in steps_of:
            made, seconds = timed(lambda n, s=sampler, k=steps: model.sample(n, sampler=s, steps=k), count)
            print(judge.row(f"{sampler}, {steps} steps", made, seconds), flush=True)
            distance = frechet(judge.test, of_clothes().of(made))
            found.setdefault(sampler, []).append((steps, seconds, distance))
    return found


def draw(found: dict[str, list[tuple[int, float, float]]], peers: list[tuple[str, float, float]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for sampler, rows in found.items():
        axes.plot([s for _, s, _ in rows], [d for _, _, d in rows], "o-", label=f"ours, {sampler}")
    for name, seconds, distance in peers:
        axes.plot(seconds, distance, "s", markersize=9, label=name)
    axes.set(xscale="log", yscale="log", xlabel="seconds for 1,000 pictures", ylabel="Frechet distance to test pictures")
    axes.set_title("Fashion-MNIST, equal training time; features of a small classifier of clothes (no FID)", fontsize=9)
    axes.grid(True, which="both", alpha=0.3)
    steps = ", ".join(str(count) for count, *_ in next(iter(found.values())))
    axes.legend(fontsize=8, title=f"from left to right: {steps} steps", title_fontsize=8)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 3.0, 10.0])
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="of the table of samplers")
    parser.add_argument("--widths", nargs="*", default=["32,64", "32,64,128"], help="of diffusers' networks")
    parser.add_argument("--batch", type=int, default=64, help="of diffusers' training; its example has 16")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES, help="one side alone, or both in turn")
    parser.add_argument("--recipe", help="of ours; left out, the one that the pictures ask for")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="settings of ours")
    parser.add_argument("--data", type=Path, default=fashion.FOLDER)
    parser.add_argument("--figure", type=Path, default=Path(__file__).parent / "results" / "images_quality.png")
    told = parser.parse_args()
    (pixels, _), (unseen, _), budgets = fashion.train(told.data), fashion.test(told.data), sorted(told.minutes)
    judge = Judge(of_clothes().of(unseen))
    print(describe() + "\n" + HEAD)
    print(judge.row("training pictures", pixels[: told.samples]), flush=True)
    model, peers = None, []
    for minutes in budgets if "ours" in told.sides else []:
        model, took = ours(pixels, minutes, told.recipe, dict(pair.split("=", 1) for pair in told.set))
        made, seconds = timed(model.sample, told.samples)
        about = f"{model.config.training.steps} steps of {model.config.training.batch}"
        print(judge.row(f"ours, {minutes:g} min (took {took:.1f}), {about}", made, seconds), flush=True)
        if minutes == budgets[0]:
            print(f"  ours has {weights(model.denoiser.module)}")
    for widths in told.widths if "diffusers" in told.sides else []:
        for minutes, peer in zip(
            budgets, theirs(pixels, tuple(map(int, widths.split(","))), budgets, told.batch), strict=False
        ):
            made, seconds = timed(peer.sample, told.samples)
            print(judge.row(f"diffusers {widths}, {minutes:g} min, {peer.steps} of {told.batch}", made, seconds), flush=True)
        print(f"  diffusers {widths} has {weights(peer.module)}")
        peers.append((f"diffusers {widths}, DDIM {DDIM_STEPS}", seconds, frechet(judge.test, of_clothes().of(made))))
    if model is not None:
        draw(table_of_samplers(model, judge, told.steps, told.samples), peers, told.figure)
        print(f"\nthe figure is {told.figure.name}, at {budgets[-1]:g} minutes of training")


if __name__ == "__main__":
    main()
