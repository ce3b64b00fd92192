"""The published sampler beside ours on the same weights: published_fidelity.py [MINUTES] [--width W] [--run RUN]

One network of the recipe health-gym is trained for so many minutes on 300 simulated people with HIV (60 months, 22 channels,
see published_recipe.py). Then 300 patients are made of it by each sampler and judged as a synthetic table of them, beside
300 other people of the same simulation (the ceiling).

published   500 ancestral steps, sigma^2 = beta; patients with a number outside [-1, 1] are drawn again
the rest    fewer steps, nothing drawn again: numbers outside are moved to the nearest end

What differs between rows is the sampler alone, so the seconds are those of our network; the published network's own are
measured by published_recipe.py.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import polars as pl

import reverie
from machine import describe
from published_recipe import PATIENTS, cohort
from reverie.errors import UsageError
from reverie.evaluation import scores
from reverie.models import PatientModel
from reverie.process import TerminalSNRWarning

SAMPLERS: dict[str, dict[str, Any]] = {
    "published": {"sampler": "ancestral", "variance": "beta", "steps": 500, "reject": True},
    "ancestral 500": {"sampler": "ancestral", "variance": "beta", "steps": 500},
    "ours": {"sampler": "dpmpp_sde", "steps": 20},
    "ours, rejected": {"sampler": "dpmpp_sde", "steps": 20, "reject": True},
    "no noise 20": {"sampler": "dpmpp", "steps": 20},
    "no noise 50": {"sampler": "dpmpp", "steps": 50},
}
SHOWN = {
    "overall": "accuracy.overall",
    "univar": "accuracy.univariate",
    "bivar": "accuracy.bivariate",
    "coher": "accuracy.coherence",
    "AUC": "auc",
    "nearer": "nearer.patients",
    "sd ratio": "tails.deviation",
    "static": "correlation.static",
    "trend": "correlation.trend",
    "cycle": "correlation.cycle",
}
"""Our words for the scores that are shown; the correlations are mean absolute differences."""


def row(name: str, found: dict[str, float], more: str = "") -> None:
    print(f"{name:<16}" + "".join(f"{found[key]:>9.3f}" for key in SHOWN.values()) + more, flush=True)


def main(minutes: float, width: int, run: str | None, names: list[str]) -> None:
    warnings.simplefilter("ignore", TerminalSNRWarning)  # the published schedule ends with signal left
    everyone = cohort(3 * PATIENTS)
    train, holdout, others = (everyone.filter(pl.col("PatientID") // PATIENTS == third) for third in range(3))
    print(describe())
    out = tempfile.mkdtemp() + "/run" if run is None else run
    if not Path(out).exists():
        settings = {"network.width": width, "training.aside": 0.0}
        reverie.train(train, out, minutes=minutes, recipe="health-gym", settings=settings, holdout=0)
    model = reverie.load(out)
    assert isinstance(model, PatientModel)
    training = model.config.training
    print(f"{out}: {model.config.network}\n{training.steps} steps of {training.batch}, in {training.precision}")
    print(" " * 16 + "".join(f"{word:>9}" for word in SHOWN) + f"{'drawn':>9}{'clipped':>9}{'seconds':>9}")
    schema = model.codec.schema
    row("other people", scores(train, holdout, others, schema))
    for name in names:
        began = time.perf_counter()
        try:
            made = list(model.shards(PATIENTS, seed=1, **SAMPLERS[name]))
        except UsageError as error:
            print(f"{name:<16} {error}", flush=True)
            continue
        took = time.perf_counter() - began
        frame = pl.concat([shard.frame for shard in made])
        drawn = sum(shard.drawn for shard in made)
        numbers = sum(len(shard.clipped) * len(shard.frame) for shard in made)
        clipped = 100 * sum(sum(shard.clipped.values()) for shard in made) / numbers
        row(name, scores(train, holdout, frame, schema), f"{drawn:>9}{clipped:>8.2f}%{took:>9.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("minutes", nargs="?", type=float, default=10.0)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--run", help="a run folder for the weights: trained if it is not there, else taken as it is")
    parser.add_argument("--samplers", nargs="*", choices=SAMPLERS, default=list(SAMPLERS), metavar="NAME")
    told = parser.parse_args()
    main(told.minutes, told.width, told.run, told.samplers)
