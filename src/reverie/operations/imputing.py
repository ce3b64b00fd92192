"""Tables with holes, filled or continued."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from reverie import zips
from reverie.errors import UsageError, unknown
from reverie.modality import DATABASES
from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation
from reverie.operations.engines import Engined, engine_of
from reverie.operations.fields import (
    FileMade,
    Guidance,
    Overwrite,
    RunName,
    Sampler,
    Seed,
    Spacing,
    TableName,
    Word,
    writes,
)
from reverie.operations.imputing_linked import CELLS, FAR, completion, far, impute_linked, read_forecast
from reverie.operations.request import Flag, Reply, at_most, example
from reverie.operations.rows import Rows
from reverie.operations.sampler_settings import GUIDANCE, SAMPLER, SPACING, settings_of
from reverie.samplers.posterior.registry import LEARNED, METHODS, USUAL, listed

__all__ = ["imputation"]

SMALL = 20_000
"""Cells x draws inside a call, which someone waits for."""


def _method(name: str) -> str:
    if name not in (LEARNED, *METHODS):
        raise unknown("method", name, [LEARNED, *METHODS])
    return name


class Imputation(Engined):
    """A table with holes, or to be continued."""

    model_config = example({"model": "runs/patients", "table": "pbc2", "draws": 2, "seed": 0})

    model: Annotated[RunName, Flag("RUN", "A run folder made by reverie train from a table.")]
    table: Annotated[
        TableName | None,
        Flag("FILE", "A table like the one trained on; or a folder of linked tables, a .zip or a database.", required=True),
    ] = None
    rows: Annotated[Rows | None, Flag(None, stand_in="visits.csv")] = Field(
        None, description="The table itself, instead of its name."
    )
    out: Annotated[
        Annotated[str, writes] | None,
        Flag(
            "--out",
            "The table to write: .csv, .csv.gz or .parquet; of linked tables a folder, that packed as a .zip, "
            "or a .duckdb or .sqlite file.",
            required=True,
        ),
    ] = Field(
        None,
        min_length=1,
        description="The table to write, .csv, .csv.gz or .parquet; of linked tables a folder with a file for each, that "
        "packed as a .zip, or a .duckdb or .sqlite file. Left out, the file stays with the job.",
        examples=["tables/whole.csv"],
    )
    draws: Annotated[
        int,
        Flag(
            "--draws",
            "How often; several go below each other, with a first column 'draw', or of linked tables into folders 1, 2, ...",
        ),
        at_most(50, "bands need no more"),
    ] = Field(1, ge=1, description="How often.")
    forecast: Annotated[
        Annotated[int, Field(ge=1), at_most(100, "one call adds so many at most")]
        | Annotated[str, Field(max_length=20), AfterValidator(far), WithJsonSchema({"type": "string", "pattern": FAR})]
        | None,
        Flag(
            "--forecast",
            "Add so many visits for each patient, instead of filling holes; of linked tables so many stays, or those of so "
            "long a time, as 30d, with all that hangs on them.",
            metavar="VISITS",
            read=read_forecast,
        ),
    ] = Field(
        None,
        description="Add so many visits for each patient, instead; of linked tables so many stays, or those of so long a "
        "time, as 30d (h, d, w, y).",
        examples=[3],
    )
    columns: Annotated[
        list[Word] | None,
        Flag(
            "--columns",
            "Those to fill, e.g. albumin,weight, or stays.ward of linked tables; all that are learned if left out.",
            commas=True,
        ),
    ] = Field(None, min_length=1, max_length=1000, description="Those to fill; all that the model has learned if left out.")
    method: Annotated[
        Annotated[str, AfterValidator(_method), WithJsonSchema({"type": "string", "enum": [LEARNED, *METHODS]})] | None,
        Flag(
            "--method", f"{LEARNED} (the network is given it), or, of any run, {listed()}. If left out, the run's own way."
        ),
    ] = Field(
        None,
        description=f"How what is given is kept to: {LEARNED} by a network trained to be given a part of a record, or a "
        f"posterior sampler, of any run. Left out: {LEARNED}, but {USUAL} of the recipe health-gym.",
    )
    guidance: Annotated[Guidance | None, Flag("--guidance", GUIDANCE)] = None
    sampler: Annotated[Sampler | None, SAMPLER] = None
    steps: Annotated[
        int | None,
        Flag("--steps", "Steps of the sampler, for each stage of records; if left out, the model's."),
        at_most(1000, "there are no more steps in a schedule"),
    ] = Field(None, ge=1)
    spacing: Annotated[Spacing | None, SPACING] = None
    seed: Seed = 0
    overwrite: Overwrite = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.table is None) == (self.rows is None):
            raise ValueError("give one table: its name as `table`, or its cells as `rows`")
        return self

    @property
    def large(self) -> bool:
        """Whether it takes more than someone would wait for."""
        return self.rows is None or len(self.rows.rows) * len(self.rows.columns) * self.draws > SMALL


class ImputationReply(Reply):
    """The completed table, and how sure it is."""

    model_config = example(
        {
            "summary": {
                "patients": 312,
                "rows": 1945,
                "draws": 2,
                "given_values": {"unchanged": 38210, "of": 38210},
                "seed": 0,
            },
            "files": [
                {
                    "name": "completed.csv",
                    "href": "/api/jobs/0c5e2d0a4f3b4f0e8a9d1c2b3a4f5e6d/files/completed.csv",
                    "bytes": 512000,
                }
            ],
            "bands": {
                "1": {
                    "serChol": {
                        "time": [0.0, 0.53],
                        "given": [261.0, None],
                        "median": [261.0, 240.0],
                        "low": [261.0, 190.0],
                        "high": [261.0, 310.0],
                        "low50": None,
                        "high50": None,
                    }
                }
            },
            "shares": {},
            "holes": {"serChol": {"empty": 821, "filled": 821}},
        }
    )

    summary: dict[str, Any]
    files: list[FileMade]
    bands: dict[str, dict[str, Any]] = Field(
        description="Of at most 5 patients and their columns of numbers: the median of the draws, low and high of 80 %, "
        "low50 and high50 of 50 % of them; below 10 draws low and high are the least and the largest, and there is no 50 %."
    )
    shares: dict[str, dict[str, Any]] = Field(description="Of columns of levels: the share of the draws in each level.")
    holes: dict[str, Any] = Field(description="Of each column with empty cells, how many, and how many were filled.")


def _python(request: Imputation) -> str:
    how: dict[str, Any] = {"draws": request.draws, "seed": request.seed}
    if request.forecast is None and request.columns is not None:
        how |= {"columns": request.columns}
    start = ("import reverie", "", f"model = reverie.load({arguments(request.model)})")
    done = "impute" if request.forecast is None else "forecast"
    after = () if request.forecast is None else (request.forecast,)
    suffix = Path(request.table or "visits.csv").suffix.lower()
    if isinstance(request.forecast, str) or (request.table != "pbc2" and suffix in ("", zips.SUFFIX, *DATABASES)):
        return lines(*start, f"tables = model.{done}({arguments(request.table, *after, **how)})")
    return lines(
        start[0],
        "from reverie.records import read_table",
        *start[1:],
        f"table = read_table({arguments(request.table or 'visits.csv')}, model.codec.schema)",
        f"frames = model.{done}({', '.join(('table.frame', arguments(*after, **how)))})",
    )


@operation(
    "imputation",
    ImputationReply,
    command="impute",
    route="POST /api/imputations",
    operation_id="impute",
    tag="records",
    about="What is given stays as it is. With 10 draws or more the reply has bands of 80 % and 50 %.",
    slow=lambda request: request.large,
    caps=(CELLS,),
    progress=("drawing", "blocks"),
    writes="out",
    usual="whole.csv",
    example="Holes: reverie impute runs/pbc visits.csv --out whole.csv.\n\n"
    "Five likely futures of three visits: reverie impute runs/pbc visits.csv --forecast 3 --draws 5 --out future.csv.",
    python=_python,
)
def imputation(request: Imputation, context: Context) -> Outcome:
    """Fill the holes of a table, or go on with each patient's record; what is given stays as it is.

    Every empty cell of a column that the model has learned is drawn from what it takes to be likely there; with --draws the
    spread is its uncertainty. Columns and rows stay as they are, and what the model does not know is carried along. The same
    seed gives the same file.
    """
    model = context.model(request.model)
    from reverie import export, prediction_intervals
    from reverie.models import LinkedModel
    from reverie.records.fitting import fit

    if isinstance(model, LinkedModel):
        return impute_linked(request, context, model)
    if isinstance(request.forecast, str):
        raise UsageError(f"{request.model} makes one table, of which visits are added by number: give `forecast` a number.")
    output = context.output(request.out, "table", request.overwrite, "completed.csv")
    model = export.check_completing(model, request.draws, request.model)
    method = model.keeping(request.method)
    if request.method is None and method != LEARNED:
        context.say(f"This run was trained on whole records, so what is given is kept to by guidance: `method={method}`.")
    if request.rows is not None:
        fitted = fit(request.rows.frame, model.codec.schema, "the rows")
    else:
        assert request.table is not None
        fitted = fit(context.cells(request.table), model.codec.schema, request.table)
    added = (request.forecast or 0) * len(fitted.table)
    context.within(CELLS, (fitted.cells.height + added) * request.draws)
    done = export.complete(
        model,
        fitted,
        request.draws,
        request.forecast,
        request.seed,
        settings_of(request, "method"),
        context.step,
        columns=request.columns,
        run=request.model,
        engine=engine_of(request),
        scratch=output.path.with_name(f".{output.path.name}.blocks"),
    )
    done.write(output.path)
    for sentence in done.notes:
        context.say(sentence)
    file = output.done()
    reply = {"summary": {**done.summary(output.path), "out": file["name"]}, "files": [file], "holes": done.holes}
    if context.images:
        reply |= {"bands": prediction_intervals.bands(done), "shares": prediction_intervals.shares(done)}

    return completion(request, reply)
