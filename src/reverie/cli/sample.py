"""reverie sample RUN --count N --out FILE"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from reverie.cli import console

__all__ = ["sample"]


def sample(
    run: Annotated[Path, typer.Argument(help="A run folder made by reverie train.")],
    count: Annotated[int, typer.Option("--count", min=1, help="How many to make.")],
    out: Annotated[
        Path, typer.Option("--out", help=".png for one sheet, .npy or .npz for an array, no suffix for a folder of files.")
    ],
    sampler: Annotated[str, typer.Option("--sampler", help="dpmpp, dpmpp_sde, ddim, ancestral or heun.")] = "dpmpp",
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps of the sampler.")] = 20,
    spacing: Annotated[
        str, typer.Option("--spacing", help="Where the steps lie: trailing, leading, linspace, log_snr or karras.")
    ] = "trailing",
    eta: Annotated[float | None, typer.Option("--eta", help="Noise of ddim: 0 none, 1 as ancestral.")] = None,
    variance: Annotated[
        str | None, typer.Option("--variance", help="Variance of ancestral: beta_tilde, beta or learned.")
    ] = None,
    clip: Annotated[bool, typer.Option("--clip", help="Keep every predicted picture inside [-1, 1].")] = False,
    seed: console.Seed = 0,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Make new samples with a trained model.

    The first samples of a seed are the same, up to rounding, however many are asked for.

    Example: reverie sample runs/digits --count 64 --out digits.png --sampler ddim --steps 50
    """
    console.fresh(out, force)
    import reverie
    from reverie.images import check_output, save_images

    check_output(out)
    model = reverie.load(run)
    settings = {key: value for key, value in (("eta", eta), ("variance", variance)) if value is not None}
    began = time.monotonic()
    with console.progress("sampling") as on_step:
        pixels = model.sample(count, seed, sampler, steps, spacing, clip, on_step, **settings)
    seconds = time.monotonic() - began
    save_images(pixels, out)
    summary = {
        "out": str(out),
        "count": count,
        "sampler": sampler,
        "steps": steps,
        "seed": seed,
        "seconds": round(seconds, 2),
    }
    if as_json:
        console.write_json(summary)
    else:
        console.table("sampled", ("what", "value"), [(key, str(value)) for key, value in summary.items()])
