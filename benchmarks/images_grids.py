"""Where the steps of a sampler should lie, on three sets of pictures: python benchmarks/images_grids.py

digits        8 x 8, grey, from scikit-learn
photographs   24 x 24, in colour: 6,000 patches of the two photographs that ship with scikit-learn, at a third of their size
clothes       28 x 28, grey: Fashion-MNIST (fashion.py says where it is from)

On each a model is trained for --minutes. Then --samples pictures from one noise by each sampler, spacing and number of
steps: Frechet distance to 10,000 training pictures, in the features that the report takes for such pictures.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images

import fashion
import reverie
from machine import describe
from reverie.evaluation.image_distances import frechet
from reverie.evaluation.image_features import features_for
from reverie.models import PictureModel

WAYS = [
    ("dpmpp", "trailing"),
    ("dpmpp", "karras"),
    ("dpmpp", "angle"),
    ("heun", "trailing"),
    ("heun", "angle"),
    ("angular", "trailing"),
    ("angular", "log_snr"),
    ("angular", "angle"),
]


def digits() -> np.ndarray:
    return (load_digits().images[..., None] * (255 / 16)).round().astype(np.uint8)


def photographs(count: int = 6000, side: int = 24) -> np.ndarray:
    draw, patches = np.random.default_rng(0), []
    for photograph in load_sample_images().images:
        height, width = (n // 3 for n in photograph.shape[:2])
        small = np.asarray(Image.fromarray(photograph).resize((width, height), Image.Resampling.LANCZOS))
        corners = draw.integers(0, [height - side, width - side], (count // 2, 2))
        patches += [small[y : y + side, x : x + side] for y, x in corners]
    return np.stack(patches)


def clothes() -> np.ndarray:
    return fashion.train()[0]


SETS = {"digits": digits, "photographs": photographs, "clothes": clothes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--steps", type=int, nargs="+", default=[6, 8, 12, 20])
    told = parser.parse_args()
    print(describe())
    for name in told.sets:
        pixels = SETS[name]()
        with tempfile.TemporaryDirectory() as folder:
            model = reverie.train(pixels, Path(folder) / "run", minutes=told.minutes)
        assert isinstance(model, PictureModel)
        seen = features_for(pixels)
        real = seen.of(pixels[np.random.default_rng(0).permutation(len(pixels))[:10_000]])
        print(f"\n{name}, {model.config.training.steps} steps of training; distance in {seen.name}")
        print(f"{'steps':22}" + "".join(f"{steps:>9}" for steps in told.steps))
        for sampler, spacing in WAYS:
            made = (model.sample(told.samples, sampler=sampler, spacing=spacing, steps=steps) for steps in told.steps)
            numbers = [f"{frechet(real, seen.of(pictures)):9.2f}" for pictures in made]
            print(f"{sampler + ', ' + spacing:22}" + "".join(numbers), flush=True)


if __name__ == "__main__":
    main()
