"""Sample without training: the exact denoiser of a data set, and four samplers from the same noise.

    python examples/03_exact_sampling.py [FOLDER]

A perfect denoiser of a finite data set leads back to that data set: what is sampled here is memorised, on purpose.
Deterministic samplers follow one path each from the noise; DDIM with eta = 1 and ancestral sampling are one and the same.
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
data = codec.encode(read_images("digits").pixels).double()  # [1797, 1, 8, 8]
process = GaussianProcess(NoiseSchedule.cosine(1000))
denoiser = Empirical(process, data)
x_T = torch.randn(16, *codec.shape, generator=torch.Generator().manual_seed(0)).double()

grid = time_grid(process.schedule, 20)  # 20 steps from T = 1000 to 0

rows = []
for sampler in (DPMSolver(), DDIM(), DDIM(eta=1.0), Ancestral()):
    x = sample(denoiser, sampler, grid, x_T, torch.Generator().manual_seed(1))
    distance, digit = torch.cdist(x.flatten(1), data.flatten(1)).min(1)
    print(f"{sampler!r:32} rms to the nearest digit {distance.mean() / 8:.4f}: numbers {digit[:8].tolist()} ...")
    rows.append(codec.decode(x))
print("written:", save_picture(contact_sheet(np.concatenate(rows), columns=16), folder / "exact_samples.png"))
