"""Which sampler and spacing suit a path of noise levels where the denoiser makes no error: python benchmarks/paths_exact.py

The paths that images_paths.py never trained on are asked too: linear_rate (vp), variance_exploding (ve) and log_snr. The
denoiser is exact, of mixtures in 16 dimensions at the scale of pictures: two wide Gaussians, eight narrow ones, twenty that
are nearly points. --count states begin as the path's own noise, the same for all ways, and each way has --calls calls of the
denoiser. The error is the root mean square of the distance, per dimension, to where Heun's method ends from the same states
in 300 steps; its geometric mean over the three.
"""

from __future__ import annotations

import argparse
import math

import torch
from torch import Tensor

from machine import describe
from reverie.denoisers import GaussianMixture
from reverie.process import GaussianProcess, generator
from reverie.process.registry import named as path_named
from reverie.samplers import Heun, named, sample, time_grid

PATHS = ("cosine", "linear_rate", "variance_exploding", "log_snr", "edm", "rectified_flow")
SAMPLERS = ("angular", "dpmpp", "dpmpp_3m", "unipc", "deis", "heun", "ddim")
SPACINGS = ("angle", "karras", "log_snr", "trailing")
DATA = {"wide": (2, 0.4), "narrow": (8, 0.1), "points": (20, 0.01)}
"""Of each mixture, how many components, and their deviation."""
SIZE, FINE = 16, 300


def mixture(process: GaussianProcess, name: str) -> GaussianMixture:
    count, std = DATA[name]
    means = 0.5 * torch.randn(count, SIZE, generator=generator(0, "means", name), dtype=torch.float64)
    return GaussianMixture(process, means, torch.full((count,), std, dtype=torch.float64))


Case = tuple[GaussianMixture, Tensor, Tensor]
"""The denoiser, the states that are begun from, and where they lead to."""


def cases(path: str, count: int) -> list[Case]:
    process = GaussianProcess(path_named(path))
    x = torch.randn(count, SIZE, generator=generator(1, "start"), dtype=torch.float64) * process.schedule.prior_std
    exact = [mixture(process, name) for name in DATA]
    grid = time_grid(process.schedule, FINE, "angle")
    return [(each, x, sample(each, Heun(), grid, x)) for each in exact]


def error(found: list[Case], sampler: str, spacing: str, calls: int) -> float:
    rule = named(sampler)
    grid = time_grid(found[0][0].process.schedule, max(1, calls // rule.calls), spacing)
    gaps = (sample(exact, rule, grid, x) - end for exact, x, end in found)
    return math.exp(sum(math.log(float(gap.square().mean().sqrt())) for gap in gaps) / len(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, nargs="+", default=[12, 24])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--paths", nargs="+", default=PATHS)
    told = parser.parse_args()
    torch.set_num_threads(1)
    print(describe())
    for path in told.paths:
        found = cases(path, told.count)
        usual = {"sampler": "angular", "spacing": "angle", **path_named(path).usual}
        for calls in told.calls:
            print(f"\n{path}, {calls} calls; now {usual['sampler']} on {usual['spacing']}")
            print(f"{'':10}" + "".join(f"{spacing:>10}" for spacing in SPACINGS))
            for sampler in SAMPLERS:
                row = (error(found, sampler, spacing, calls) for spacing in SPACINGS)
                print(f"{sampler:10}" + "".join(f"{value:10.4f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
