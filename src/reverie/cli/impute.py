"""reverie impute RUN FILE --out FILE

Several draws are written one under the other, told apart by a first column "draw" (1, 2, ...).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reverie.cli import console
from reverie.cli.sample import Guidance, Sampler, Spacing, Steps

__all__ = ["EXAMPLES", "impute"]

EXAMPLES = """\
Holes: reverie impute runs/pbc visits.csv --out whole.csv.

Five likely futures of three visits: reverie impute runs/pbc visits.csv --forecast 3 --draws 5 --out future.csv."""


def impute(
    run: Annotated[Path, typer.Argument(help="A run folder made by reverie train from a table.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="A table like the one trained on.")],
    out: Annotated[Path, typer.Option("--out", help="The table to write: .csv, .csv.gz or .parquet.")],
    draws: Annotated[
        int,
        typer.Option("--draws", min=1, help="How often; several go below each other, with a first column 'draw'."),
    ] = 1,
    forecast: Annotated[
        int | None,
        typer.Option(
            "--forecast", min=1, help="Add so many visits for each patient, instead of filling holes.", show_default=False
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", help="Those to fill, e.g. albumin,weight; all that are learned if left out."),
    ] = None,
    guidance: Guidance = None,
    sampler: Sampler = None,
    steps: Steps = None,
    spacing: Spacing = None,
    seed: console.Seed = 0,
    force: console.Force = False,
    as_json: console.Json = False,
) -> None:
    """Fill the holes of a table, or go on with each patient's record; what is given stays as it is.

    Every empty cell of a column that the model has learned is drawn from what it takes to be likely there; with --draws the
    spread is its uncertainty. Columns and rows stay as they are, and what the model does not know is carried along. The same
    seed gives the same file.
    """
    console.fresh(out, force)
    import reverie
    from reverie import deliver
    from reverie.records.output import check_table_output

    check_table_output(out)
    model = reverie.load(run)
    told = {"guidance": guidance, "sampler": sampler, "steps": steps, "spacing": spacing}
    settings = {name: value for name, value in told.items() if value is not None}
    with console.progress("drawing", "draws") as on_step:
        done = deliver.complete(model, file, draws, forecast, seed, settings, on_step, columns=_names(columns), run=str(run))
    done.write(out)
    for sentence in done.notes:
        console.note(sentence)
    result, holes = done.summary(out), done.holes
    if as_json:
        return console.write_json(result if forecast is not None else {**result, "holes": holes})
    if holes:
        rows = [(name, f"{count['empty']:,}", f"{count['filled']:,}") for name, count in holes.items()]
        console.table("holes", ("column", "empty cells", "filled in each draw"), rows)
        if any(count["filled"] < count["empty"] for count in holes.values()):
            console.note("empty cells stay where nothing is learned, where that says something, or as --columns says.")
    console.summary("imputed" if forecast is None else "forecast", result)


def _names(columns: str | None) -> list[str] | None:
    return None if columns is None else [name.strip() for name in columns.split(",")]
