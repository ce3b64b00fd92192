"""From data to a trained run, within a budget, told step by step, continued after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import UsageError
from reverie.service.schemas.models import Training
from reverie.service.tasks import inputs

if TYPE_CHECKING:
    from reverie.config import RunConfig
    from reverie.service.jobs.work import Work
    from reverie.sources import DataSource

__all__ = ["train"]

POINTS = 400
"""Metric events of a run, more or less."""
BATCH = 4096
"""Examples of a step at most."""


def train(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Trains, and answers with the run's card."""
    request = Training.model_validate(arguments)
    from reverie.models.card import card
    from reverie.planning.options import Options
    from reverie.planning.plan import prepare

    out, how = _claim(work, request)
    options = Options(
        out=out,
        steps=request.steps,
        minutes=request.minutes,
        seed=request.seed,
        recipe=request.recipe,
        settings=request.settings,
        **how,
    )
    listener = _listener(work)
    prepare(_source(work, request), options, listener, admit=_admit).run(listener)
    return card(out, request.out)


def _claim(work: Work, request: Training) -> tuple[Path, dict[str, Any]]:
    """The folder of the run, and whether to begin, to begin again, or to go on.

    Two notes in the job's folder show a later attempt how far an earlier one came: "claimed", the folder is this job's;
    "begun", the run in it is too.
    """
    from reverie import config

    claimed, begun = (work.folder.parent / note for note in ("claimed", "begun"))
    if request.resume:
        return work.workspace.folder(request.out), {"resume": True}
    if claimed.exists():
        run = work.workspace.target(request.out, (), True)
        return run, {"resume": True} if begun.exists() and (run / config.NAME).exists() else {"force": True}
    run = work.workspace.target(request.out, (), request.overwrite)
    claimed.touch()
    return run, {"force": request.overwrite}


def _listener(work: Work) -> Any:
    """Tells progress, sentences and numbers, and notes that the run has begun."""
    from reverie.training import Listener

    last, total = 0, 1
    begun = work.folder.parent / "begun"

    def on_step(done: int, of: int) -> None:
        nonlocal total
        if total != of:
            begun.touch()
        total = of
        work.step(done, of)

    def on_numbers(step: int, numbers: Mapping[str, float]) -> None:
        nonlocal last
        if "loss_aside" in numbers:
            work.emit("metric", {"step": step, "loss_aside": numbers["loss_aside"]})
        elif step >= last + total // POINTS or step == 1:
            last = step
            work.emit("metric", {"step": step, "loss": numbers["loss"], "gradient_norm": numbers["gradient_norm"]})

    return Listener(on_step, work.say, on_numbers)


def _source(work: Work, request: Training) -> DataSource:
    """The data, read within the limits."""
    options = {
        "identifier": request.id,
        "time": request.time,
        "long": request.long,
        "date_formats": request.date_formats,
        "duplicates": request.duplicates,
        "null_values": None if request.null_values is None else tuple(request.null_values),
        "size": request.size,
        "channels": request.channels,
    }
    return inputs.source(work, request.source, {name: value for name, value in options.items() if value is not None})


def _admit(config: RunConfig, channels: int) -> None:
    """Raises UsageError for what is not trained here."""
    if config.training.batch > BATCH:
        raise UsageError(f"training.batch is {config.training.batch:,}, and at most {BATCH:,} is allowed.")
    if sentence := inputs.too_many_weights(config, channels):
        raise UsageError(f"this network is not trained here: {sentence}.")
