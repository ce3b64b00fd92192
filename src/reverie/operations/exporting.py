"""Models of pictures in another layout."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reverie.errors import UsageError, unknown
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation, summary
from reverie.operations.fields import NewRun, Overwrite, RunName
from reverie.operations.request import Flag, Reply, Request, example

__all__ = ["export"]

LAYOUTS = ("diffusers", "reverie")


class Export(Request):
    """Which run, and the layout to write."""

    model_config = example({"run": "runs/photos", "out": "photos-diffusers", "to": "diffusers"})

    run: Annotated[RunName, Flag("RUN", "A run folder made by reverie train, or a folder in the layout of diffusers.")]
    out: Annotated[NewRun, Flag("--out", "The folder to write.")]
    to: str = Field("diffusers", description="diffusers, or reverie for a run folder of ours (config.yaml and weights).")
    overwrite: Overwrite = False


@operation(
    "export",
    Reply,
    command="export",
    route="POST /api/exports",
    tag="models",
    example="A run for diffusers: reverie train photos --recipe diffusers --size 32 --out runs/photos --minutes 10, then "
    "reverie export runs/photos --to diffusers --out photos-diffusers, then in Python "
    'DDIMPipeline.from_pretrained("photos-diffusers").\n\n'
    "A folder of diffusers as a run of ours: reverie export ddpm-folder --to reverie --out runs/ddpm.",
)
def export(request: Export, context: Context) -> Outcome:
    """Write a model of pictures in another layout, to the same pictures.

    For diffusers a run must be of its own network, which --recipe diffusers trains: no other software knows our U-Net. What
    is written is safetensors and JSON, and brings no code. diffusers makes the same pictures of the same noise with its
    DDIMScheduler (its pipelines draw their own noise).
    """
    if request.to not in LAYOUTS:
        raise unknown("layout", request.to, LAYOUTS)
    out = context.folder(request.out, request.overwrite).path
    if out.resolve() == context.run(request.run).resolve():
        raise UsageError(f"{request.out} is what is read: name another folder to write.")
    model = context.model(request.run)
    from reverie.modality import IMAGES

    model.modality.check_model(request.run, IMAGES, ", which only reverie reads")
    model.save(out, layout=request.to)
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    reply = {"out": request.out, "layout": request.to, "files": files}
    return Outcome(reply, summary("exported", {**reply, "files": ", ".join(files)}))
