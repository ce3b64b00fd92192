"""reverie impute RUN FILE --out FILE

Several draws are written one under the other, told apart by a first column "draw" (1, 2, ...).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reverie.cli import console
from reverie.cli.sample import Guidance, Sampler, Spacing, Steps
from reverie.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from reverie.records import Table

__all__ = ["EXAMPLES", "impute"]

DRAW = "draw"
EXAMPLES = """\
Holes: reverie impute runs/pbc visits.csv --out whole.csv.

Five likely futures of three visits: reverie impute runs/pbc visits.csv --forecast 3 --draws 5 --out future.csv."""


def impute(
    run: Annotated[Path, typer.Argument(help="A run folder made by reverie train from a table.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="A table with the columns of the one trained on.")],
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
    spread is its uncertainty. Rows come by patient and time. The same seed gives the same file.
    """
    console.fresh(out, force)
    import reverie
    from reverie.models import PatientModel
    from reverie.records import read_table
    from reverie.records.output import check_table_output, write_table

    check_table_output(out)
    model = reverie.load(run)
    if not isinstance(model, PatientModel):
        raise UsageError(
            f"{run} is a model of pictures, which have no holes to fill: give a run trained on a table of visits."
        )
    if draws > 1 and DRAW in model.codec.schema.names:
        raise UsageError(
            f"the table has a column {DRAW!r} of its own, where the number of the draw would go: use --draws 1."
        )
    table = read_table(file, model.codec.schema)
    told = {"guidance": guidance, "sampler": sampler, "steps": steps, "spacing": spacing}
    settings = {name: value for name, value in told.items() if value is not None}
    began = time.monotonic()
    with console.progress("drawing", "draws") as on_step:
        if forecast is None:
            frames = model.impute(table.frame, draws, seed, on_step=on_step, **settings)
        else:
            frames = model.forecast(table.frame, forecast, draws, seed, on_step=on_step, **settings)
    seconds = time.monotonic() - began
    kept = _given_again(table, frames, forecast or 0)
    write_table(out, frames if draws == 1 else _numbered(frames))
    for sentence in table.notes:
        console.note(sentence)
    holes = _holes(table, frames[0]) if forecast is None else {}
    result: dict[str, Any] = {
        "out": str(out),
        "patients": len(table),
        "rows": frames[0].height,
        **({} if forecast is None else {"visits_added": forecast * len(table)}),
        "draws": draws,
        "given_values": {"unchanged": kept[0], "of": kept[1]},
        "seed": seed,
        "seconds": round(seconds, 2),
    }
    if as_json:
        return console.write_json(result if forecast is not None else {**result, "holes": holes})
    if holes:
        rows = [(name, f"{count['empty']:,}", f"{count['filled']:,}") for name, count in holes.items()]
        console.table("holes", ("column", "empty cells", "filled in each draw"), rows)
        if any(count["filled"] < count["empty"] for count in holes.values()):
            console.note("empty cells stay where nothing can be learned: free text, empty columns, columns of one value.")
    console.summary("imputed" if forecast is None else "forecast", result)


def _numbered(frames: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    import polars as pl

    for number, frame in enumerate(frames, 1):
        yield frame.select(pl.lit(number, pl.Int64).alias(DRAW), pl.all())


def _holes(table: Table, frame: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Of each column with empty cells, their number and how many of them are filled."""
    empty = {name: table.frame[name].null_count() for name in table.frame.columns}
    return {n: {"empty": count, "filled": count - frame[n].null_count()} for n, count in empty.items() if count}


def _given_again(table: Table, frames: list[pl.DataFrame], added: int) -> tuple[int, int]:
    """How many of the given values stand in every draw as they were given, and how many values were given."""
    import numpy as np

    patient = np.repeat(np.arange(len(table)), table.lengths)
    place = np.arange(len(patient)) + added * patient  # of the given rows among those with visits added
    same = given = 0
    for name in table.frame.columns:
        was = table.frame[name]
        known = was.is_not_null()
        for frame in frames:
            known = known & (frame[name][place] == was).fill_null(False)
        same, given = same + int(known.sum()), given + was.len() - was.null_count()
    return same, given
