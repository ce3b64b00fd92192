"""Which path of noise levels pictures are best learned on, at equal training: python benchmarks/images_paths.py

cosine        the table of 1,000 steps, velocity
edm           EDM: F behind its preconditioning, sigma log-normal in training (Karras et al. 2022)
flow          rectified flow, all times as often (Liu et al. 2023)
flow, logit   rectified flow, log(t / (1 - t)) ~ N(0, 1) in training (Esser et al. 2024)

On the pictures of images_grids.py, photographs in colour or digits, the same network is trained for --steps on batches of 32
by each, with --seeds seeds. Then --samples pictures for as many calls of the network, by the sampler and spacing that suit
the path best among those of WAYS: for each number of calls the best of them, by its mean over the seeds, with its name.
Frechet distance to the training pictures in the features that the report takes for such pictures. Runs are kept in --runs,
and those that are there are not trained again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import reverie
from images_grids import SETS
from machine import describe
from reverie.evaluation.image_distances import frechet, precision, recall
from reverie.evaluation.image_features import features_for
from reverie.models import PictureModel
from reverie.samplers import SAMPLERS

PATHS: dict[str, dict[str, Any]] = {
    "cosine": {},
    "edm": {"schedule.name": "edm"},
    "flow": {"schedule.name": "flow"},
    "flow, logit": {"schedule.name": "flow", "schedule.logit_std": 1.0},
}
RECIPES = {"photographs": "pictures-small", "digits": "pictures-tiny", "clothes": "pictures-small"}
WAYS = [
    ("angular", "angle"),
    ("angular", "karras"),
    ("angular", "trailing"),
    ("dpmpp", "angle"),
    ("dpmpp", "karras"),
    ("dpmpp", "trailing"),
    ("heun", "angle"),
    ("heun", "karras"),
    ("ddim", "trailing"),
]


def trained(name: str, pixels: np.ndarray, path: str, steps: int, seed: int, runs: Path) -> PictureModel:
    run = runs / f"{name}-{path.replace(', ', '-')}-{steps}-{seed}"
    if (run / "model.safetensors").is_file():
        model = reverie.load(run)
    else:
        settings = {"batch": 32, "flip": name != "digits", **PATHS[path]}
        model = reverie.train(pixels, run, steps=steps, recipe=RECIPES[name], seed=seed, settings=settings, force=True)
    assert isinstance(model, PictureModel)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=["photographs", "digits"])
    parser.add_argument("--paths", nargs="+", choices=list(PATHS), default=list(PATHS))
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--calls", type=int, nargs="*", default=[6, 8, 12, 20])
    parser.add_argument("--runs", type=Path, default=Path("runs/paths"))
    told = parser.parse_args()
    print(describe())
    for name in told.sets:
        pixels = SETS[name]()
        seen = features_for(pixels)
        real = seen.of(pixels)
        print(f"\n{name}, {told.steps} steps of training, {told.seeds} seeds; distance in {seen.name}, mean (range)")
        for path in told.paths:
            models = [trained(name, pixels, path, told.steps, seed, told.runs) for seed in range(told.seeds)]
            for calls in told.calls:
                found = {}
                for sampler, spacing in WAYS:
                    steps = calls // SAMPLERS[sampler].calls
                    if spacing == "trailing" and path == "edm":
                        continue  # even in sigma: nearly all steps are of bare noise
                    made = [
                        seen.of(model.sample(told.samples, seed=9, sampler=sampler, spacing=spacing, steps=steps))
                        for model in models
                    ]
                    found[f"{sampler}, {spacing}"] = [
                        (frechet(real, each), precision(real[: told.samples], each), recall(real[: told.samples], each))
                        for each in made
                    ]
                    mean, span = _of(found[f"{sampler}, {spacing}"])
                    print(f"  {path:12} {calls:3} calls  {sampler + ', ' + spacing:20} {mean[0]:9.2f} ({span})", flush=True)
                best = min(found, key=lambda way: _of(found[way])[0][0])
                mean, span = _of(found[best])
                print(
                    f"{path:12} {calls:3} calls: {mean[0]:9.2f} ({span})  "
                    f"precision {mean[1]:.2f}  recall {mean[2]:.2f}  by {best}",
                    flush=True,
                )


def _of(found: list[tuple[float, float, float]]) -> tuple[np.ndarray, str]:
    """The mean over the seeds, and the distances from the least to the most."""
    numbers = np.array(found)
    return numbers.mean(0), f"{numbers[:, 0].min():.2f} to {numbers[:, 0].max():.2f}"


if __name__ == "__main__":
    main()
