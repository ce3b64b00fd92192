"""A drawing learned: the exact score beside the learned one, and samples that flow along either, from the same noise.

    exact     s = grad log p_t of what was drawn (drawing.py)
    learned   a network trained on it (training.py)
    both      x_T ~ N(0, I), the same for each; x_0 by the same sampler in the same steps, and the same noise if it draws any

With a mistake the wrong form stands in the place of the right one, and the run is made once more without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from reverie.denoisers import Denoiser
from reverie.errors import UsageError, unknown
from reverie.process import GaussianProcess, NoiseSchedule, draw, generator
from reverie.process.loss import TARGETS
from reverie.process.prediction import Kind
from reverie.process.schedule import table_of
from reverie.samplers import named, time_grid, trajectory
from reverie.samplers.grid import Spacing
from reverie.studies.mistakes import ENTRIES
from reverie.studies.mistakes.forms import FORMS
from reverie.studies.playground.drawing import FRAME, Drawing
from reverie.studies.playground.measures import (
    Chance,
    Excess,
    LevelError,
    chance,
    excess_loss,
    score_error,
    sliced_wasserstein,
)
from reverie.studies.playground.training import RIGHT, Trained, Training, train

__all__ = ["Field", "Playground", "Run", "playground"]

SAMPLES = 512
SIDE = 17
LEVELS = (0.02, 0.06, 0.15, 0.3, 0.6)
"""Shares of T at which the fields are compared."""


@dataclass(frozen=True, eq=False)
class Field:
    """Both scores at one level on a square of SIDE x SIDE places over the frame, rows from the top, and log p_t there.

    Attributes:
        exact, learned: float64 [SIDE * SIDE, 2]; log_density: [SIDE * SIDE].
    """

    t: int
    exact: Tensor
    learned: Tensor
    log_density: Tensor


@dataclass(frozen=True, eq=False)
class Run:
    """What came of one way of training and sampling.

    Attributes:
        grid: the levels that were visited; alpha_bar: what is left of the signal's power at each.
        exact, learned: every state, [len(grid), SAMPLES, 2].
        distance: sliced Wasserstein distances of the last states to the drawing, by "exact" and "learned".
        errors: of the learned score, level by level; excess: over all levels.
        trained: the network with the course of its training.
    """

    process: GaussianProcess[NoiseSchedule]
    grid: tuple[int, ...]
    exact: Tensor
    learned: Tensor
    distance: Mapping[str, float]
    errors: tuple[LevelError, ...]
    excess: Excess
    trained: Trained
    fields: tuple[Field, ...]

    @property
    def numbers(self) -> dict[str, float]:
        """Those that a mistake changes."""
        return {**self.distance, "excess": self.excess.excess}


@dataclass(frozen=True, eq=False)
class Playground:
    """A run, the same without its mistake if it has one, and what chance alone gives."""

    drawing: Drawing
    run: Run
    right: Run | None
    chance: Chance
    mistake: str | None
    settings: Mapping[str, Any]

    def reply(self, shown: int = 200) -> dict[str, Any]:
        """As JSON; of the states those of the first `shown` samples, to three digits behind the point."""
        run = self.run
        schedule = run.process.schedule
        return {
            "frame": FRAME,
            "points": self.drawing.x.tolist(),
            "weights": self.drawing.weights,
            "spread": self.drawing.spread,
            "levels": [{"t": t, "alpha_bar": float(schedule.alpha_bar[t])} for t in run.grid],
            "paths": {name: _rounded(getattr(run, name)[:, :shown], 3) for name in ("exact", "learned")},
            "distance": {**run.distance, "chance": asdict(self.chance), "samples": SAMPLES},
            "excess": asdict(run.excess),
            "errors": [asdict(error) for error in run.errors],
            "fields": [
                {
                    "t": field.t,
                    "alpha_bar": float(schedule.alpha_bar[field.t]),
                    "exact": _rounded(field.exact, 8),
                    "learned": _rounded(field.learned, 8),
                    "log_density": _rounded(field.log_density, 8),
                }
                for field in run.fields
            ],
            "side": SIDE,
            "losses": [{"step": step, "loss": loss} for step, loss in run.trained.curve],
            "network": {"predict": run.trained.network.kind, **run.trained.module.state()},
            "mistake": self._mistake(),
            "metadata": {**self.settings, "schedule": dict(schedule.config), "warning": schedule.warning},
        }

    def _mistake(self) -> dict[str, Any] | None:
        if self.mistake is None or self.right is None:
            return None
        entry, form = ENTRIES[self.mistake], FORMS[self.mistake]
        about = {"number": entry.number, "wrong": entry.wrong, "right": entry.right, "says": form.says, "place": form.place}
        return {**about, "without": self.right.numbers}


def playground(
    drawing: Drawing,
    schedule: NoiseSchedule | None = None,
    predict: Kind = "velocity",
    sampler: str = "ddim",
    steps: int = 40,
    *,
    spacing: Spacing = "trailing",
    training_steps: int = 1000,
    seed: int = 0,
    mistake: str | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Playground:
    """Trains a network on a drawing, and samples from it and from the exact score.

    Args:
        drawing: what to learn.
        schedule: linear with T = 1000 by default.
        predict: what the network says: noise, clean or velocity.
        sampler, steps, spacing: how both are sampled.
        training_steps: of 256 points each.
        mistake: the number of one of FORMS, or none.
        on_step: called with (steps done, steps in all).

    The same arguments give the same result. Raises UsageError for names that are not known, and for a mistake that cannot be
    made with these settings, naming what it needs.
    """
    schedule = NoiseSchedule.linear() if schedule is None else schedule
    if predict not in TARGETS:
        raise unknown("prediction", predict, TARGETS)
    if mistake is not None:
        _check(
            mistake, {"schedule": schedule.config.get("name"), "prediction": predict, "sampler": sampler, "spacing": spacing}
        )
    parts = 1 if mistake is None else 2

    def tell(part: int) -> Callable[[int, int], None]:
        def step(k: int, of: int) -> None:
            if on_step:
                on_step(part * of + k, parts * of)

        return step

    def made(number: str | None, part: int) -> Run:
        form = FORMS[number] if number else RIGHT
        own = form.schedule(schedule) if form.schedule else schedule
        kept = number if form.place == "training" else None  # what is wrong elsewhere changes no weight
        trained = train(Training(drawing, own, predict, training_steps, seed, kept), tell(part))
        rule = named(sampler)
        rule = form.sampler(rule, steps) if form.sampler else rule
        around = form.denoiser or (lambda inner: inner)
        return _run(drawing, trained, around, rule, time_grid(own, steps, spacing), seed)

    right = made(None, 0)
    run = right if mistake is None else made(mistake, 1)
    settings = {
        "predict": predict,
        "sampler": sampler,
        "steps": steps,
        "spacing": spacing,
        "training_steps": training_steps,
        "seed": seed,
    }
    return Playground(drawing, run, None if mistake is None else right, chance(drawing, SAMPLES, seed), mistake, settings)


def _check(mistake: str, has: Mapping[str, Any]) -> None:
    if mistake not in FORMS:
        raise unknown("mistake that can be switched on", mistake, FORMS)
    for name, value in FORMS[mistake].needs.items():
        if has[name] != value:
            raise UsageError(
                f"mistake {mistake} can only be made with the {name} {value!r}, not {has[name]!r}: choose that."
            )


def _run(
    drawing: Drawing,
    trained: Trained,
    around: Callable[[Denoiser], Denoiser],
    rule: Any,
    grid: tuple[int, ...],
    seed: int,
) -> Run:
    process = GaussianProcess(table_of(trained.network.process.schedule, "the playground"))
    denoisers: dict[str, Denoiser] = {"exact": drawing.denoiser(process), "learned": trained.network}
    paths = {}
    for name, denoiser in denoisers.items():
        stream = generator(seed, "playground", "samples")
        start = draw(torch.empty(SAMPLES, 2, dtype=torch.float64), stream)
        paths[name] = torch.stack([point.x for point in trajectory(around(denoiser), rule, grid, start, stream)])
    exact, learned = denoisers["exact"], denoisers["learned"]
    levels = [max(1, round(share * process.schedule.steps)) for share in LEVELS]
    with torch.no_grad():
        return Run(
            process,
            grid,
            paths["exact"],
            paths["learned"],
            {name: sliced_wasserstein(path[-1], drawing) for name, path in paths.items()},
            tuple(score_error(drawing, exact, learned, t, seed) for t in levels),
            excess_loss(drawing, exact, learned, seed),
            trained,
            tuple(_field(drawing, exact, learned, t) for t in levels),
        )


def _field(drawing: Drawing, exact: Denoiser, learned: Denoiser, t: int) -> Field:
    line = torch.linspace(-FRAME, FRAME, SIDE, dtype=torch.float64)
    y, x = torch.meshgrid(-line, line, indexing="ij")
    places = torch.stack([x.flatten(), y.flatten()], 1)
    return Field(t, exact(places, t).score, learned(places, t).score, drawing.log_density(exact.process, places, t))


def _rounded(numbers: Tensor, digits: int) -> list[Any]:
    return torch.round(numbers, decimals=digits).tolist()
