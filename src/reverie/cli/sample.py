"""reverie sample RUN --out FILE"""

from __future__ import annotations

import inspect
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reverie.cli import console
from reverie.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from reverie.models import PatientModel, PictureModel

__all__ = ["EXAMPLES", "Guidance", "Sampler", "Spacing", "Steps", "sample"]

Sampler = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        help="angular (default for patients), dpmpp (for pictures), dpmpp_sde, ddim, ancestral or heun.",
        show_default=False,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option("--steps", min=1, help="Steps of the sampler, for each stage of records; if left out, the model's."),
]
Spacing = Annotated[
    str | None,
    typer.Option("--spacing", help="Where the steps lie: trailing (default), leading, linspace, log_snr or karras."),
]
TABLE, PICTURE = "For patient records", "For pictures"
Guidance = Annotated[
    float | None,
    typer.Option(
        "--guidance", help="How strongly visits follow the statics: 1 as learned, above 1 more.", rich_help_panel=TABLE
    ),
]
EXAMPLES = """\
Patients: reverie sample runs/pbc --count 1000 --where sex=female --where "age>60" --out new.csv.

Pictures: reverie sample runs/digits --count 64 --out digits.png --sampler ddim --steps 50."""


def sample(
    run: Annotated[Path, typer.Argument(help="A run folder made by reverie train.")],
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
            help="What the patients must be: column=value, or column>value with one of = != < <= > >=. May be repeated.",
            rich_help_panel=TABLE,
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
    if count is None and given is None:
        raise UsageError("say how many to make with --count, or give a table of statics with --given.")
    if given is not None and not given.is_file():
        raise UsageError(f"there is no file {given} to take statics from.")
    import reverie
    from reverie.models import PatientModel

    model = reverie.load(run)
    of_both = {"sampler": sampler, "steps": steps, "spacing": spacing, "eta": eta, "variance": variance}
    settings = {name: value for name, value in of_both.items() if value is not None}
    if isinstance(model, PatientModel):
        console.refuse(f"for pictures, and {run} is a model of patient records", {"--clip": clip})
        told = {"where": where or None, "given": given, "guidance": guidance, "workers": workers, "reject": reject or None}
        settings |= {name: value for name, value in told.items() if value is not None}
        result = _patients(model, count, out, seed, settings)
    else:
        told = {"--where": where, "--given": given, "--guidance": guidance, "--workers": workers, "--reject": reject}
        console.refuse(f"for patient records, and {run} is a model of pictures", told)
        assert count is not None
        result = _pictures(model, count, out, seed, settings | {"clip": clip})
    if as_json:
        console.write_json(result)
    else:
        console.summary("sampled", result)


def _patients(model: PatientModel, count: int | None, out: Path, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    from reverie.records.output import check_table_output, write_table

    check_table_output(out)
    totals: Counter[str] = Counter()
    clipped: Counter[str] = Counter()

    def frames(on_step: Callable[[int, int], None]) -> Iterator[pl.DataFrame]:
        for made in model.shards(count, seed, on_step=on_step, **settings):
            totals.update(patients=made.patients, drawn=made.drawn, kept=made.kept)
            clipped.update(made.clipped)
            yield made.frame

    began = time.monotonic()
    with console.progress("sampling", "patients") as on_step:
        rows = write_table(out, frames(on_step))
    seconds = time.monotonic() - began
    rejected = totals["drawn"] > totals["kept"]
    return {
        "out": str(out),
        "patients": totals["patients"],
        "rows": rows,
        "drawn": totals["drawn"] if rejected else None,
        "accepted_share": round(totals["kept"] / totals["drawn"], 4) if rejected else None,
        "clipped": {column: number for column, number in clipped.items() if number},
        **{name: settings.get(name, usual) for name, usual in model.usual.items()},
        "seed": seed,
        "seconds": round(seconds, 2),
        "rows_per_second": round(rows / seconds),
    }


def _pictures(model: PictureModel, count: int, out: Path, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    from reverie.images import check_output, save_images

    check_output(out)
    began = time.monotonic()
    with console.progress("sampling") as on_step:
        pixels = model.sample(count, seed, on_step=on_step, **settings)
    seconds = time.monotonic() - began
    save_images(pixels, out)
    usual = inspect.signature(model.sample).parameters
    told = {name: settings.get(name, usual[name].default) for name in ("sampler", "steps")}
    return {"out": str(out), "count": count, **told, "seed": seed, "seconds": round(seconds, 2)}
