"""Noise a digit, then walk back by the true posterior: the reverse process of one known picture ends at it exactly.

    python examples/02_forward_reverse.py [FOLDER]

KnownSample is an oracle: it is told x_0. It shows what a perfect denoiser is asked to imitate, not what a model can do.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from reverie.denoisers import KnownSample
from reverie.images import ImageCodec, contact_sheet, read_images, save_picture
from reverie.process import GaussianProcess, NoiseSchedule
from reverie.samplers import Ancestral, time_grid, trajectory

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="reverie-"))
generator = torch.Generator().manual_seed(0)

pixels = read_images("digits").pixels[3:4]  # uint8 [1, 8, 8, 1]
codec = ImageCodec(8, 8, 1)
x_0 = codec.encode(pixels).double()  # [1, 1, 8, 8] in [-1, 1]

process = GaussianProcess(NoiseSchedule.linear(1000))
forward = [process.corrupt(x_0, t, generator=generator) for t in (0, 50, 100, 200, 300, 500, 700, 1000)]

grid = time_grid(process.schedule, 1000)  # every step, from T down to 0
points = list(trajectory(KnownSample(process, x_0), Ancestral(), grid, forward[-1], generator))
reverse = [point.x for point in points if point.t in (1000, 700, 500, 300, 200, 100, 50, 0)]

for point in points[::200]:
    print(f"t = {point.t:4d}   rms distance to x_0 = {float((point.x - x_0).square().mean().sqrt()):.4f}")
print("ends exactly at x_0:", torch.equal(points[-1].x, x_0))
sheet = contact_sheet(np.concatenate([codec.decode(x) for x in (*forward, *reverse)]), columns=8)
print("written:", save_picture(sheet, folder / "forward_reverse.png"))
