"""Models in another layout, as a page to give away, or their network as a graph for other runtimes.

What can be written is listed once, in TARGETS: the help, the document and the refusal of an unknown name follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from reverie.errors import UsageError, unknown
from reverie.operations.context import KINDS, Context, Kind
from reverie.operations.declare import Outcome, operation, summary
from reverie.operations.fields import FileMade, Overwrite, RunName, writes
from reverie.operations.request import Flag, Reply, Request, example

if TYPE_CHECKING:
    from reverie.models import PatientModel, PictureModel

__all__ = ["TARGETS", "export"]


@dataclass(frozen=True)
class Target:
    """Something that a model can be written as.

    Attributes:
        about: what it is, in words.
        kind: of the one file that it is; none for a folder.
        bytes: of a file, what is in it, from the model, its name, and what hears of progress.
    """

    about: str
    kind: Kind | None = None
    bytes: Callable[[PatientModel | PictureModel, str, Callable[[int, int], None]], bytes] | None = None


def _page(model: PatientModel | PictureModel, name: str, on_step: Callable[[int, int], None]) -> bytes:
    from reverie.giveaway import run_page

    return run_page(model, name, on_step).encode()


TARGETS = {
    "diffusers": Target("a folder that diffusers reads, of pictures"),
    "reverie": Target("a run folder of ours (config.yaml and weights), of pictures"),
    "page": Target("one HTML file that draws in a browser", "page", _page),
    "onnx": Target("one ONNX file of the network, for other runtimes", "network", lambda model, name, on_step: model.graph),
}
FILES = {name: KINDS[target.kind][0] for name, target in TARGETS.items() if target.kind}
LISTED = "; ".join(f"{name}: {target.about}" for name, target in TARGETS.items())


class Export(Request):
    """Which run, and the layout to write."""

    model_config = example({"run": "runs/digits", "to": "page", "out": "pages/digits.html"})

    run: Annotated[RunName, Flag("RUN", "A run folder made by reverie train, or a folder in the layout of diffusers.")]
    out: Annotated[
        Annotated[str, writes] | None,
        Flag("--out", f"The folder to write; or the file, which ends in {' or '.join(FILES.values())}.", required=True),
    ] = Field(
        None,
        min_length=1,
        description=f"The folder to write; or the file, which ends in {' or '.join(FILES.values())}. A file without a name "
        "stays with the job.",
        examples=["pages/digits.html"],
    )
    to: str = Field("diffusers", description=f"{LISTED}.")
    overwrite: Overwrite = False


class Exported(Reply):
    """What was written."""

    layout: str = Field(examples=["page"])
    out: str = Field(description="Its name.", examples=["pages/digits.html"])
    files: list[str] | None = Field(None, description="In a folder.")
    file: FileMade | None = Field(None, description="The one file.")


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
    "A page to give away: reverie export runs/digits --to page --out digits.html.\n\n"
    "The network for other runtimes: reverie export runs/digits --to onnx --out digits.onnx.",
)
def export(request: Export, context: Context) -> Outcome:
    """Write a model of pictures in another layout, to the same pictures, or any model as a page or as an ONNX file.

    For diffusers a run must be of its own network, which --recipe diffusers trains: no other software knows our U-Net. What
    is written is safetensors and JSON, and brings no code. diffusers makes the same pictures of the same noise with its
    DDIMScheduler (its pipelines draw their own noise).

    A page is one HTML file of at most 6 MB for any browser, offline and with nothing installed. That of pictures holds the
    network and draws the same pictures of the same seed within one grey level; that of patients shows 200 it has made.

    An ONNX file holds the network of pictures or of patients, unchanged and in fp32, for batches of any size: to be sampled
    by another program, for reverie sample --runtime onnx needs no file. (pip install 'reverie[onnx]')
    """
    if request.to not in TARGETS:
        raise unknown("layout", request.to, TARGETS)
    target = TARGETS[request.to]
    return _folder(request, context) if target.kind is None else _file(request, context, target)


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


def _file(request: Export, context: Context, target: Target) -> Outcome:
    from reverie.files import write_atomically

    assert target.kind is not None and target.bytes is not None
    name = Path(request.run).name
    output = context.output(request.out, target.kind, request.overwrite, f"{name}{FILES[request.to]}")
    made = target.bytes(context.model(request.run), name, context.step)
    write_atomically(output.path, made)
    file = output.done()
    reply = {"out": file["name"], "layout": request.to, "file": file}
    size = f"{len(made) / 1e6:.1f} MB"
    return Outcome(reply, summary("exported", {"out": file["name"], "layout": request.to, "size": size}))
