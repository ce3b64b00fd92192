"""A trained run of pictures as a source: another, of one to four calls, learns from what it makes.

teacher   its averaged weights, frozen, sampled by the angular rule in a few steps of the spacing `angle`
levels    for n calls the n of that spacing, which are among the teacher's
taught    where each path ends, from these levels alone (training/updates/distilled.py)
sampled   by DDIM between these levels: a further call sets out from the picture before it with the noise that led to it, as
          the states it was taught from do; fresh noise (eta = 1, the consistency rule) measured farther

No picture of the run's own source is read: run and seed are all that the examples are a function of.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reverie.config import Distilled, RunConfig, Sampling, Source
from reverie.denoisers.wrappers import check_guidance
from reverie.errors import UsageError
from reverie.images import ImageCodec
from reverie.modality import IMAGES
from reverie.models import PictureModel
from reverie.models.method import ALL
from reverie.samplers import time_grid
from reverie.sources.pictures import save_sheet, sheet
from reverie.sources.source import DataSource, Parts, Say
from reverie.training.hardware import choose_device
from reverie.training.trajectories import Trajectories

__all__ = ["CALLS", "Teacher"]

CALLS = 4
"""At most: with more, the run itself is as good."""
STEPS = 6
"""Of the teacher's sampler at least; more where the levels of so many calls are not among those of 6."""
SAMPLER, SPACING = "angular", "angle"
RULE = "ddim"
"""By which what was taught is sampled."""


@dataclass(frozen=True, eq=False)
class Teacher(DataSource):
    """A run, and how another is to be taught by it.

    Attributes:
        run: the teacher.
        name: what it is called.
        calls: of the network for a picture, at most.
        guidance: that the teacher draws with, of a run with classes; none for as it learned.
        seed: of the examples.
    """

    run: PictureModel
    name: str
    calls: int
    guidance: float | None = None
    seed: int = 0

    modality, model = IMAGES, PictureModel
    recipe = "pictures"
    notes = ()

    def __post_init__(self) -> None:
        if isinstance(self.calls, bool) or self.calls not in range(1, CALLS + 1):
            raise UsageError(f"calls is a number from 1 to {CALLS}, not {self.calls!r}: with more, sample the run itself.")
        if not self.run.process.schedule.whole:
            raise UsageError(
                f"{self.name} has its levels of noise in continuous time, and calls are levels of a table: distil a run "
                "trained on one, e.g. schedule.name=cosine."
            )
        kind = self.run.denoiser.kind
        if kind == "noise":
            raise UsageError(
                f"{self.name} predicts noise, of which nothing follows where there is only noise: distil a run trained with "
                "predict=velocity or predict=clean."
            )
        if self.guidance is not None:
            check_guidance(self.guidance)
        if self.guidance is not None and not self.run.codec.classes:
            raise UsageError(f"{self.name} was trained without classes, so guidance has nothing to follow: leave it out.")
        if getattr(self.run.codec, "attributes", ()):
            raise UsageError(
                f"{self.name} is told attributes of each picture, which are not distilled: take {self.name} itself."
            )
        if not hasattr(self.run.denoiser.module, "stages"):
            raise UsageError(f"{self.name} has a network that names no stages to compare pictures in: distil another.")

    @property
    def about(self) -> Source:
        """The source of the run, which the report compares with."""
        return self.run.config.source

    def settled(self, config: RunConfig) -> RunConfig:
        sampling = Sampling.model_validate({"sampler": RULE, "steps": self.calls, "spacing": SPACING})
        distilled = Distilled(calls=self.calls, teacher_steps=self.steps, guidance=self.guidance, seed=self.seed)
        return config.model_copy(update={"sampling": sampling, "distilled": distilled})

    @property
    def steps(self) -> int:
        """Of the teacher for each picture: the least multiple of the calls that is not below STEPS, or all there are."""
        return min(-(-STEPS // self.calls) * self.calls, self.run.process.schedule.most_steps)

    def split(self, config: RunConfig) -> Parts[None]:
        return Parts(None, None, None)

    def fit_codec(self, config: RunConfig, parts: Parts[None], say: Say) -> ImageCodec:
        return self.run.codec

    def adopt_codec(self, codec: ImageCodec, run: str, say: Say) -> ImageCodec:
        return codec

    def examples(self, config: RunConfig, parts: Parts[None], codec: ImageCodec) -> tuple[Any, None]:
        device, schedule = choose_device(config.training.device), self.run.process.schedule
        levels = time_grid(schedule, self.calls, SPACING)[:-1]
        grid = sorted({*time_grid(schedule, self.steps, SPACING), *levels}, reverse=True)
        frozen = copy.deepcopy(self.run.denoiser.module).to(device).eval().requires_grad_(False)
        network = replace(self.run.denoiser, module=frozen)
        where = {"class": ALL} if self.guidance is not None else None
        how = replace(self.run, denoiser=network).method(SAMPLER, self.steps, SPACING, where=where, guidance=self.guidance)
        dropout = config.training.condition_dropout
        taught = Trajectories(
            network,
            how.denoiser,
            how.sampler,
            grid,
            levels,
            self.run.shape,
            self.seed,
            config.training.batch,
            len(codec.classes),
            dropout,
            device,
        )
        return taught, None

    def show(self, model: PictureModel, parts: Parts[None], out: Path) -> None:
        save_sheet(model, out)

    def summary(self, model: PictureModel, parts: Parts[None], out: Path) -> dict[str, Any]:
        return {
            "parent": self.name,
            "calls": self.calls,
            "steps": model.config.training.steps,
            "samples": str(sheet(model, out)),
        }
