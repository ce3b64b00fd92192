"""reverie train SOURCE --out RUN"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reverie.cli import console, pictures
from reverie.errors import UsageError

if TYPE_CHECKING:
    from reverie.estimate import Estimate
    from reverie.models import PatientModel
    from reverie.records import Table

__all__ = ["EXAMPLES", "say_estimate", "train"]

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
    settings = console.parse_settings(set_ or []) | ({} if epsilon is None else {"training.epsilon": epsilon})
    if resume and force:
        raise UsageError("--resume goes on with what --force would throw away: give one of them.")
    if not (resume or force) and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists already: resume it, start anew with --force, or choose another name.")
    if minutes is not None and steps is not None:
        raise UsageError("give the budget in steps or in minutes, not both.")
    from reverie import runs
    from reverie.subjects import is_table
    from reverie.training import Listener, processes
    from reverie.training.hardware import choose_device

    data: Any = source
    held, tabular = _share(holdout), is_table(source)
    of_pictures = pictures.reading(size, fit, classes, cache)
    if tabular:
        strange = {"--size": size, "--fit": fit, "--classes": classes, "--channels": channels, "--latent": latent}
        console.refuse(f"for pictures, and {source} is a table of visits", strange)
        data = _read(source, schema, identifier, time, long, duplicates, null, date_format)
    else:
        told = {"--schema": schema, "--id": identifier, "--time": time, "--long": long, "--duplicates": duplicates}
        told["--null"] = null
        told["--epsilon"] = epsilon
        console.refuse(f"for a table of visits, and {source} is read as pictures", told)
    shared = "TORCHELASTIC_RUN_ID" in os.environ
    device = choose_device(str(settings.get("training.device", settings.get("device", "auto"))))
    with processes.joined(device) if shared else nullcontext():
        chief = processes.rank() == 0
        if data is not source and not resume and chief:
            told = {} if steps is None else {"training.steps": steps}
            told |= {} if held is None else {"training.holdout": held if isinstance(held, float) else 0.0}
            _say_before(data, seed, recipe, settings | told, minutes, device.type)
        with console.progress("training") as on_step:
            model = runs.train(
                data,
                out,
                steps=steps,
                minutes=minutes,
                seed=seed,
                recipe=recipe,
                settings=settings,
                channels=channels,
                **({} if tabular else of_pictures),
                holdout=held,
                latent=latent,
                resume=resume,
                force=force,
                listener=Listener(on_step, console.note) if chief else None,
                since=since,
            )
    if not chief:
        return
    parameters = sum(p.numel() for p in model.denoiser.module.parameters())
    if data is not source:
        told = _of_records(data, held, model, out, parameters)  # pyright: ignore[reportArgumentType]
        return _tell(told, as_json, f"reverie sample {out} --count 1000 --out new.csv")
    summary = {
        "run": str(out),
        "steps": model.config.training.steps,
        "parameters": parameters,
        **_of_latents(out),
        "samples": str(out / "samples" / f"step-{model.config.training.steps}.png"),
        "metrics": str(out / "metrics.jsonl"),
    }
    _tell(summary, as_json, f"look at {summary['samples']}; more: reverie sample {out} --count 64 --out samples.png")


def say_estimate(guess: Estimate) -> None:
    """One line on stderr: how much there is to learn from, and what that takes."""
    time = (
        f"at most {guess.steps:,} steps of {guess.step_seconds:.2g} s, {console.duration(guess.seconds)} (measured here); "
        if guess.step_seconds is not None and guess.seconds is not None
        else ""
    )
    of = f" of the machine's {console.size(guess.machine)}" if guess.machine else ""
    console.note(
        f"estimate for training: {guess.channels} channels, about {guess.tokens:,.0f} tokens a step, "
        f"{guess.parameters:,} parameters; {time}memory about {console.size(guess.memory)}{of}"
    )


def _read(
    source: str,
    schema: Path | None,
    identifier: list[str] | None,
    time: str | None,
    long: tuple[str, str] | None,
    duplicates: str | None,
    null: list[str] | None,
    date_format: list[str] | None,
) -> Table:
    from reverie.subjects import Patients

    rule = console.duplicates(duplicates)
    reading = {"identifier": identifier, "time": time, "long": long, "duplicates": rule, "null_values": tuple(null or ())}
    reading["date_formats"] = console.date_formats(date_format)
    return Patients.read(source, schema, **reading).table


def _share(holdout: str | None) -> float | str | None:
    """What --holdout says: a share, or a file."""
    try:
        return None if holdout is None else float(holdout)
    except ValueError:
        return holdout


def _say_before(
    table: Table, seed: int, recipe: str | None, settings: Mapping[str, Any], minutes: float | None, device: str
) -> None:
    """Says what it will take. Raises UsageError, naming what would fit, if the machine has not enough memory."""
    from reverie import config
    from reverie.estimate import check_memory, estimate
    from reverie.subjects import Patients

    subject = Patients(table)
    resolved = config.resolve(subject.about, seed, recipe or subject.recipe, settings)
    guess = estimate(table, resolved, measure=minutes is None)
    if device == "cpu":
        check_memory(guess, table.name)
    say_estimate(guess)


def _of_records(table: Table, held: float | str | None, model: PatientModel, out: Path, parameters: int) -> dict[str, Any]:
    from reverie.subjects import Patients

    rest, aside, holdout = Patients.read(table, holdout=held if isinstance(held, str) else None).split(model.config)
    judged = [line for line in _metrics(out) if "loss_aside" in line]
    best = min(judged, key=lambda line: line["loss_aside"]) if judged else None
    steps = max((line["step"] for line in _metrics(out)), default=model.config.training.steps)
    schema = model.codec.schema
    return {
        "run": str(out),
        "patients": len(rest),
        "set_aside": len(aside) if aside else 0,
        "held_out": len(holdout) if holdout else 0,
        "visits": len(rest.frame),
        "columns": {"learned": len(schema.static) + len(schema.varying), "of": len(schema.shown)},
        "steps": {"done": steps, "of": model.config.training.steps},
        "best_step": best["step"] if best else None,
        "loss_aside": round(best["loss_aside"], 4) if best else None,
        **_spent(model, out),
        "parameters": parameters,
        "figures": str(out / "figures"),
        "metrics": str(out / "metrics.jsonl"),
    }


def _of_latents(run: Path) -> dict[str, Any]:
    """How well the autoencoder of a latent run gives back pictures that it did not learn from."""
    lines = _metrics(run / "autoencoder") if (run / "autoencoder" / "metrics.jsonl").is_file() else []
    found = next((line for line in reversed(lines) if "reconstruction_psnr" in line), None)
    if found is None:
        return {}
    error, psnr = found["reconstruction_error"], found["reconstruction_psnr"]
    return {
        "autoencoder_steps": found["step"],
        "reconstruction_error": round(error, 2),
        "reconstruction_psnr": round(psnr, 2),
    }


def _spent(model: PatientModel, run: Path) -> dict[str, Any]:
    """What training with differential privacy has spent."""
    found = [line["epsilon"] for line in _metrics(run) if "epsilon" in line]
    return {"epsilon": round(found[-1], 3), "delta": model.config.training.delta} if found else {}


def _metrics(run: Path) -> list[dict[str, Any]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [line for line in map(json.loads, lines) if isinstance(line, dict) and "step" in line]


def _tell(summary: dict[str, Any], as_json: bool, next_: str) -> None:
    if as_json:
        return console.write_json(summary)
    console.summary("trained", summary)
    console.note(next_ if next_.startswith("look") else f"look at {summary['figures']}; then: {next_}")
