"""New patients and new pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reverie.errors import UsageError
from reverie.service.schemas.models import Sample
from reverie.service.schemas.parts import within
from reverie.service.tasks import inputs, outputs

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from reverie.models import PatientModel, PictureModel
    from reverie.service.jobs.work import Work

__all__ = ["IMAGES", "PIXEL_STEPS", "file_for", "preview", "sample"]

PATIENT_STEPS, PIXEL_STEPS, PICTURES = 20_000_000, 4_000_000_000, 4096
ROWS, SHOWN = 50, 16
IMAGES = (".png", ".npy", ".npz")


def sample(work: Work, arguments: dict[str, Any]) -> dict[str, Any]:
    """Samples of a trained run, in a file, with a look at them."""
    told = Sample.model_validate(arguments)
    model = inputs.model(work, told.model)
    from reverie.models import PatientModel

    of_both = ("sampler", "steps", "spacing", "eta")
    settings = {name: value for name in of_both if (value := getattr(told, name)) is not None}
    if isinstance(model, PatientModel):
        _refuse("for pictures, and this is a model of patient records", {"clip": told.clip})
        return _patients(work, told, model, settings)
    asked = {"where": told.where or None, "guidance": told.guidance, "clip": told.clip}
    return _pictures(work, told, model, settings | {name: value for name, value in asked.items() if value is not None})


def _patients(work: Work, told: Sample, model: PatientModel, settings: dict[str, Any]) -> dict[str, Any]:
    from reverie import deliver

    outputs.reserve(work, told.out, inputs.WRITTEN, told.overwrite)
    steps = told.steps or model.usual["steps"]
    within("count x steps", told.count * steps, PATIENT_STEPS, "ask for fewer patients, or fewer steps")
    suffix = next((s for s in inputs.WRITTEN if (told.out or "").lower().endswith(s)), ".csv")
    if told.where:
        settings["where"] = told.where
    if told.guidance is not None:
        settings["guidance"] = told.guidance
    made = work.folder / f"patients{suffix}"
    kept = deliver.Kept(ROWS)
    summary = deliver.patients(model, told.count, made, told.seed, settings, work.step, kept.hear)
    file = outputs.deliver(work, made, told.out, inputs.WRITTEN, told.overwrite)
    return {"summary": _named(summary, file), "files": [file], "preview": kept.table}


def _pictures(work: Work, told: Sample, model: PictureModel, settings: dict[str, Any]) -> dict[str, Any]:
    from reverie import deliver

    outputs.reserve(work, told.out, IMAGES, told.overwrite)
    if told.count > PICTURES:
        raise UsageError(f"count is {told.count:,} here, and at most {PICTURES:,} pictures are made in one call.")
    size = model.codec.height * model.codec.width
    calls = 1 if told.guidance is None else 2
    work_units = told.count * size * (told.steps or 20) * calls
    within("count x pixels x steps", work_units, PIXEL_STEPS, "ask for fewer pictures, or fewer steps")
    made = file_for(work, told.out)
    summary, pixels = deliver.pictures(model, told.count, made, told.seed, settings, work.step)
    file = outputs.deliver(work, made, told.out, IMAGES, told.overwrite)
    return {"summary": _named(summary, file), "files": [file], "preview": preview(pixels)}


def preview(pixels: np.ndarray) -> dict[str, Any]:
    """The first of the pictures, as PNG data URLs."""
    from reverie.images import data_url

    return {"images": [data_url(picture) for picture in pixels[:SHOWN]]}


def file_for(work: Work, out: str | None) -> Path:
    """Where pictures are written first: a file of the job, of the kind that `out` names, .png without it."""
    return work.folder / f"pictures{next((s for s in IMAGES if (out or '').lower().endswith(s)), '.png')}"


def _named(summary: dict[str, Any], file: dict[str, Any]) -> dict[str, Any]:
    return {**summary, "out": file["name"]}


def _refuse(reason: str, told: dict[str, Any]) -> None:
    for name, value in told.items():
        if value is not None:
            raise UsageError(f"{name} is {reason}: leave it out.")
