"""Classifier-free guidance on a mixture of three Gaussians in the plane, with the exact denoiser.

    python examples/05_guidance.py [FOLDER]

scale 0 ignores the class, 1 is the true conditional law; more than 1 is no law of the data: samples leave their class
on the side away from the others, and crowd together.
"""

import sys
import tempfile
from pathlib import Path

import torch

from reverie.denoisers import GaussianMixture, Guided, Labels
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DPMSolver, sample, time_grid
from reverie.studies.figures import save_figure

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="reverie-"))

process = GaussianProcess(NoiseSchedule.cosine(1000))
means = torch.tensor([[0.0, 0.9], [-0.8, -0.5], [0.8, -0.5]], dtype=torch.float64)
mixture = GaussianMixture(process, means, stds=torch.tensor([0.35, 0.35, 0.35]))
x_T = torch.randn(600, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
wanted = torch.arange(3).repeat_interleave(200)  # the class of each sample

panels = []
for scale in (0.0, 1.0, 2.0, 4.0):
    x = sample(Guided(mixture, scale), DPMSolver(), time_grid(process.schedule, 40), x_T, condition=Labels(wanted))
    right = (torch.cdist(x, means).argmin(1) == wanted).double().mean()
    spread = torch.stack([x[wanted == k].std(0).mean() for k in range(3)]).mean()
    print(f"scale {scale:g}: {right:.0%} nearest to their own class, spread within a class {spread:.3f}")
    dots = {f"asked for class {k}": {"x": [], "y": [], "dots": x[wanted == k].T.tolist()} for k in range(3)}
    panel = {"kind": "lines", "title": f"scale {scale:g}", "series": dots, "x_range": (-2, 2), "y_range": (-1.6, 2)}
    panels.append(panel | {"marks": [(*mean, "mean of a class") for mean in means.tolist()]})
figure = {"kind": "panels", "title": "Samples of three classes, more and more guided", "panels": panels, "key": True}
print("written:", save_figure(figure, folder / "guidance.png"))
