"""Bring your own denoiser: a torch module becomes one by Network, any rule by a class with a process and an evidence.

    python examples/06_own_denoiser.py [FOLDER]

The data is a wave of random phase. The rule knows its covariance only; the module learns from samples.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from reverie.denoisers.network import Network
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DPMSolver, sample, time_grid
from reverie.studies.figures import save_figure

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="reverie-"))
torch.manual_seed(0)
process = GaussianProcess(NoiseSchedule.cosine(1000))


def waves(count):
    return torch.sin(torch.arange(32) * 4 * torch.pi / 32 + 2 * torch.pi * torch.rand(count, 1))  # [count, 32]


@dataclass(frozen=True)
class Linear:
    """The best linear guess, a C (a^2 C + sigma^2 I)^-1 x_t, exact for Gaussian data of covariance C: waves are not."""

    process: GaussianProcess
    covariance: torch.Tensor
    evidence: str = "exact"

    def __call__(self, x_t, t, condition=None):
        a2 = self.process.schedule.alpha_bar[t].item()
        noisy = a2 * self.covariance + (1 - a2) * torch.eye(32)
        return self.process.predict(x_t, t, clean=a2**0.5 * torch.linalg.solve(noisy, x_t.T).T @ self.covariance)


class Small(torch.nn.Sequential):
    def forward(self, x_t, t):  # [B, 32] and [B] -> what it predicts, [B, 32]
        return super().forward(torch.cat([x_t, t[:, None] / 1000], 1))


module = Small(
    torch.nn.Linear(33, 128), torch.nn.SiLU(), torch.nn.Linear(128, 128), torch.nn.SiLU(), torch.nn.Linear(128, 32)
)
learned = Network(process, module, kind="velocity")
optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
for _ in range(600):
    x_0, t, noise = waves(256), torch.randint(1, 1001, (256,)), torch.randn(256, 32)
    error = learned(process.corrupt(x_0, t, noise), t).velocity - process.velocity(x_0, t, noise)
    optimizer.zero_grad()
    error.square().mean().backward()
    optimizer.step()

x_T, grid = torch.randn(200, 32), time_grid(process.schedule, 20)
rule = Linear(process, waves(20_000).T.cov())
shown = {"data": waves(200)} | {name: sample(d, DPMSolver(), grid, x_T) for name, d in (("rule", rule), ("module", learned))}
panels = []
for name, x in shown.items():
    height = (2 * x.square().mean(1)).sqrt()  # of a wave; 1 in the data
    title = f"{name}: height {height.mean():.2f} ± {height.std():.2f}"
    waves_of = {f"wave {i}": {"x": [*range(32)], "y": wave} for i, wave in enumerate(x[:6].tolist(), 1)}
    panels.append({"kind": "lines", "title": title, "series": waves_of, "y_range": (-1.6, 1.6)})
    print(title)
figure = {"kind": "panels", "title": "Waves: data, the best linear guess, and a small network", "panels": panels}
print("written:", save_figure(figure, folder / "own_denoiser.png"))
