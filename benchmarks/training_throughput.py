"""Images per second of training, beside a plain loop of the usual kind: python benchmarks/training_throughput.py

Both sides train the same network (diffusers' UNet2DModel) at batch 64, predicting noise on the linear schedule, on the same
pictures (crops of the two photographs that ship with scikit-learn): at 32 x 32 with widths 32/64/128, where the network is
nearly all of the step, and at 8 x 8 with widths 16/32, where the rest counts too.

The plain loop is what the unconditional example of diffusers does: a DataLoader of pictures that are decoded, flipped and
scaled one by one, accelerate, DDPMScheduler.add_noise, AdamW, clipping, EMAModel, a cosine learning rate with warm-up, in
the default precision. Ours is `reverie.training.fit` with its defaults, of the network as the recipe "diffusers" makes it:
their module, with our norms and attention in bf16. Both run in turn, a few rounds; medians. Ours takes the
precision that "auto" is for its size; REVERIE_PRECISION=fp32 or bf16 asks for one.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from PIL import Image
from sklearn.datasets import load_sample_images

from machine import describe
from reverie.denoisers.diffusers_unet import DiffusersUNetConfig
from reverie.denoisers.network import Network
from reverie.images import ImageCodec, ImageSet
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.sources import ImageSource
from reverie.training import Budget, Callbacks, TrainingSettings, denoising, fit
from reverie.training.hardware import automatic_precision

BATCH, ROUNDS = 64, 3
SIZES = {32: ((32, 64, 128), 8), 8: ((16, 32), 40)}
"""Side of the pictures: widths of the network, steps a round."""


def unet(side: int) -> UNet2DModel:
    torch.manual_seed(0)
    widths = SIZES[side][0]
    return UNet2DModel(
        sample_size=side,
        block_out_channels=widths,
        layers_per_block=2,
        down_block_types=("DownBlock2D",) * (len(widths) - 1) + ("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * (len(widths) - 1),
        norm_num_groups=8,
    )


def pictures(side: int) -> np.ndarray:
    photographs, rng = load_sample_images().images, np.random.default_rng(0)
    corners = [(rng.integers(2), rng.integers(427 - side), rng.integers(640 - side)) for _ in range(4096)]
    return np.stack([photographs[i][y : y + side, x : x + side] for i, y, x in corners])


class Files(torch.utils.data.Dataset):
    """Pictures as an image folder gives them: PIL images that are made tensors one at a time."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.images = [Image.fromarray(p) for p in pixels]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> torch.Tensor:
        image = self.images[i].convert("RGB")
        image = image.resize(image.size, Image.Resampling.BILINEAR)
        if torch.rand(()) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        x = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        return (x - 0.5) / 0.5


def plain(pixels: np.ndarray, side: int, steps: int) -> float:
    accelerator, model = Accelerator(cpu=True), unet(side)
    ema = EMAModel(model.parameters(), decay=0.9999, use_ema_warmup=True, model_cls=UNet2DModel, model_config=model.config)
    scheduler = DDPMScheduler(num_train_timesteps=1000, beta_schedule="linear")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.95, 0.999), weight_decay=1e-6)
    loader = torch.utils.data.DataLoader(Files(pixels), batch_size=BATCH, shuffle=True)
    rate = get_scheduler("cosine", optimizer=optimizer, num_warmup_steps=500, num_training_steps=10_000)
    model, optimizer, loader, rate = accelerator.prepare(model, optimizer, loader, rate)
    times = []
    batches = iter(loader)
    for _ in range(steps):
        began = time.perf_counter()
        clean = next(batches)
        noise = torch.randn(clean.shape)
        t = torch.randint(0, 1000, (len(clean),)).long()
        with accelerator.accumulate(model):
            loss = F.mse_loss(model(scheduler.add_noise(clean, noise, t), t).sample.float(), noise.float())
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            rate.step()
            optimizer.zero_grad()
        ema.step(model.parameters())
        loss.detach().item()
        times.append(time.perf_counter() - began)
    return BATCH / statistics.median(times[2:])


def declared(side: int) -> DiffusersUNetConfig:
    widths = SIZES[side][0]
    return DiffusersUNetConfig(width=widths[0], multipliers=tuple(w // widths[0] for w in widths), blocks=2)


def precision(side: int) -> Literal["fp32", "bf16"]:
    """What "auto" is for a run of this size."""
    return automatic_precision(torch.device("cpu"), declared(side).numbers(BATCH, ImageCodec(side, side, 3)))


def ours(pixels: np.ndarray, side: int, steps: int) -> float:
    config = declared(side)
    settings = TrainingSettings(steps=steps, batch=BATCH, predict="noise", log_every=1, precision=precision(side))
    module = config.build(3, 3)
    module.unet.load_state_dict(unet(side).state_dict())
    network = Network(GaussianProcess(NoiseSchedule.linear()), module, "noise")
    marks: list[float] = []
    callbacks = Callbacks(on_step=lambda done, total: marks.append(time.perf_counter()))
    with tempfile.TemporaryDirectory() as folder:
        examples = ImageSource(ImageSet(pixels))
        update = denoising(network, examples, settings, 0, torch.device("cpu"))
        fit(Path(folder), update, Budget(settings.entries), callbacks)
    return BATCH / statistics.median(b - a for a, b in itertools.pairwise(marks[1:]))


def main() -> None:
    print(describe())
    for side, (widths, steps) in SIZES.items():
        pixels = pictures(side)
        print(f"{side} x {side}, widths {'/'.join(map(str, widths))}, batch {BATCH}: {precision(side)}")
        rates: tuple[list[float], list[float]] = ([], [])
        for number in range(ROUNDS):
            for row, run in zip(rates, (ours, plain), strict=True):
                row.append(run(pixels, side, steps))
            print(
                f"  round {number + 1}: ours {rates[0][-1]:.1f}, plain loop {rates[1][-1]:.1f} images per second", flush=True
            )
        a, b = map(statistics.median, rates)
        print(f"  median: ours {a:.1f}, plain loop {b:.1f} images per second, ratio {a / b:.2f}")


if __name__ == "__main__":
    main()
