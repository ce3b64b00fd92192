"""Error against steps for each sampler on a Gaussian mixture: python benchmarks/convergence.py

The exact denoiser of a mixture of four Gaussians in 2-D, T = 20,000, from t = T to T / 50 (the last step to t = 0 is
the same for all), grids even in log-SNR. The truth is Heun with 2,560 steps. For stochastic samplers, which have no single
truth, the distance is between the distributions: the sliced Wasserstein distance of 4,000 samples to 4,000 true ones.
Writes results/convergence.txt and results/convergence.png.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from matplotlib.figure import Figure

from machine import describe
from reverie.denoisers import GaussianMixture
from reverie.process import GaussianProcess, NoiseSchedule, generator
from reverie.samplers import DDIM, DEIS, Ancestral, DPMSolver, Heun, Restart, StochasticHeun, UniPC, sample

HERE = Path(__file__).parent / "results"
T = 20_000
SCHEDULE = NoiseSchedule.linear(T, 1e-4 / 20, 0.02 / 20)
PROCESS = GaussianProcess(SCHEDULE)
MIXTURE = GaussianMixture(
    PROCESS, torch.tensor([[1.0, 1.0], [-1.0, 0.5], [0.2, -1.2], [-0.3, 0.1]]).double(), torch.tensor([0.15, 0.25, 0.1, 0.4])
)
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
COUNTS = (5, 10, 20, 40, 80, 160)


def grid(steps: int) -> tuple[int, ...]:
    levels = torch.linspace(float(SCHEDULE.log_snr[T]), float(SCHEDULE.log_snr[T // 50]), steps + 1, dtype=torch.float64)
    nearest = (SCHEDULE.log_snr[None] - levels[:, None]).abs().argmin(1)
    return tuple(sorted(set(nearest.tolist()), reverse=True))


def sliced(a: torch.Tensor, b: torch.Tensor) -> float:
    angles = torch.arange(64, dtype=torch.float64) * (math.pi / 64)
    lines = torch.stack([angles.cos(), angles.sin()])
    return float(((a @ lines).sort(0).values - (b @ lines).sort(0).values).abs().mean())


def main() -> None:
    x_T = torch.randn(4000, 2, generator=generator(0, "start"), dtype=torch.float64)
    truth = sample(MIXTURE, Heun(), grid(2560), x_T)
    x_0 = MIXTURE.sample(4000, generator(0, "data"))
    drawn = PROCESS.corrupt(x_0, T // 50, generator=generator(0, "noise"))
    again = PROCESS.corrupt(MIXTURE.sample(4000, generator(1, "data")), T // 50, generator=generator(1, "noise"))
    floor = sliced(drawn, again)
    deterministic = {
        "DDIM": DDIM(),
        "DPM-Solver++ 2M": DPMSolver(),
        "DPM-Solver++ 3M": DPMSolver(order=3),
        "UniPC": UniPC(),
        "DEIS": DEIS(),
        "Heun (2 calls a step)": Heun(),
    }
    stochastic = {
        "ancestral": Ancestral(),
        "ancestral, beta": Ancestral("beta"),
        "SDE-DPM-Solver++ 2M": DPMSolver(sde=True),
        "EDM (2 calls a step)": StochasticHeun(),
        "restart (4 calls a step)": Restart(low=0.2),
    }
    errors = {
        name: [float((sample(MIXTURE, rule, grid(n), x_T) - truth).pow(2).mean().sqrt()) for n in COUNTS]
        for name, rule in deterministic.items()
    }
    distances = {
        name: [sliced(sample(MIXTURE, rule, grid(n), x_T, generator(0, "steps")), drawn) for n in COUNTS]
        for name, rule in (deterministic | stochastic).items()
    }
    lines = [describe(), "", "rms error of the states against the exact path, and the order it falls with", ""]
    lines.append(f"{'steps':24}" + "".join(f"{n:>10}" for n in COUNTS) + "     order")
    for name, row in errors.items():
        lines.append(f"{name:24}" + "".join(f"{e:10.2e}" for e in row) + f"{math.log2(row[-2] / row[-1]):10.2f}")
    lines += ["", f"sliced Wasserstein distance to true samples (two sets of true samples: {floor:.3f})", ""]
    for name, row in distances.items():
        lines.append(f"{name:24}" + "".join(f"{e:10.4f}" for e in row))
    text = "\n".join(lines) + "\n"
    print(text)
    HERE.mkdir(exist_ok=True)
    (HERE / "convergence.txt").write_text(text)
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for i, (name, row) in enumerate(errors.items()):
        left.loglog(COUNTS, row, "o-", color=PALETTE[i], label=name)
    for i, (name, row) in enumerate(distances.items()):
        right.loglog(COUNTS, row, "o-" if i < len(errors) else "s--", color=PALETTE[i % len(PALETTE)], label=name)
    right.axhline(floor, color="0.5", linestyle=":", label="true samples")
    left.set(title="deterministic: against the exact path", xlabel="steps", ylabel="rms error of the state")
    right.set(title="all: against true samples", xlabel="steps", ylabel="sliced Wasserstein distance")
    for axis in (left, right):
        axis.set_xticks(COUNTS, [str(n) for n in COUNTS])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=8)
    figure.savefig(HERE / "convergence.png", dpi=130)


if __name__ == "__main__":
    main()
