"""From a trained run of pictures to one that makes them in one to four calls of its network."""

from __future__ import annotations

from time import monotonic
from typing import Annotated, Self

from pydantic import Field, model_validator

from reverie.operations import training_run as run
from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation, summary
from reverie.operations.fields import Guidance, NewRun, Overwrite, RunName, Seed
from reverie.operations.request import Flag, Request, Served, example
from reverie.operations.training import Card, too_long

__all__ = ["Distillation", "distillation"]


class Distillation(Request):
    """Which run, in how many calls, and the budget."""

    model_config = example({"run": "runs/digits", "out": "runs/digits-fast", "calls": 1, "steps": 20})

    run: Annotated[RunName, Flag("RUN", "A run folder of pictures made by reverie train; it is read alone.")]
    out: Annotated[NewRun, Flag("--out", "The run folder to write.")]
    calls: int = Field(
        1, ge=1, le=4, description="Of the network for each picture, at most; fewer that divide it will do too."
    )
    steps: Annotated[
        int | None,
        Flag("--steps", "Budget in optimiser steps; 2000 if left out."),
        Served((Field(ge=1, le=1_000_000),), "a worker's time ends before"),
    ] = Field(None, ge=1, description="Budget in steps; 2000 if left out.")
    minutes: Annotated[
        float | None,
        Flag("--minutes", "Budget in minutes instead; the number of steps follows the machine's pace."),
        Served((Field(ge=0.02, le=120),), "a second is measured first, and a worker is one client's for two hours at most"),
    ] = Field(None, description="Budget in minutes, instead; made a number of steps by a measurement.")
    guidance: Guidance | None = Field(
        None,
        description="How strongly what it learns from follows its class, of a run with classes: 1 as learned, above 1 more. "
        "It becomes part of the new run, at no cost.",
    )
    seed: Seed = 0
    resume: bool = Field(False, description="Go on with the run in `out`, just where it stopped.")
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.minutes is not None and self.steps is not None:
            raise ValueError("give the budget in steps or in minutes, not both")
        if self.resume and self.overwrite:
            raise ValueError("`resume` goes on with what `overwrite` would throw away: give one of them")
        return self


def _python(request: Distillation) -> str:
    names = ("calls", "steps", "minutes", "guidance", "seed", "resume")
    options = {name: value for name in names if (value := getattr(request, name)) not in (None, False)}
    options |= {"force": True} if request.overwrite else {}
    return lines("import reverie", "", f"model = reverie.distill({arguments(request.run, request.out, **options)})")


@operation(
    "distillation",
    Card,
    command="distill",
    route="POST /api/distillations",
    operation_id="distill",
    tag="models",
    about="The answer comes at once, with the job, and its events have the losses, as of a training.",
    slow=True,
    wait=0,
    saves=True,
    caps=(run.BATCH, run.WEIGHTS),
    progress=("training", "steps"),
    refuse=too_long,
    example="reverie distill runs/photos --out runs/photos-fast --calls 2 --minutes 10, then\n"
    "reverie sample runs/photos-fast --count 1000 --out new.npz.",
    python=_python,
)
def distillation(request: Distillation, context: Context) -> Outcome:
    """Teach a new run to make pictures in one to four calls of its network, where a trained run takes a dozen.

    It learns from what the run makes, and reads none of its pictures. What comes is a run as any other, to be sampled,
    reported on, served and exported; but it answers for its few calls alone, so editing, likelihood, other samplers and more
    steps stay with the run that it learned from.
    """
    since = monotonic()
    folder = context.folder(request.out, request.overwrite, request.resume)
    model = context.model(request.run)
    with context.together("auto") as chief:
        from reverie.planning.distilling import plan
        from reverie.training import Callbacks

        callbacks = run.callbacks_of(context, folder) if chief else Callbacks()
        planned = plan(
            model,
            folder.path,
            callbacks,
            calls=request.calls,
            steps=request.steps,
            minutes=request.minutes,
            guidance=request.guidance,
            seed=request.seed,
            resume=folder.resume,
            force=folder.overwrite,
            since=since,
            admit=lambda config, channels: run.admit(context, config, channels),
        )
        result = planned.summary(planned.run(callbacks))
    if context.served:
        from reverie.models.card import card

        return Outcome(card(folder.path, request.out))
    hint = f"look at {result['samples']}; then: reverie sample {request.out} --count 1000 --out new.npz"
    return Outcome(result, summary("distilled", result), hints=(hint,))
