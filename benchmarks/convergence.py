"""Error against calls of the denoiser for every sampler, ours and azula's, on a Gaussian mixture:
python benchmarks/convergence.py (azula: pip install --no-deps azula einops; nothing else needs it)

The exact denoiser of a mixture of four Gaussians in 2-D, T = 20,000, from t = T to T / 50 (the last step to t = 0 is
the same for all), grids even in log-SNR. The truth is Heun with 2,560 steps. For stochastic samplers, which have no single
truth, the distance is between the distributions: the sliced Wasserstein distance of 4,000 samples to 4,000 true ones. A
column is so many calls: a sampler of two calls a step takes half as many steps. Azula's samplers ask the same oracle at the
same levels. Writes results/convergence.txt and results/convergence.png.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import azula.sample as azula
import torch
from azula.denoise import Denoiser, DiracPosterior
from matplotlib.figure import Figure
from torch import Tensor

from machine import describe
from reverie.denoisers import GaussianMixture
from reverie.process import GaussianProcess, NoiseSchedule, generator
from reverie.samplers import (
    DDIM,
    DEIS,
    AdamsBashforth,
    Ancestral,
    DPMSolver,
    Heun,
    Restart,
    Sampler,
    StochasticHeun,
    UniPC,
    sample,
)

HERE = Path(__file__).parent / "results"
T = 20_000
SCHEDULE = NoiseSchedule.linear(T, 1e-4 / 20, 0.02 / 20)
PROCESS = GaussianProcess(SCHEDULE)
MIXTURE = GaussianMixture(
    PROCESS, torch.tensor([[1.0, 1.0], [-1.0, 0.5], [0.2, -1.2], [-0.3, 0.1]]).double(), torch.tensor([0.15, 0.25, 0.1, 0.4])
)
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
CALLS = (5, 10, 20, 40, 80, 160)
DISTANCES = (0.02, 0.03, 0.05, 0.1, 0.2, 0.3)

Run = Callable[[int, Tensor], Tensor | None]
"""The last state from x_T in so many calls at most; None where there are too few for one step."""


def grid(steps: int) -> tuple[int, ...]:
    levels = torch.linspace(float(SCHEDULE.log_snr[T]), float(SCHEDULE.log_snr[T // 50]), steps + 1, dtype=torch.float64)
    nearest = (SCHEDULE.log_snr[None] - levels[:, None]).abs().argmin(1)
    return tuple(sorted(set(nearest.tolist()), reverse=True))


def ours(rule: Sampler, calls: int, x_T: Tensor) -> Tensor | None:
    steps = max((n for n in range(1, calls + 1) if rule.cost(n) <= calls), default=0)
    return sample(MIXTURE, rule, grid(steps), x_T, generator(0, "steps")) if steps else None


class Oracle(Denoiser):
    """The same denoiser as azula asks one; its times are those of the schedule."""

    def schedule(self, t: Tensor) -> tuple[Tensor, Tensor]:
        return SCHEDULE.at(t)

    def forward(self, x_t: Tensor, t: Tensor) -> DiracPosterior:
        return DiracPosterior(MIXTURE(x_t, int(t)).clean)


def theirs(kind: type[azula.Sampler], cost: int, calls: int, x_T: Tensor, **settings: int) -> Tensor | None:
    if calls < cost:
        return None
    levels = torch.tensor(grid(calls // cost))
    on_levels = type(kind.__name__, (kind,), {"timesteps": levels})
    torch.manual_seed(0)
    return on_levels(Oracle(), silent=True, **settings)(x_T)


OURS: dict[str, Run] = {
    "DDIM": partial(ours, DDIM()),
    "DPM-Solver++ 2M": partial(ours, DPMSolver()),
    "DPM-Solver++ 3M": partial(ours, DPMSolver(order=3)),
    "UniPC": partial(ours, UniPC()),
    "DEIS": partial(ours, DEIS()),
    "angular": partial(ours, AdamsBashforth()),
    "Heun": partial(ours, Heun()),
}
AZULA: dict[str, Run] = {
    "azula DDIM": partial(theirs, azula.DDIMSampler, 1),
    "azula Heun": partial(theirs, azula.HeunSampler, 2),
    **{f"azula vAB {n}": partial(theirs, azula.vABSampler, 1, order=n) for n in (2, 3)},
    **{f"azula zEAB {n}": partial(theirs, azula.zEABSampler, 1, order=n) for n in (2, 3)},
    **{f"azula xEAB {n}": partial(theirs, azula.xEABSampler, 1, order=n) for n in (2, 3)},
    **{f"azula REAB {n}": partial(theirs, azula.REABSampler, 1, order=n) for n in (2, 3)},
}
STOCHASTIC: dict[str, Run] = {
    "ancestral": partial(ours, Ancestral()),
    "ancestral, beta": partial(ours, Ancestral("beta")),
    "SDE-DPM-Solver++ 2M": partial(ours, DPMSolver(sde=True)),
    "EDM": partial(ours, StochasticHeun()),
    "restart": partial(ours, Restart(low=0.2)),
    "azula DDPM": partial(theirs, azula.DDPMSampler, 1),
}


def sliced(a: Tensor, b: Tensor) -> float:
    angles = torch.arange(64, dtype=torch.float64) * (math.pi / 64)
    lines = torch.stack([angles.cos(), angles.sin()])
    return float(((a @ lines).sort(0).values - (b @ lines).sort(0).values).abs().mean())


def measured(runs: dict[str, Run], x_T: Tensor, error: Callable[[Tensor], float]) -> dict[str, list[float]]:
    """The error of each at each number of calls, not a number where there are too few."""
    ends = {name: [run(calls, x_T) for calls in CALLS] for name, run in runs.items()}
    return {name: [math.nan if end is None else error(end) for end in row] for name, row in ends.items()}


def line(name: str, row: list[float], form: str) -> str:
    return f"{name:22}" + "".join(f"{'-' if math.isnan(each) else format(each, form):>10}" for each in row)


def main() -> None:
    x_T = torch.randn(4000, 2, generator=generator(0, "start"), dtype=torch.float64)
    truth = sample(MIXTURE, Heun(), grid(2560), x_T)
    drawn, again = (
        PROCESS.corrupt(MIXTURE.sample(4000, generator(i, "data")), T // 50, generator=generator(i, "noise")) for i in (0, 1)
    )
    floor = sliced(drawn, again)
    errors = measured(OURS | AZULA, x_T, lambda x: float((x - truth).pow(2).mean().sqrt()))
    distances = measured(OURS | AZULA | STOCHASTIC, x_T, lambda x: sliced(x, drawn))
    best = min((name for name in AZULA), key=lambda name: errors[name][2])

    head = f"{'calls':22}" + "".join(f"{n:>10}" for n in CALLS)
    lines = [f"{describe()}, azula {version('azula')}", ""]
    lines += [
        "rms error of the states against the exact path, and the order it falls with at the end",
        "",
        f"{head}     order",
    ]
    lines += [f"{line(name, row, '.2e')}{math.log2(row[-2] / row[-1]):10.2f}" for name, row in errors.items()]
    lines += ["", f"sliced Wasserstein distance to true samples (two sets of true samples: {floor:.3f})", "", head]
    lines += [line(name, row, ".4f") for name, row in distances.items()]
    text = "\n".join(lines) + "\n"
    print(text)
    (HERE / "convergence.txt").write_text(text)
    draw(errors, distances, floor, best)


def draw(errors: dict[str, list[float]], distances: dict[str, list[float]], floor: float, best: str) -> None:
    """Both tables as curves; of azula's the one that is nearest in 20 calls."""
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for i, name in enumerate([*OURS, best]):
        style = {"color": PALETTE[i], "label": name}
        left.loglog(CALLS, errors[name], "^:" if name == best else "o-", **style)
        right.loglog(CALLS, distances[name], "^:" if name == best else "o-", **style)
    for i, name in enumerate(STOCHASTIC):
        right.loglog(CALLS, distances[name], "s--", color=PALETTE[i], label=name, markerfacecolor="white")
    right.axhline(floor, color="0.5", linestyle=":", label="true samples")
    left.set(title="without noise: against the exact path", xlabel="calls of the denoiser", ylabel="rms error of the state")
    right.set(title="all: against true samples", xlabel="calls of the denoiser", ylabel="sliced Wasserstein distance")
    for axis in (left, right):
        axis.set_xticks(CALLS, [str(n) for n in CALLS])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    right.set_yticks(DISTANCES, [str(each) for each in DISTANCES])
    left.legend(frameon=False, fontsize=8)
    right.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(HERE / "convergence.png", dpi=130)


if __name__ == "__main__":
    main()
