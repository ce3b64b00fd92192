"""The clinical recipe as published beside ours, a step and 300 patients: python benchmarks/published_recipe.py [ROUNDS]

Both train the same U-Net (22 channels, width 256, 7.4 M weights) on the same series: 300 simulated people with HIV over 60
months, 2 numbers and 5 codes as published, encoded by the recipe health-gym. Batch 128, T 500, beta 1e-4..0.01, noise loss +
20 x blended reconstruction loss, Adam at 1e-3, gradients clipped at 1.

published   series padded with zeros from 60 to 100 and masked in the loss; torch's own convolutions and norms on
            [B, C, L], reached through 4-axis views; the default Adam. Sampling: 500 ancestral steps, sigma^2 = beta, 100
            series at a time, the first 60 months kept, series that leave [-1, 1] drawn again, for at most 20 batches.
ours        no padding, `reverie.training.updates.PlainUpdate` and `SeriesUNet`, in the precision that "auto" chooses;
            DPM-Solver++ with noise in 20 steps, nothing drawn again.

Each side's step is timed in turn, medians. The 500 steps of a published batch are a few steps, measured, times 500; the
share of series it keeps, 69 %, is its authors' figure after 3,000 epochs: an untrained network's would mean nothing.
What is gained or lost by the other sampler, on weights that are trained, is told by published_fidelity.py.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import islice

import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from machine import describe
from reverie.denoisers.network import Network
from reverie.denoisers.registry import recipes
from reverie.denoisers.unet1d import SeriesUNet, SeriesUNetConfig
from reverie.process import GaussianProcess, NoiseSchedule, TerminalSNRWarning
from reverie.process.randomness import generator
from reverie.records import CodecSettings, RecordCodec, read_table
from reverie.records.cohort import simulate_art4hiv
from reverie.samplers import DPMSolver, sample, time_grid
from reverie.training import Batch, Budget, denoising
from reverie.training.hardware import autocast_dtype
from reverie.training.settings import TrainingSettings

CHANNELS, MONTHS, PADDED, WIDTH, EMBEDDING, LEVELS = 22, 60, 100, 256, 128, 3
BATCH, STEPS, BETAS, WEIGHT = 128, 500, (1e-4, 0.01), 20.0
KEPT, AT_ONCE, PATIENTS, CAP = 0.69, 100, 300, 20


COLUMNS = (
    "PatientID", "Timestep", "VL", "CD4", "Gender", "Ethnic", "Base Drug Combo", "Comp. INI", "Comp. NNRTI",
)  # fmt: skip


def cohort(patients: int, seed: int = 0) -> pl.DataFrame:
    """Simulated people with HIV in the columns that the published recipe models."""
    return simulate_art4hiv(patients, MONTHS, seed).select(COLUMNS)


def encoded(frame: pl.DataFrame) -> Tensor:
    """Their series [P, MONTHS, CHANNELS] in [-1, 1], as the recipe encodes them."""
    table = read_table(frame)
    codec = RecordCodec.fit(table, CodecSettings.model_validate(recipes()["health-gym"]["codec"]))
    return codec.encode(table).records(torch.arange(len(table)), None).values[:, 1:]


class PublishedBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.GroupNorm(8, WIDTH), nn.GroupNorm(8, WIDTH)
        self.conv_1, self.conv_2 = nn.Conv1d(WIDTH, WIDTH, 3, padding=1), nn.Conv1d(WIDTH, WIDTH, 3, padding=1)

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        gamma, beta = film[:, :, None].chunk(2, 1)
        h = self.conv_1(F.silu(self.norm_1(x) * (1 + gamma) + beta))
        return x + self.conv_2(F.silu(self.norm_2(h)))


class PublishedUNet(nn.Module):
    """x [B, 1, channels, L], t [B] -> the same shape."""

    def __init__(self) -> None:
        super().__init__()

        def film() -> nn.Module:
            return nn.Sequential(nn.Linear(EMBEDDING, 2 * WIDTH), nn.SiLU(), nn.Linear(2 * WIDTH, 2 * WIDTH))

        frequency = torch.exp(-math.log(1e4) * torch.arange(EMBEDDING // 2) / (EMBEDDING // 2))
        angle = torch.arange(STEPS + 1)[:, None] * frequency
        self.table = nn.Buffer(torch.cat([angle.sin(), angle.cos()], 1))
        self.enter = nn.Sequential(nn.Linear(CHANNELS, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH))
        self.down = nn.ModuleList(PublishedBlock() for _ in range(LEVELS))
        self.shrink = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 4, 2, 1) for _ in range(LEVELS))
        self.middle = nn.ModuleList(PublishedBlock() for _ in range(2))
        self.grow = nn.ModuleList(nn.ConvTranspose1d(WIDTH, WIDTH, 4, 2, 1) for _ in range(LEVELS))
        self.up = nn.ModuleList(PublishedBlock() for _ in range(LEVELS))
        self.film = nn.ModuleList(film() for _ in range(2 * LEVELS + 1))
        self.last = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)
        self.leave = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, CHANNELS))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        films = [film(self.table[t]) for film in self.film]
        h = self.enter(x.squeeze(1).transpose(1, 2)).transpose(1, 2)
        skips = []
        for i, (block, shrink) in enumerate(zip(self.down, self.shrink, strict=True)):
            h = block(h, films[i])
            skips.append(h)
            h = shrink(h)
        for block in self.middle:
            h = block(h, films[LEVELS])
        for i, (grow, block) in enumerate(zip(self.grow, self.up, strict=True)):
            h, skip = grow(h), skips.pop()
            h = F.pad(h, (0, skip.shape[2] - h.shape[2])) + skip
            h = block(h, films[LEVELS + 1 + i])
        return self.leave(self.last(h).transpose(1, 2)).transpose(1, 2).unsqueeze(1)


def schedule_tables() -> tuple[Tensor, Tensor, Tensor]:
    """beta, alpha, alpha_bar of t = 1..T, at the places 1..T."""
    beta = torch.cat([torch.zeros(1), torch.linspace(*BETAS, STEPS)])
    return beta, 1 - beta, (1 - beta).cumprod(0)


def published_steps(series: Tensor) -> Iterator[float]:
    """One training step each time it is asked; its loss."""
    torch.manual_seed(0)
    network = PublishedUNet().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    alpha_bar = schedule_tables()[2]

    def masked_mse(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
        return ((a - b) ** 2 * mask).sum() / mask.expand_as(a).sum()

    while True:
        x_0 = series[torch.randint(len(series), (BATCH,))].transpose(1, 2).unsqueeze(1)
        mask = F.pad(torch.ones(BATCH, 1, 1, MONTHS), (0, PADDED - MONTHS))
        x_0 = F.pad(x_0, (0, PADDED - MONTHS))
        t = torch.randint(1, STEPS + 1, (BATCH,))
        noise, level = torch.randn_like(x_0), alpha_bar[t].view(-1, 1, 1, 1)
        x_t = level.sqrt() * x_0 + (1 - level).sqrt() * noise
        said = network(x_t, t)
        blend = torch.rand_like(noise)
        blended = blend * noise + (1 - blend) * said
        x_hat = (x_t - (1 - level).sqrt() * blended) / (level.sqrt() + 1e-8)
        loss = masked_mse(said, noise, mask) + WEIGHT * masked_mse(x_hat, x_0, mask)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        yield loss.item()


@torch.no_grad()
def published_batch(network: nn.Module, steps: int = STEPS) -> Tensor:
    """AT_ONCE series [., MONTHS, channels] after the first `steps` of the ancestral steps; those that stay in [-1, 1]."""
    beta, alpha, alpha_bar = schedule_tables()
    x = torch.randn(AT_ONCE, 1, CHANNELS, PADDED)
    for t in range(STEPS, STEPS - steps, -1):
        said = network(x, torch.full((AT_ONCE,), t))
        x = (x - beta[t] / (1 - alpha_bar[t]).sqrt() * said) / alpha[t].sqrt()
        if t > 1:
            x = x + beta[t].sqrt() * torch.randn_like(x)
    series = x[:, 0, :, :MONTHS].transpose(1, 2)
    return series[(series.abs() <= 1).flatten(1).all(1)]


def published_patients(network: nn.Module, count: int) -> Tensor:
    """`count` kept series, or as many as CAP batches give."""
    kept = [published_batch(network)]
    while sum(map(len, kept)) < count and len(kept) < CAP:
        kept.append(published_batch(network))
    return torch.cat(kept)[:count]


class Series:
    """Series [P, MONTHS, channels] as examples for our loop."""

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, indices: Tensor, generator: torch.Generator) -> Batch:
        return Batch(self.values[indices])


def our_network() -> Network:
    torch.manual_seed(0)
    config = SeriesUNetConfig.model_validate({"width": WIDTH, "embedding": EMBEDDING, "levels": LEVELS})
    with warnings.catch_warnings(
        action="ignore", category=TerminalSNRWarning
    ):  # the published schedule ends with signal left
        schedule = NoiseSchedule.linear(STEPS, *BETAS)
    module = SeriesUNet(CHANNELS, CHANNELS, config)
    return Network(GaussianProcess(schedule), module, "noise", autocast=autocast_dtype("auto", torch.device("cpu")))


def our_steps(series: Tensor) -> Iterator[object]:
    """One training step of our loop each time it is asked."""
    settings = TrainingSettings(
        batch=BATCH, optimizer="adam", learning_rate=1e-3, decay="constant", warmup=0, predict="noise",
        timesteps="uniform", reconstruction=WEIGHT, blend=True,
    )  # fmt: skip
    device = torch.device("cpu")
    update = denoising(our_network(), Series(series), settings, 0, device)
    state = update.begin(Budget(settings.entries))
    while True:
        yield update.step(state)
        state.step += 1


def our_patients(network: Network, count: int, steps: int = 20) -> Tensor:
    grid = time_grid(network.process.schedule, steps)
    shards = [torch.empty(min(AT_ONCE, count - first), MONTHS, CHANNELS) for first in range(0, count, AT_ONCE)]
    draws = [generator(0, "series", i) for i in range(len(shards))]
    starts = [torch.randn(shard.shape, generator=draw) for shard, draw in zip(shards, draws, strict=True)]
    network.module.eval()
    pairs = zip(starts, draws, strict=True)
    return torch.cat([sample(network, DPMSolver(sde=True), grid, start, draw) for start, draw in pairs])


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(rounds: int) -> None:
    series = encoded(cohort(PATIENTS))
    theirs, ours = published_steps(series), our_steps(series)
    weights = sum(p.numel() for p in PublishedUNet().parameters())
    print(describe())
    print(f"{weights:,} weights, the same on both sides")
    for side in (theirs, ours):
        list(islice(side, 2))
    pairs = [(timed(lambda: next(theirs)), timed(lambda: next(ours))) for _ in range(rounds)]
    a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(x / y for x, y in pairs)
    print(f"training, batch {BATCH}: published {a:.2f} s a step, ours {b:.2f} s; medians of {rounds} rounds in turn")
    print(f"  {ratio:.1f} times faster (aim 4)", flush=True)

    network, mine = PublishedUNet().eval(), our_network()
    measured = 3
    published_batch(network, 1)
    step = statistics.median(timed(lambda: published_batch(network, measured)) / measured for _ in range(3))
    batches = math.ceil(PATIENTS / (KEPT * AT_ONCE))
    whole = step * STEPS * batches
    took = statistics.median(timed(lambda: our_patients(mine, PATIENTS)) for _ in range(2))
    print(
        f"{PATIENTS} patients: published {step:.3f} s a step of {AT_ONCE}, {whole:.0f} s for {batches} batches of {STEPS}; "
        f"ours {took:.1f} s\n  {whole / took:.0f} times faster (aim 50)"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
