"""reverie sample RUN --out FILE"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reverie.cli import console
from reverie.errors import UsageError
from reverie.samplers.registry import listed

__all__ = ["EXAMPLES", "Guidance", "Sampler", "Spacing", "Steps", "between", "sample"]

Sampler = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        help=f"{listed()}; if left out, the model's.",
        show_default=False,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option("--steps", min=1, help="Steps of the sampler, for each stage of records; if left out, the model's."),
]
Spacing = Annotated[
    str | None,
    typer.Option(
        "--spacing",
        help="Where the steps lie: angle (default for pictures), trailing (for patients), leading, linspace, log_snr or "
        "karras.",
    ),
]
TABLE, PICTURE = "For patient records", "For pictures"
Guidance = Annotated[
    float | None,
    typer.Option(
        "--guidance", help="How strongly visits follow the statics, or pictures their class: 1 as learned, above 1 more."
    ),
]
EXAMPLES = """\
Patients: reverie sample runs/pbc --count 1000 --where sex=female --where "age>60" --out new.csv.

Pictures: reverie sample runs/digits --count 64 --where class=3 --guidance 2 --out threes.png --animate threes.webp."""


def sample(
    run: Annotated[Path, typer.Argument(help="A run folder made by reverie train, or a folder in the layout of diffusers.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="Records: a .csv, .csv.gz or .parquet file. Pictures: .png for one sheet, .npy or .npz for an array, no "
            "suffix for a folder of files.",
        ),
    ],
    count: Annotated[int | None, typer.Option("--count", min=1, help="How many patients, or pictures, to make.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            help="What patients must be: column=value, or column>value with one of = != < <= > >=; or pictures: "
            "class=NAME, of several each in turn, class=* for every one. May be repeated.",
        ),
    ] = None,
    given: Annotated[
        Path | None,
        typer.Option(
            "--given", help="A table of some of the statics, a row for each patient to make.", rich_help_panel=TABLE
        ),
    ] = None,
    guidance: Guidance = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, help="Threads, one for each core if left out; the file is the same.", rich_help_panel=TABLE
        ),
    ] = None,
    reject: Annotated[
        bool,
        typer.Option(
            "--reject",
            help="Recipe health-gym: draw patients again whose numbers leave the range of the source, instead of clipping.",
            rich_help_panel=TABLE,
        ),
    ] = False,
    rescale: Annotated[
        float | None,
        typer.Option(
            "--rescale",
            min=0,
            max=1,
            help="Of guidance: how far the contrast is brought back, 0 to 1.",
            rich_help_panel=PICTURE,
        ),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option("--interval", help="Guide only at steps LOW:HIGH, e.g. 100:800.", rich_help_panel=PICTURE),
    ] = None,
    animate: Annotated[
        Path | None,
        typer.Option(
            "--animate",
            help="Write how the first 64 come about, x_t beside x_0-hat: .gif, .webp or .png.",
            rich_help_panel=PICTURE,
        ),
    ] = None,
    clip: Annotated[
        bool, typer.Option("--clip", help="Keep every predicted picture inside [-1, 1].", rich_help_panel=PICTURE)
    ] = False,
    sampler: Sampler = None,
    steps: Steps = None,
    spacing: Spacing = None,
    eta: Annotated[float | None, typer.Option("--eta", help="Noise of ddim: 0 none, 1 as ancestral.")] = None,
    variance: Annotated[
        str | None, typer.Option("--variance", help="Variance of ancestral: beta_tilde, beta or learned.")
    ] = None,
    seed: console.Seed = 0,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Make new patients, or new pictures, with a trained model.

    Patients are written as they are made, so any number of them takes the same memory. The same seed gives the same file;
    the first ones of a seed are the same, up to rounding, however many are asked for.
    """
    console.fresh(out, force)
    if animate is not None:
        console.fresh(animate, force)
    if count is None and given is None:
        raise UsageError("say how many to make with --count, or give a table of statics with --given.")
    if given is not None and not given.is_file():
        raise UsageError(f"there is no file {given} to take statics from.")
    import reverie
    from reverie import deliver
    from reverie.models import PatientModel

    model = reverie.load(run)
    of_both = {"sampler": sampler, "steps": steps, "spacing": spacing, "eta": eta, "variance": variance}
    settings = {name: value for name, value in of_both.items() if value is not None}
    if isinstance(model, PatientModel):
        strange = {"--clip": clip, "--rescale": rescale, "--interval": interval, "--animate": animate}
        console.refuse(f"for pictures, and {run} is a model of patient records", strange)
        told = {"where": where or None, "given": given, "guidance": guidance, "workers": workers, "reject": reject or None}
        settings |= {name: value for name, value in told.items() if value is not None}
        with console.progress("sampling", "patients") as on_step:
            result = deliver.patients(model, count, out, seed, settings, on_step)
    else:
        told = {"--given": given, "--workers": workers, "--reject": reject}
        console.refuse(f"for patient records, and {run} is a model of pictures", told)
        assert count is not None
        told = {"where": where, "guidance": guidance, "rescale": rescale, "interval": between(interval)}
        settings |= {name: value for name, value in told.items() if value is not None} | {"clip": clip or None}
        with console.progress("sampling") as on_step:
            result, _ = deliver.pictures(model, count, out, seed, settings, on_step, animate)
    if as_json:
        console.write_json(result)
    else:
        console.summary("sampled", result)


def between(interval: str | None) -> tuple[int, int] | None:
    """What --interval says, "100:800" as (100, 800)."""
    if interval is None:
        return None
    low, _, high = interval.partition(":")
    try:
        return int(low), int(high)
    except ValueError as error:
        raise UsageError(f"--interval is LOW:HIGH, two steps of the schedule such as 100:800, not {interval!r}.") from error
