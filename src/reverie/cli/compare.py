"""reverie study compare"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reverie.cli import console
from reverie.cli.outputs import check_outputs, draw, write_reply
from reverie.errors import UsageError
from reverie.samplers.registry import compared

__all__ = ["compare"]


def compare(
    sampler: Annotated[
        list[str] | None,
        typer.Option("--sampler", help=f"May be repeated; {', '.join(compared())} if left out.", show_default=False),
    ] = None,
    steps: Annotated[str, typer.Option("--steps", help="Numbers of steps, with commas.")] = "5,10,20,50",
    reference_steps: Annotated[int, typer.Option("--reference-steps", min=2, help="Of the reference, dpmpp.")] = 200,
    width: Annotated[int | None, typer.Option("--width", min=8, max=1024, help="Pixels; 32 if left out.")] = None,
    height: Annotated[int | None, typer.Option("--height", min=8, max=1024, help="Pixels; 32 if left out.")] = None,
    model: Annotated[Path | None, typer.Option("--model", help="A run folder of reverie train; it sets the size.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the figure to this .png file.")] = None,
    seed: console.Seed = 0,
    json: console.Json = False,
    images: Annotated[bool, typer.Option("--images", help="With --json: include the pictures as PNG data URLs.")] = False,
    force: console.Force = False,
) -> None:
    """The same starting noise through several samplers and numbers of steps: error, calls of the denoiser, seconds.

    The error is the distance from a reference in many steps. Samplers that draw noise are marked: they do not follow the
    reference, so their distance is no error of discretisation.
    """
    check_outputs(force, out)
    counts = _counts(steps)
    if model is not None and (width or height):
        raise UsageError("a model has a size of its own: leave out --width and --height, or --model.")
    from reverie.studies import compare
    from reverie.studies.denoising import grainy, learned

    if model is None:
        by = grainy(width or 32, height or 32)
    else:
        import reverie

        by = learned(reverie.load(model), str(model))
    with console.progress("comparing", "runs") as on_step:
        study = compare(sampler, counts, by, reference_steps=reference_steps, seed=seed, on_step=on_step)
    draw("comparison_figure", study, out)
    if json:
        return write_reply(study.reply(images))
    rows = [
        [c.sampler, str(c.steps), str(c.calls), f"{c.seconds:.3f}", f"{c.error:.4g}", str(c.rank or "draws noise")]
        for c in study.cells
    ]
    columns = ["sampler", "steps", "calls", "seconds", "rms to the reference", "rank"]
    console.table(f"One starting noise, {by.denoiser.evidence}: {by.source}", columns, rows)
    console.write(
        f"reference: {study.reference.sampler} in {study.reference.steps} steps, {study.own_error:.2g} from itself in half."
    )


def _counts(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--steps takes whole numbers with commas, e.g. 5,10,20, not {text!r}.") from error
