"""A folder or a database of linked tables, looked at: their keys, who refers to whom, when each row was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from reverie.errors import DataError
from reverie.operations.call import arguments, lines
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, operation
from reverie.operations.fields import Overwrite, reads
from reverie.operations.request import Flag, Reply, Request, Served, example, local
from reverie.plain import number_of

if TYPE_CHECKING:
    from reverie.records.linked import LinkedSchema, LinkedTable, LinkedTables

__all__ = ["linked"]

SCHEMA = "hospital.yaml"
"""What a call that is shown has in the place of the text of a schema."""
ADVICE = """\
# How Reverie takes the tables of {name} to be tied. Edit what is wrong; check it with
# reverie data tables FOLDER --using THIS.
#
#   kind      entities (patients), events, long (a row for each test), codes (a set of them), lookup (carried over)
#   key       the column that tells the rows apart (leave out: none does)
#   parent    of the tables it refers to the nearest; entities and lookups have none
#   refers    columns that are keys of other tables; optional: a row may refer to none
#   clock     when a row was: kind instant or date with its start, interval with start and end (leave out: as its parent)
#   implied   true: there is no such table, others only speak of its key
#   columns   what its columns are, but for keys, times and what follows from others: each as in the schema of one table
#             (kind, levels in their order, unit, lower, upper, asked_if, null_values); a column that is listed is learned so
#   rules     what each row obeys (leave out: what is found); times are compared with times of their row: end - start <= 2
#   null_values   what stands for a missing value in the columns of a table
#   dangling, fewest, median, most, why    only tell what was seen
"""


class Linked(Request):
    """Which tables, and how they are tied."""

    model_config = example({"folder": "hospital"})

    folder: Annotated[
        str,
        reads,
        Flag(
            "FOLDER",
            "Files of tables with different columns (.csv, .tsv, .psv, .txt, also .gz, or .parquet), a DuckDB or SQLite "
            "file, or an address postgresql://user@host/database; MEDS, OMOP and FHIR (.json, .ndjson) are recognised.",
        ),
    ] = Field(
        min_length=1,
        description="A folder of the workspace with files of tables that have different columns, or of MEDS, OMOP or FHIR; "
        "or one file that holds several: a .zip of these, a database, or resources of FHIR (.json, .ndjson).",
        examples=["hospital"],
    )
    save_schema: Annotated[str | None, Flag("--schema"), local] = Field(
        None, description="Write the decisions here, as YAML to edit."
    )
    using: Annotated[str | None, local] = Field(None, description="Tied by this schema, to check it or the tables.")
    schema_text: Annotated[
        str | None,
        Served((Field(min_length=1, max_length=1_000_000),), "of a hundred tables there is less to say"),
        Flag(None, stand_in=f"--using {SCHEMA}"),
    ] = Field(
        None,
        description="How they are tied, in place of what would be found: the text of a schema file, as the answer has it as "
        "`schema_text`, edited; YAML or JSON.",
    )
    overwrite: Annotated[Overwrite, local] = False


class LinkedReply(Reply):
    """How the tables are tied, and why."""

    model_config = example(
        {
            "source": "hospital",
            "standard": None,
            "patients": 60,
            "rows": 1203,
            "tables": [
                {
                    "name": "stays",
                    "kind": "events",
                    "key": "stay_id",
                    "parent": "patients",
                    "refers": [
                        {
                            "column": "patient_id",
                            "table": "patients",
                            "optional": False,
                            "dangling": 0,
                            "fewest": 1,
                            "median": 2.0,
                            "most": 6,
                            "why": "called as the key of patients",
                        }
                    ],
                    "clock": {"kind": "interval", "start": "admitted", "end": "discharged", "why": ""},
                    "implied": False,
                    "why": "a row for each event",
                    "rows": 134,
                    "columns": [{"name": "ward", "role": "value", "kind": "binary", "missing": 0.2}],
                }
            ],
            "notes": [],
            "fault": None,
            "schema_text": "tables:\n- name: patients\n  kind: entities\n  key: patient_id\n",
        }
    )

    source: str
    standard: str | None
    patients: int
    rows: int
    tables: list[dict[str, Any]] = Field(
        description="Parents before their children. The role of a column is key, reference, start, end or value."
    )
    notes: list[str]
    fault: str | None = Field(description="Why they cannot be trained on as they are tied, if so.")
    schema_text: str = Field(description="The same decisions as a schema file: YAML, to be edited and given back.")


def _python(request: Linked) -> str:
    if request.schema_text is None:
        return lines(
            "from reverie.records.linked import read_linked",
            "",
            f"tables = read_linked({arguments(request.folder)})",
            "print(tables.schema.yaml())",
        )
    return lines(
        "from pathlib import Path",
        "",
        "from reverie.records.linked import LinkedSchema, read_linked",
        "",
        f'schema = LinkedSchema.from_yaml(Path("{SCHEMA}").read_text(), "{SCHEMA}")',
        f"tables = read_linked({arguments(request.folder)}, schema)",
    )


@operation(
    "linked",
    LinkedReply,
    command="data tables",
    route="POST /api/tables/linked",
    operation_id="describe_linked_tables",
    tag="records",
    about="Files of tables are uploaded one by one, as PUT /api/files/hospital/stays.csv: the folder is hospital.",
    example="reverie data tables hospital --schema hospital.yaml.",
    python=_python,
)
def linked(request: Linked, context: Context) -> Outcome:
    """Say how several tables are tied by keys, and why. `reverie data FOLDER` is short for this, too."""
    file = context.output(request.save_schema, "schema", request.overwrite, "schema.yaml")
    tables = context.linked(request.folder, _schema(request))
    if request.using is not None or request.save_schema is not None:
        stated = any(table.columns or table.rules for table in tables.schema.tables)
        with suppress(
            *(() if stated else (DataError,))
        ):  # what is said of columns holds, or is refused; all else is told below
            tables = _decided(tables)
    if request.save_schema is not None:
        from reverie.files import write_atomically

        write_atomically(file.path, ADVICE.format(name=tables.name) + tables.schema.yaml())
        check = f"reverie data tables {request.folder} --using {file.path}"
        context.say(f"schema: {file.path} (edit it, then check it with: {check})")
    answer = _told(tables)
    return Outcome(answer, lambda: _shown(tables, answer["fault"]))


def _schema(request: Linked) -> LinkedSchema | None:
    if request.schema_text is None:
        from reverie.sources import LinkedSource

        return LinkedSource.as_schema(request.using)
    from reverie.records.linked import LinkedSchema

    return LinkedSchema.from_yaml(request.schema_text, "the schema")


def _decided(tables: LinkedTables) -> LinkedTables:
    """The tables with what their columns and rules are found to be, or were said to be. Raises UsageError for what is said
    and cannot be, and DataError where it contradicts the tables or no patients can be made of them."""
    from reverie.records.linked import LinkedForms
    from reverie.records.linked.growing import grow
    from reverie.records.linked.wording import told

    grown = grow(tables)
    if not all(frame.height for frame in grown.frames.values()):
        return tables
    forms = LinkedForms.of(tables.schema, grown)
    return replace(
        tables, schema=told(tables.schema, forms.forms, forms.columns), notes=(*tables.notes, *grown.notes, *forms.notes)
    )


def _told(tables: LinkedTables) -> dict[str, Any]:
    from reverie.records.linked.columns import columns_of

    schema = tables.schema
    rows = {table.name: tables.frames[table.name].height for table in schema.tables}
    columns, fault = columns_of(tables)
    return {
        "source": tables.name,
        "standard": tables.standard,
        "patients": len(tables),
        "rows": sum(rows.values()),
        "tables": [
            {**table.model_dump(mode="json"), "rows": rows[table.name], "columns": columns[table.name]}
            for table in schema.tables
        ],
        "notes": list(tables.notes),
        "fault": fault,
        "schema_text": schema.yaml(),
    }


def _shown(tables: LinkedTables, fault: str | None) -> Iterator[Any]:
    schema = tables.schema
    events = sum(tables.frames[t.name].height for t in schema.tables if t.kind not in ("entities", "lookup"))
    yield (
        f"{tables.name}: {number_of(len(tables), 'patient')}, {number_of(events, 'row')} of events in "
        f"{number_of(len(schema.tables), 'table')}"
    )
    yield Panel("", ("table", "kind", "rows", "key", "refers to", "per parent", "clock", "why"), list(_rows(tables)))
    for note in tables.notes:
        yield f"note: {note}"
    if fault is not None:
        yield f"not to be trained on as they are: {fault}"


def _rows(tables: LinkedTables) -> Iterator[tuple[str, ...]]:
    """Each table below its parent."""
    schema = tables.schema

    def below(table: LinkedTable, depth: int) -> Iterator[tuple[str, ...]]:
        clock = table.clock
        when = "-" if clock is None else f"{clock.start} to {clock.end}" if clock.end else clock.start
        tie = table.to(table.parent) if table.parent else None
        refers = "; ".join(_refers(table))
        each = "-" if tie is None else f"{tie.fewest} to {tie.most}, median {tie.median:g}"
        name = "  " * depth + table.name + " (implied)" * table.implied
        rows = f"{tables.frames[table.name].height:,}"
        yield name, table.kind, rows, table.key or "-", refers or "-", each, when, table.why
        for child in schema.children(table.name):
            yield from below(schema[child], depth + 1)

    for table in schema.tables:
        if table.parent is None:
            yield from below(table, 0)


def _refers(table: LinkedTable) -> Iterator[str]:
    """Each table that one refers to, after the columns that do."""
    for target in dict.fromkeys(key.table for key in table.refers):
        columns = [f"{key.column}{' (or none)' * key.optional}" for key in table.refers if key.table == target]
        yield f"{', '.join(columns)} > {target}"
