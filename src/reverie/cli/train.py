"""reverie train SOURCE --out RUN"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from reverie.cli import console, pictures
from reverie.planning.options import Options

__all__ = ["EXAMPLES", "train"]

EXAMPLES = """\
A table: reverie train visits.csv --id patient --time day --out runs/visits --minutes 5.

Pictures: reverie train digits --out runs/digits --minutes 1.

Several processes: torchrun --nproc-per-node 2 -m reverie train ..."""
TABLE, PICTURE = "For a table of visits", "For pictures"


def train(
    source: Annotated[
        str,
        typer.Argument(
            help="A table of visits: a .csv, .tsv, .psv, .txt (also .gz), .parquet, .xlsx, .sas7bdat, .xpt, .sav or .dta "
            "file, a folder of files of text, one for each patient, or 'pbc2' (bundled). "
            "Pictures: a folder, an .npy, .npz or IDX file, a .parquet file of pictures, or 'digits' (bundled)."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The run folder to write.")],
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", help="Budget in minutes; the number of steps follows the machine's pace."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", help="Budget in optimiser steps; if left out, the recipe's.", show_default=False)
    ] = None,
    seed: console.Seed = 0,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            help="'records' (best here) or 'health-gym' (as published) for tables; 'pictures' (best here) or 'ddpm' (noise, "
            "linear schedule) or 'diffusers' (its U-Net, to be exported) for pictures.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, e.g. batch=64, network.width=32, schedule.name=linear. May be repeated."),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option("--schema", help="What the columns are, as written by reverie data.", rich_help_panel=TABLE),
    ] = None,
    identifier: Annotated[
        list[str] | None,
        typer.Option(
            "--id",
            help="The column that says whose visit a row is; again for each that does so with it.",
            rich_help_panel=TABLE,
        ),
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="The column that says when it was.", rich_help_panel=TABLE)
    ] = None,
    long: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--long",
            metavar="NAME VALUE",
            help="A row is one test: the column that names it, and that of its value.",
            rich_help_panel=TABLE,
        ),
    ] = None,
    duplicates: Annotated[
        str | None,
        typer.Option(
            "--duplicates", help="Rows of one patient at one time: refuse, keep, first, last or mean.", rich_help_panel=TABLE
        ),
    ] = None,
    null: Annotated[
        list[str] | None,
        typer.Option("--null", help="VALUE that means missing, or COLUMN=VALUE. May be repeated.", rich_help_panel=TABLE),
    ] = None,
    date_format: Annotated[
        list[str] | None,
        typer.Option(
            "--date-format",
            help="How dates are written: COLUMN=%d/%m/%Y, or one for all columns. May be repeated.",
            rich_help_panel=TABLE,
        ),
    ] = None,
    holdout: Annotated[
        str | None,
        typer.Option(
            "--holdout",
            help="What training never sees, for the report: a share of the patients (0.2 if left out) or of the pictures "
            "(none if left out); of a table also a file of other patients; 0 for none.",
        ),
    ] = None,
    epsilon: Annotated[
        float | None,
        typer.Option(
            "--epsilon",
            help="Train with differential privacy, the patient as the unit, and spend at most this epsilon.",
            rich_help_panel=TABLE,
        ),
    ] = None,
    size: pictures.Size = None,
    fit: pictures.Fit = None,
    classes: pictures.Classes = None,
    cache: pictures.Cache = None,
    channels: Annotated[
        int | None,
        typer.Option("--channels", help="1 for grey, 3 for colour; default as they are.", rich_help_panel=PICTURE),
    ] = None,
    latent: Annotated[
        bool,
        typer.Option(
            "--latent",
            help="Train an autoencoder first, with a third of the budget, and diffuse its latents: for 32 pixels and more.",
            rich_help_panel=PICTURE,
        ),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, just where it stopped.")] = False,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Train a model of a table of visits or of pictures, and keep everything in one run folder.

    Ctrl-C and SIGTERM save and stop; --resume then reaches the same weights as a run that never stopped. What each column of
    a table is taken to be is shown, and can be edited, with reverie data.
    """
    since = monotonic()  # loading torch and reading the table are part of the minutes
    options = Options(
        out=out,
        steps=steps,
        minutes=minutes,
        seed=seed,
        recipe=recipe,
        settings=console.parse_settings(set_ or []),
        holdout=_share(holdout),
        resume=resume,
        force=force,
        **pictures.reading(size, fit, classes, cache),
        channels=channels,
        latent=latent,
        schema=schema,
        identifier=identifier,
        time=time,
        long=long,
        duplicates=console.duplicates(duplicates),
        null_values=tuple(null) if null else None,
        date_formats=console.date_formats(date_format) or None,
        epsilon=epsilon,
    )
    options.check_out()
    from reverie.planning.plan import prepare
    from reverie.training import Listener, processes
    from reverie.training.hardware import choose_device

    device = choose_device(str(options.overrides.get("training.device", options.overrides.get("device", "auto"))))
    with processes.joined(device) if "TORCHELASTIC_RUN_ID" in os.environ else nullcontext():
        chief = processes.rank() == 0
        listener = Listener(say=console.note) if chief else Listener()
        plan = prepare(source, options, listener, since=since, measure=True, spelled=console.spelled)
        with console.progress("training") as on_step:
            model = plan.run(replace(listener, on_step=on_step) if chief else listener)
    if not chief:
        return
    summary = plan.summary(model)
    if as_json:
        return console.write_json(summary)
    console.summary("trained", summary)
    count, samples = plan.source.modality.sampled
    look = summary.get("figures") or summary["samples"]
    console.note(f"look at {look}; then: reverie sample {out} --count {count} --out {samples}")


def _share(holdout: str | None) -> float | str | None:
    """What --holdout says: a share, or a file."""
    try:
        return None if holdout is None else float(holdout)
    except ValueError:
        return holdout
