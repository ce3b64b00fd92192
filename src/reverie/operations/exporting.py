"""Models of pictures in another layout, and as a page to give away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from reverie.errors import UsageError, unknown
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation, summary
from reverie.operations.fields import FileMade, Overwrite, RunName, writes
from reverie.operations.request import Flag, Reply, Request, example

__all__ = ["export"]

LAYOUTS = ("diffusers", "reverie", "page")


class Export(Request):
    """Which run, and the layout to write."""

    model_config = example({"run": "runs/digits", "to": "page", "out": "pages/digits.html"})

    run: Annotated[RunName, Flag("RUN", "A run folder made by reverie train, or a folder in the layout of diffusers.")]
    out: Annotated[
        Annotated[str, writes] | None,
        Flag("--out", "The folder to write, or the .html file of a page.", required=True),
    ] = Field(
        None,
        min_length=1,
        description="The folder to write; of a page, the .html file. A page without a name stays with the job.",
        examples=["pages/digits.html"],
    )
    to: str = Field(
        "diffusers",
        description="diffusers; reverie for a run folder of ours (config.yaml and weights); or page for one HTML file that "
        "draws in a browser.",
    )
    overwrite: Overwrite = False


class Exported(Reply):
    """What was written."""

    layout: str = Field(examples=["page"])
    out: str = Field(description="Its name.", examples=["pages/digits.html"])
    files: list[str] | None = Field(None, description="In a folder.")
    file: FileMade | None = Field(None, description="The page.")


@operation(
    "export",
    Exported,
    command="export",
    route="POST /api/exports",
    tag="models",
    writes="out",
    example="A run for diffusers: reverie train photos --recipe diffusers --size 32 --out runs/photos --minutes 10, then "
    "reverie export runs/photos --to diffusers --out photos-diffusers, then in Python "
    'DDIMPipeline.from_pretrained("photos-diffusers").\n\n'
    "A folder of diffusers as a run of ours: reverie export ddpm-folder --to reverie --out runs/ddpm.\n\n"
    "A page to give away: reverie export runs/digits --to page --out digits.html.",
)
def export(request: Export, context: Context) -> Outcome:
    """Write a model of pictures in another layout, to the same pictures, or any model as a page to give away.

    For diffusers a run must be of its own network, which --recipe diffusers trains: no other software knows our U-Net. What
    is written is safetensors and JSON, and brings no code. diffusers makes the same pictures of the same noise with its
    DDIMScheduler (its pipelines draw their own noise).

    A page is one HTML file of at most 6 MB for any browser, offline and with nothing installed. That of pictures holds the
    network and draws the same pictures of the same seed within one grey level; that of patients shows 200 it has made.
    """
    if request.to not in LAYOUTS:
        raise unknown("layout", request.to, LAYOUTS)
    return _page(request, context) if request.to == "page" else _folder(request, context)


def _folder(request: Export, context: Context) -> Outcome:
    if request.out is None:
        raise UsageError("say where to write the folder: give out a name.")
    out = context.folder(request.out, request.overwrite).path
    if out.resolve() == context.run(request.run).resolve():
        raise UsageError(f"{request.out} is what is read: name another folder to write.")
    from reverie.modality import IMAGES

    model = context.model(request.run)
    model.modality.check_model(request.run, IMAGES, ", which only reverie reads")
    model.save(out, layout=request.to)
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    reply = {"out": request.out, "layout": request.to, "files": files}
    return Outcome(reply, summary("exported", {**reply, "files": ", ".join(files)}))


def _page(request: Export, context: Context) -> Outcome:
    from reverie.files import write_atomically
    from reverie.giveaway import run_page

    output = context.output(request.out, "page", request.overwrite, f"{Path(request.run).name}.html")
    model = context.model(request.run)
    page = run_page(model, Path(request.run).name, context.step)
    write_atomically(output.path, page)
    file = output.done()
    reply = {"out": file["name"], "layout": request.to, "file": file}
    size = f"{len(page.encode()) / 1e6:.1f} MB"
    return Outcome(reply, summary("exported", {"out": file["name"], "layout": request.to, "size": size}))
