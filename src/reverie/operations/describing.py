"""Tables of visits, looked at: what each column is taken to be, and one patient's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from reverie.errors import DataError
from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, operation
from reverie.operations.fields import Overwrite, TableName, Word
from reverie.operations.reading import LONGER, SCHEMA, SchemaText, TableReading, pairs, schema_of, written
from reverie.operations.request import Flag, Reply, Request, Served, example, local

if TYPE_CHECKING:
    from reverie.records import Table

__all__ = ["description", "series"]

ADVICE = """\
# What Reverie takes each column of {name} to be. Edit what is wrong; check it with
# reverie data FILE --using THIS; then train with --schema THIS.
#
#   role      identifier (whose visit), time (when), static (the same at every visit), varying
#   kind      real, integer, ordinal, binary, categorical, date, datetime: learned by the model
#             constant, empty (written as they were), number (renumbered), text (written empty): not learned
#   patterns  of text that identifies: shapes of the new values that are written in its place (A a 9 are any letter or digit)
#   taken     tells new values that may be real ones, which are not written
#   levels    of ordinal, binary and categorical columns; those of an ordinal column from the lowest to the highest
#   pooled    levels that are to be read as the level "(other)"
#   unit      values are whole multiples of it, of date-times in seconds (leave out: not rounded); decimals: digits to write
#   digits    values have at most so many significant digits
#   lower, upper      bounds that no value can be beyond (leave out: the tail is open)
#   form      how the source writes the cells, where it is not the plain way; they are read and written back so
#   asked_if          {{sex: [F]}}: filled only where sex is F; levels may be "(any)", it is filled, and "(empty)"
#   fill              false: reverie impute leaves its empty cells empty, unless --columns names it
#   missing, lowest, highest, skew, why    only tell what was seen
#   rules             what every patient obeys, kept in all that is made; strike some, or add others: "diastolic < systolic",
#                     "visit_date <= death_date", "empty(pregnant) if sex = M", "status tells code (alive: 0, dead: 1)",
#                     "age never falls", "stage stays IV", "change = value - first(value)"
#   duplicates        rows of one patient at one time: refuse, keep (all), first, last, mean (of the numbers)
#   pattern           how new identifiers are written (leave out: 1, 2, ...)
#   shapes            what brings the file into the form of one row for each patient and time; columns made for it: "\\0..."
#   null_values       what stands for a missing value, besides an empty cell; of a column, if it has its own
"""


class Describe(TableReading):
    """Which table, and how it is to be read."""

    model_config = example({"table": "pbc2"})

    table: Annotated[
        TableName,
        Flag(
            "FILE",
            "Text separated by commas, semicolons, tabs or bars (.csv, .tsv, .psv, .txt, also .gz), .parquet, .xlsx, "
            ".sas7bdat, .xpt, .sav or .dta; a folder of files of text, or of Parquet; with --query a database; or 'pbc2' "
            "(bundled).",
        ),
    ]
    kinds: Annotated[
        dict[str, str],
        Flag(
            "--kind",
            "COLUMN=categorical (ordinal, binary, text, number). May be repeated.",
            read=pairs("--kind", "KIND"),
            write=written,
            several=True,
        ),
        Served(
            (Field(max_length=1000),),
            LONGER,
            type=dict[Word, Literal["categorical", "ordinal", "binary", "integer", "real", "text", "number"]],
        ),
    ] = Field(default={}, description="Kinds of single columns.", examples=[{"stage": "ordinal"}])
    save_schema: Annotated[str | None, Flag("--schema"), local] = Field(
        None, description="Write the decisions here, as YAML to edit."
    )
    using: Annotated[str | None, local] = Field(None, description="Read by this schema, to check it or the file.")
    schema_text: Annotated[SchemaText, Flag(None, stand_in=f"--using {SCHEMA}")] = None
    overwrite: Annotated[Overwrite, local] = False


class DescribeReply(Reply):
    """What each column was taken to be, and why."""

    model_config = example(
        {
            "source": "pbc2",
            "patients": 312,
            "rows": 1945,
            "visits_per_patient": {"min": 1, "median": 5.0, "max": 16},
            "duplicates": "refuse",
            "notes": [],
            "columns": [{"name": "id", "role": "identifier", "kind": "integer", "why": "its name; whole numbers"}],
            "schema_text": "columns:\n- name: id\n  role: identifier\n  kind: integer\n",
            "decisions": {"columns": [{"name": "id", "role": "identifier", "kind": "integer"}]},
        }
    )

    source: str
    patients: int
    rows: int
    visits_per_patient: dict[str, float]
    notes: list[str]
    columns: list[dict[str, Any]]
    schema_text: str = Field(description="The same decisions as a schema file: YAML, to be edited and given back.")
    decisions: dict[str, Any] = Field(description="What schema_text says, for programs that edit it.")


@operation(
    "description",
    DescribeReply,
    command="data describe",
    route="POST /api/tables/describe",
    operation_id="describe_table",
    tag="records",
    about="What is wrong with a table is said in one sentence with its row and column.",
    example="reverie data pbc2 --schema pbc2.yaml.",
    python=lambda request: _python(request),
)
def description(request: Describe, context: Context) -> Outcome:
    """Say what each column of a table is taken to be, and why. `reverie data FILE` is short for this."""
    file = context.output(request.save_schema, "schema", request.overwrite, "schema.yaml")
    from reverie.records.describe import describe
    from reverie.sources import TableSource

    schema = schema_of(request.schema_text) if request.using is None else TableSource.as_schema(request.using)
    kept = {"stream": request.stream or None, "cache": request.cache}
    options = {**request.table_options, **_kinds(request), **{name: of for name, of in kept.items() if of is not None}}
    table = context.table(request.table, schema, **options)
    if request.save_schema is not None:
        from reverie.files import write_atomically

        write_atomically(file.path, _written(table))
        context.say(f"schema: {file.path} (edit it, then check it with: reverie data {request.table} --using {file.path})")

    def show() -> Iterator[Any]:
        from reverie.operations.overview import overview

        return overview(table)

    told = {**describe(table), "schema_text": _written(table), "decisions": table.schema.tree}
    return Outcome(told, show, hints=_training(table))


def _written(table: Table) -> str:
    """The schema of a table as a file, with what may be edited in it."""
    return ADVICE.format(name=table.name) + table.schema.yaml()


def _python(request: Describe) -> str:
    options = arguments(request.table, **request.table_options, **_kinds(request))
    if request.schema_text is None:
        return lines(
            "from reverie.records import read_table", "", f"table = read_table({options})", "print(table.schema.yaml())"
        )
    return lines(
        "from pathlib import Path",
        "",
        "from reverie.records import Schema, read_table",
        "",
        f'schema = Schema.from_yaml(Path("{SCHEMA}").read_text(), "{SCHEMA}")',
        f"table = read_table({options}, schema=schema)",
    )


def _kinds(request: Describe) -> dict[str, Any]:
    return {"kinds": request.kinds} if request.kinds else {}


def _training(table: Table) -> Iterator[str]:
    """What training by the default recipe takes on this machine."""
    from reverie.records import Table
    from reverie.sources import StreamedSource, TableSource

    try:
        estimate = (TableSource if isinstance(table, Table) else StreamedSource)(table).first_estimate
    except DataError as error:
        yield f"it cannot be trained on yet: {error}"
        return
    yield estimate.sentence
    if estimate.remedy is None:
        yield "that is more memory than this machine has: give fewer patients, or fewer visits for each."
    elif estimate.remedy:
        yield f"that is more memory than this machine has: it fits with reverie train ... {estimate.help}"


class Series(Request):
    """Which patient of which table."""

    model_config = example({"table": "pbc2", "patient": "2"})

    table: TableName = "pbc2"
    patient: Annotated[str | None, Served((Field(max_length=200),), "an identifier is a cell of a table")] = Field(
        None, description="An identifier; the first if left out.", examples=["2"]
    )


class SeriesReply(Reply):
    """One patient's numbers over time."""

    model_config = example(
        {
            "patient": "2",
            "time": [0.0, 0.498],
            "time_unit": "year",
            "columns": [{"name": "serBilir", "values": [1.1, 0.8], "mean": 3.6, "std": 5.1}],
            "patients": ["1", "2"],
        }
    )

    patient: str
    time: list[float]
    time_unit: str
    columns: list[dict[str, Any]] = Field(description="mean and std are of the cohort: (value - mean) / std is x_0.")
    patients: list[str] = Field(description="The first 1,000 identifiers of the table.")


@operation(
    "series",
    SeriesReply,
    route="GET /api/series",
    routed=False,
    operation_id="get_series",
    tag="schedules",
)
def series(request: Series, context: Context) -> Outcome:
    """One patient's numbers over time."""
    from reverie.records.patient import patient_series

    return Outcome(patient_series(context.table(request.table), request.patient))
