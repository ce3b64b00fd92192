"""Sample without training: the exact denoiser of a data set, and what few steps cost each sampler.

    python examples/03_exact_sampling.py [FOLDER]

A perfect denoiser of a finite data set leads back to that data set: what is sampled here is memorised, on purpose.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from reverie.denoisers import Empirical
from reverie.images import ImageCodec, contact_sheet, read_images, save_picture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import DDIM, Ancestral, DPMSolver, sample, time_grid

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="reverie-"))

codec = ImageCodec(8, 8, 1)
data = codec.encode(read_images("digits").pixels)  # [1797, 1, 8, 8]
process = GaussianProcess(NoiseSchedule.cosine(1000))
denoiser = Empirical(process, data)
x_T = torch.randn(16, *codec.shape, generator=torch.Generator().manual_seed(0))

rows = []
for sampler in (DPMSolver(), DDIM(), DDIM(eta=1.0), Ancestral()):
    grid = time_grid(process.schedule, 20)
    x = sample(denoiser, sampler, grid, x_T, torch.Generator().manual_seed(1))
    nearest = torch.cdist(x.flatten(1), data.flatten(1)).amin(1) / 8  # rms distance over 64 pixels
    print(f"{sampler!r:36} {len(grid) - 1} steps, rms distance to the nearest digit {nearest.mean():.4f}")
    rows.append(codec.decode(x))
print("written:", save_picture(contact_sheet(np.concatenate(rows), columns=16), folder / "exact_samples.png"))
