"""From data to a trained run, within a budget, told step by step, continued after a crash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import UsageError
from reverie.service.schemas.models import Training
from reverie.service.tasks import inputs

if TYPE_CHECKING:
    from reverie.service.jobs.work import Work

__all__ = ["train"]

POINTS = 400
"""Metric events of a run, more or less."""
BATCH = 4096
_SINGLE = (".npy", ".npz")


def train(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Trains, and answers with the run's card."""
    told = Training.model_validate(arguments)
    from reverie import runs
    from reverie.models.card import card

    run, how = _claim(work, told)
    with _source(work, told) as (source, options):
        _check(told, source, options)
        runs.train(
            source,
            run,
            steps=told.steps,
            minutes=told.minutes,
            seed=told.seed,
            recipe=told.recipe,
            settings=told.settings,
            listener=_listener(work),
            **options,
            **how,
        )
    return card(run, told.out)


def _claim(work: Work, told: Training) -> tuple[Path, dict[str, Any]]:
    """The folder of the run, and whether to begin, to begin anew, or to go on.

    Two notes in the job's folder tell a later attempt how far an earlier one came: "claimed", the folder is this job's;
    "begun", the run in it is too.
    """
    from reverie import config

    claimed, begun = (work.folder.parent / note for note in ("claimed", "begun"))
    if told.resume:
        return work.workspace.folder(told.out), {"resume": True}
    if claimed.exists():
        run = work.workspace.target(told.out, (), True)
        return run, {"resume": True} if begun.exists() and (run / config.NAME).exists() else {"force": True}
    run = work.workspace.target(told.out, (), told.overwrite)
    claimed.touch()
    return run, {"force": told.overwrite}


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


@contextmanager
def _source(work: Work, told: Training) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The data, read: a Table or an ImageSet. Options for the other kind of source are refused."""
    from reverie.images import read_images
    from reverie.images.pictures import SUFFIXES

    name = told.source
    reading = {
        "identifier": told.id,
        "time": told.time,
        "long": told.long,
        "date_formats": told.date_formats,
        "duplicates": told.duplicates,
        "null_values": None if told.null_values is None else tuple(told.null_values),
    }
    pictures: dict[str, Any] = {"size": told.size, "channels": told.channels}
    if inputs.is_table(name):
        _refuse("for pictures, and the source is a table of visits", pictures)
        yield inputs.table(work, name, **{key: value for key, value in reading.items() if value is not None}), {}
        return
    _refuse("for a table of visits, and the source is pictures", reading)
    if name == "digits":
        yield read_images(name, **pictures), pictures
    elif name.lower().endswith((*_SINGLE, *SUFFIXES)):
        with work.workspace.held(name, (*_SINGLE, *SUFFIXES)) as path:
            found = read_images(path, **pictures)
        yield replace(found, name=name, path=work.workspace.path(name, (*_SINGLE, *SUFFIXES))), pictures
    else:
        yield replace(read_images(work.workspace.folder(name), **pictures), name=name), pictures


def _check(told: Training, source: Any, options: dict[str, Any]) -> None:
    """Raises UsageError, before anything is written, for what this machine could not train."""
    from reverie import config
    from reverie.estimate import check_memory, estimate
    from reverie.records import RecordCodec, Table
    from reverie.subjects import Patients, Pictures

    subject = Patients(source) if isinstance(source, Table) else Pictures(source, **options)
    wanted = {**told.settings, **({} if told.steps is None else {"training.steps": told.steps})}
    resolved = config.resolve(subject.about, told.seed, told.recipe or subject.recipe, wanted)
    if resolved.training.batch > BATCH:
        raise UsageError(f"training.batch is {resolved.training.batch:,}, and at most {BATCH:,} is allowed.")
    if isinstance(subject, Pictures):
        channels = subject.codec.channels
    else:
        channels = RecordCodec.fit(subject.table, resolved.codec).channels if resolved.codec else 1
    if sentence := inputs.too_many_weights(resolved, channels):
        raise UsageError(f"this network is not trained here: {sentence}.")
    if isinstance(subject, Patients):
        check_memory(estimate(subject.table, resolved, measure=False), subject.table.name)


def _refuse(reason: str, told: Mapping[str, Any]) -> None:
    for name, value in told.items():
        if value is not None:
            raise UsageError(f"{'id' if name == 'identifier' else name} is {reason}: leave it out.")
