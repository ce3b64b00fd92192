"""Pictures in one and two calls beside the run that they were learned from: python benchmarks/distillation.py RUN

RUN is a trained run of Fashion-MNIST (fashion.py says where that is from), such as images_quality.py trains in ten minutes:
its distance is that of the pictures it makes to all 10,000 test pictures, on the features of the shipped classifier of
clothes (no FID), with precision and recall. It is distilled for each of --calls, in so many optimiser --steps, and what
comes is asked for as many calls as it was taught, and for each number that divides them. --fast takes runs that were
distilled before in the place of these trainings.

Seconds are of the same count of pictures made in turn by each, --repeats times, the least of each; so is the ratio.
--samples 64 --steps 2 --repeats 1 shows that it runs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import fashion
import reverie
from images_quality import HEAD, Judge
from machine import describe
from reverie.evaluation.image_features import of_clothes
from reverie.images import contact_sheet
from reverie.models import PictureModel

TEACHER_STEPS = (12, 6)


def seconds(model: PictureModel, count: int, steps: int) -> tuple[np.ndarray, float]:
    """Pictures, and seconds for 1,000."""
    began = time.perf_counter()
    made = model.sample(count, steps=steps)
    return made, (time.perf_counter() - began) / count * 1000


def draw(rows: list[tuple[str, np.ndarray]], path: Path) -> None:
    figure, axes = plt.subplots(1, len(rows), figsize=(4 * len(rows), 4.4), layout="constrained")
    for (name, made), axis in zip(rows, np.atleast_1d(axes), strict=True):
        axis.imshow(np.asarray(contact_sheet(made[:64])).squeeze(), cmap="gray", vmin=0, vmax=255)
        axis.set_title(name, fontsize=10)
        axis.axis("off")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--fast", type=Path, nargs="*", default=[], help="runs that were distilled before")
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", type=Path, default=fashion.FOLDER)
    parser.add_argument("--figure", type=Path, default=Path(__file__).parent / "results" / "distillation.png")
    told = parser.parse_args()
    judge, parent = Judge(of_clothes().of(fashion.test(told.data)[0])), reverie.load(told.run)
    assert isinstance(parent, PictureModel)
    fast: list[PictureModel] = [reverie.load(path) for path in told.fast]  # pyright: ignore[reportAssignmentType]
    if not fast:
        for calls in told.calls:
            began = time.perf_counter()
            fast.append(reverie.distill(parent, Path(tempfile.mkdtemp()) / "run", calls=calls, steps=told.steps))
            print(f"distilled to {calls} in {told.steps} steps, {(time.perf_counter() - began) / 60:.1f} min", flush=True)
    sides = [(f"parent, {steps} steps", parent, steps) for steps in TEACHER_STEPS]
    for model in fast:
        taught = model.config.distilled
        assert taught is not None
        about = f"taught {taught.calls}, {model.config.training.steps} steps of {model.config.training.batch}"
        sides += [(f"{count} of {about}", model, count) for count in taught.counts]
    least: dict[str, float] = {}
    pictures: dict[str, np.ndarray] = {}
    for _ in range(told.repeats):
        for name, model, steps in sides:
            made, took = seconds(model, told.samples, steps)
            least[name], pictures[name] = min(took, least.get(name, took)), made
    print(describe() + "\n" + HEAD + "    ratio")
    whole = least[sides[0][0]]
    for name, _, _ in sides:
        print(f"{judge.row(name, pictures[name], least[name])} {whole / least[name]:8.1f}", flush=True)
    draw([(name, pictures[name]) for name, _, _ in sides], told.figure)


if __name__ == "__main__":
    main()
