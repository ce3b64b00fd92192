"""Bring your own denoiser: any torch module becomes one by Network, any rule by a class with three attributes.

    python examples/06_own_denoiser.py [FOLDER]

The data is a wave of random phase. The linear rule knows its covariance; the module learns from samples of it.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure

from reverie.denoisers.network import Network
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DPMSolver, sample, time_grid
from reverie.studies.figures import save_figure

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="reverie-"))
torch.manual_seed(0)
process = GaussianProcess(NoiseSchedule.cosine(1000))
angle = torch.arange(32) / 32 * 4 * torch.pi


def waves(count):  # [count, 32]
    return torch.sin(angle + 2 * torch.pi * torch.rand(count, 1))


@dataclass(frozen=True)
class Linear:
    """The best linear guess: x_0-hat = a C (a^2 C + sigma^2 I)^-1 x_t, for data of mean 0 and covariance C."""

    process: GaussianProcess
    covariance: torch.Tensor
    evidence: str = "exact"  # "exact", "oracle" or "learned": figures show it

    def __call__(self, x_t, t, condition=None):
        a2 = self.process.schedule.alpha_bar[t].item()
        noisy = a2 * self.covariance + (1 - a2) * torch.eye(32)
        return self.process.predict(x_t, t, clean=a2**0.5 * torch.linalg.solve(noisy, x_t.T).T @ self.covariance)


class Small(torch.nn.Module):
    """(x_t [B, 32], t [B]) -> velocity [B, 32]."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(33, 128), torch.nn.SiLU(), torch.nn.Linear(128, 128), torch.nn.SiLU(), torch.nn.Linear(128, 32)
        )

    def forward(self, x_t, t):
        return self.layers(torch.cat([x_t, t[:, None] / 1000], 1))


learned = Network(process, Small(), kind="velocity")
optimizer = torch.optim.Adam(learned.module.parameters(), lr=2e-3)
for _ in range(1500):
    x_0, t = waves(256), torch.randint(1, 1001, (256,))
    noise = torch.randn_like(x_0)
    error = learned(process.corrupt(x_0, t, noise), t).velocity - process.velocity(x_0, t, noise)
    optimizer.zero_grad()
    error.square().mean().backward()
    optimizer.step()

figure = Figure(figsize=(9, 3), layout="constrained")
rules = {"data": None, "linear rule": Linear(process, waves(100_000).T.cov()), "trained module": learned}
for axis, (name, denoiser) in zip(figure.subplots(1, 3, sharey=True), rules.items(), strict=True):
    x_T = torch.randn(200, 32, generator=torch.Generator().manual_seed(1))
    x = waves(200) if denoiser is None else sample(denoiser, DPMSolver(), time_grid(process.schedule, 20), x_T)
    height = x.square().mean(1).mul(2).sqrt()  # of the wave, 1 in the data
    print(f"{name:15} height of a wave {height.mean():.3f} +- {height.std():.3f}")
    axis.plot(x[:6].T, linewidth=1.2)
    axis.set(title=f"{name}\nheight {height.mean():.2f} ± {height.std():.2f}")
print("written:", save_figure(figure, folder / "own_denoiser.png"))
