"""reverie export RUN --to diffusers --out FOLDER"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reverie.cli import console
from reverie.errors import UsageError, unknown

__all__ = ["EXAMPLES", "export"]

LAYOUTS = ("diffusers", "reverie")
EXAMPLES = """\
A run for diffusers: reverie train photos --recipe diffusers --size 32 --out runs/photos --minutes 10, then reverie export
runs/photos --to diffusers --out photos-diffusers, then in Python DDIMPipeline.from_pretrained("photos-diffusers").

A folder of diffusers as a run of ours: reverie export ddpm-folder --to reverie --out runs/ddpm."""


def export(
    run: Annotated[Path, typer.Argument(help="A run folder made by reverie train, or a folder in the layout of diffusers.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
    to: Annotated[
        str, typer.Option("--to", help="diffusers, or reverie for a run folder of ours (config.yaml and weights).")
    ] = "diffusers",
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Write a model of pictures in another layout, to the same pictures.

    For diffusers a run must be of its own network, which --recipe diffusers trains: no other software knows our U-Net. What
    is written is safetensors and JSON, and brings no code. diffusers makes the same pictures of the same noise with its
    DDIMScheduler (its pipelines draw their own noise).
    """
    if to not in LAYOUTS:
        raise unknown("layout", to, LAYOUTS)
    if out.exists() and not force and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists already: choose another name, or allow to overwrite it with --force.")
    if out.resolve() == run.resolve():
        raise UsageError(f"{out} is what is read: name another folder to write.")
    import reverie
    from reverie.modality import IMAGES

    model = reverie.load(run)
    model.modality.check_model(run, IMAGES, ", which only reverie reads")
    model.save(out, layout=to)  # pyright: ignore[reportCallIssue]
    files = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    summary = {
        "out": str(out),
        "layout": to,
        "files": files,
    }
    if as_json:
        return console.write_json(summary)
    console.summary("exported", {**summary, "files": ", ".join(files)})
