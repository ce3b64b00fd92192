"""Classifier-free guidance on a mixture of three Gaussians in the plane, with the exact denoiser.

    python examples/05_guidance.py [FOLDER]

scale 0 ignores the class, 1 is the true conditional law; more than 1 is no law of the data: samples leave their class
on the side away from the others, and crowd together.
"""

import sys
import tempfile
from pathlib import Path

import torch
from matplotlib.figure import Figure

from reverie.denoisers import GaussianMixture, Guided, Labels
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DPMSolver, sample, time_grid
from reverie.studies.figures import PALETTE, save_figure

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="reverie-"))

process = GaussianProcess(NoiseSchedule.cosine(1000))
means = torch.tensor([[0.0, 0.9], [-0.8, -0.5], [0.8, -0.5]], dtype=torch.float64)
mixture = GaussianMixture(process, means, stds=torch.tensor([0.35, 0.35, 0.35]))
x_T = torch.randn(600, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
wanted = torch.arange(3).repeat_interleave(200)  # the class of each sample

figure = Figure(figsize=(11, 3.4), layout="constrained")
for axis, scale in zip(figure.subplots(1, 4, sharex=True, sharey=True), (0.0, 1.0, 2.0, 4.0), strict=True):
    x = sample(Guided(mixture, scale), DPMSolver(), time_grid(process.schedule, 40), x_T, condition=Labels(wanted))
    right = (torch.cdist(x, means).argmin(1) == wanted).double().mean()
    spread = torch.stack([x[wanted == k].std(0).mean() for k in range(3)]).mean()
    print(f"scale {scale:g}: {right:.0%} nearest to their own class, spread within a class {spread:.3f}")
    for k in range(3):
        axis.scatter(*x[wanted == k].T, s=6, color=PALETTE[k], alpha=0.6, linewidths=0, label=f"asked for class {k}")
        axis.plot(*means[k], marker="+", color="black", markersize=10)
    axis.set(title=f"scale {scale:g}", aspect="equal")
figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
print("written:", save_figure(figure, folder / "guidance.png"))
