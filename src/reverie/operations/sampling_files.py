"""Where new patients and new pictures go: one file, or a folder of Parquet files; and the first look at them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import UsageError
from reverie.operations.context import Context, Output
from reverie.operations.declare import Cap
from reverie.operations.engines import engine_of
from reverie.operations.sampler_settings import settings_of
from reverie.operations.tables_out import tables_out
from reverie.plain import number_of

if TYPE_CHECKING:
    import numpy as np

    from reverie.models import LinkedModel, PatientModel, PictureModel
    from reverie.operations.sampling import Sample

__all__ = ["PATIENTS", "PICTURES", "PIXELS", "dataset", "hospital", "in_folder", "patients", "pictures", "preview"]

PATIENTS = Cap("count x steps", 20_000_000, "ask for fewer patients, or fewer steps", of="patients")
PIXELS = Cap("count x pixels x steps", 4_000_000_000, "ask for fewer pictures, or fewer steps", of="pictures")
PICTURES = Cap("count", 4096, "ask for fewer pictures", of="pictures")
ROWS, FEW, SHOWN = 50, 10, 16


def in_folder(out: str, is_records: bool) -> bool:
    """Whether a name is that of a folder of Parquet files: by a slash, or what is there, or for patients no suffix."""
    from reverie.shards import begun

    path = Path(out)
    return out.endswith(("/", os.sep)) or begun(path) or (is_records and not path.suffix and not path.exists())


def dataset(request: Sample, context: Context, model: PatientModel | PictureModel) -> dict[str, Any]:
    from reverie import export

    if request.animate is not None:
        raise UsageError("--animate is for pictures in one file: leave it out, or the slash at the end of --out.")
    assert request.out is not None
    folder = context.folder(request.out, request.overwrite, resume=True).path
    how = {"workers": request.workers or 0, "share": request.shard, "shard_size": request.shard_size}
    how |= {"given": request.given, "force": request.overwrite, "engine": engine_of(request, request.workers)}
    made, whole = export.dataset(
        model, request.count, folder, request.seed, settings_of(request, "reject"), context.step, **how
    )
    if not whole.made:
        there = "the folder is whole" if not whole.missing else "this share is whole"
        context.say(f"Nothing was left to make: {there}, and every file is as it was made.")
    elif whole.kept:
        context.say(f"{whole.kept:,} of {number_of(whole.kept + whole.made, 'file')} were there, and are kept as they are.")
    if whole.missing:
        context.say(
            f"{number_of(whole.missing, 'file')} of other shares are not there yet: who makes the last seals the folder."
        )
    return {"summary": made, "files": [{"name": str(folder)}], "preview": {}}


def patients(request: Sample, context: Context, model: PatientModel) -> dict[str, Any]:
    from reverie import export

    output = context.output(request.out, "table", request.overwrite, "patients.csv")
    given = None if request.given is None else context.cells(request.given)
    count = request.count if given is None or request.count is not None else given.frame.height
    context.within(PATIENTS, (count or 0) * (request.steps or model.usual["steps"]))
    first = export.Preview(ROWS)
    settings = settings_of(request, "workers", "reject") | ({} if given is None else {"given": given})
    made = export.patients(model, request.count, output.path, request.seed, settings, context.step, first.hear)
    return _reply(made, output, first.table if context.images else {})


def hospital(request: Sample, context: Context, model: LinkedModel) -> dict[str, Any]:
    from reverie import export
    from reverie.records.linked.tables import file_of

    for field in ("shard", "shard_size", "engine", "guidance"):
        if getattr(request, field) is not None:
            raise UsageError(f"`{field}` is not for linked tables, which one process writes: leave it out.")
    if request.count is not None:
        context.within(PATIENTS, request.count * (request.steps or model.usual["steps"]))
    tables = [name for name in (*model.codec.forms.forms, *model.codec.lookups) if not _implied(model, name)]
    given = None if request.given is None else context.cells(request.given)
    first: dict[str, export.Preview] = {}
    settings = settings_of(request, "workers") | ({} if given is None else {"given": given})

    def hear(made: Mapping[str, Any]) -> None:
        for name, frame in made.items():
            first.setdefault(name, export.Preview(FEW)).hear(frame)

    def files() -> tuple[str, ...]:
        return tuple(file_of(name, model.codec.suffix) for name in tables)

    with tables_out(context, request.out, request.overwrite, "patients.zip", files) as out:
        made = export.hospital(model, request.count, out.path, request.seed, settings, context.step, hear, out.place)
        written = out.done()
    if kept := made.get("kept"):
        context.say(f"{number_of(kept, 'patient')} that a call made which was stopped were there, and are kept as they are.")
    hear(model.codec.lookups)
    looks = [{"table": name, **first[name].table} for name in tables if name in first]
    return {
        "summary": {**made, "out": request.out or written[0]["name"]},
        "files": written,
        "preview": {"tables": looks} if context.images else {},
    }


def _implied(model: LinkedModel, name: str) -> bool:
    """Whether others only speak of a table, so that it is not written."""
    return model.codec.forms.schema[name].implied


def pictures(request: Sample, context: Context, model: PictureModel) -> dict[str, Any]:
    from reverie import export

    output = context.output(request.out, "pictures", request.overwrite, "pictures.png")
    animation = context.output(request.animate, "animation", request.overwrite, "animation.webp")
    given = None if request.given is None else context.cells(request.given) if context.served else request.given
    settings: dict[str, Any] = settings_of(request) | ({} if given is None else {"given": given})
    count = len(model.method(**settings).wanted or ()) if request.count is None else request.count
    context.within(PICTURES, count)
    calls = 1 if request.guidance is None else 2
    context.within(PIXELS, count * model.codec.height * model.codec.width * (request.steps or 20) * calls)
    moving = None if request.animate is None else animation.path
    made, pixels = export.pictures(model, count, output.path, request.seed, settings, context.step, moving)
    return _reply(made, output, preview(pixels) if context.images else {})


def _reply(made: dict[str, Any], output: Output, look: dict[str, Any]) -> dict[str, Any]:
    file = output.done()
    return {"summary": {**made, "out": file["name"]}, "files": [file], "preview": look}


def preview(pixels: np.ndarray) -> dict[str, Any]:
    """The first of the pictures, as PNG data URLs."""
    from reverie.images import data_url

    return {"images": [data_url(picture) for picture in pixels[:SHOWN]]}
