"""A folder or a database of linked tables, looked at: their keys, who refers to whom, when each row was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from reverie.errors import DataError, UsageError
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, operation
from reverie.operations.fields import Overwrite
from reverie.operations.request import Flag, Reply, Request, example
from reverie.plain import number_of

if TYPE_CHECKING:
    from reverie.records.linked import LinkedSchema, LinkedTable, LinkedTables

__all__ = ["linked", "schema_at"]

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
        Flag(
            "FOLDER",
            "Files of tables with different columns (.csv, .tsv, .psv, .txt, also .gz, or .parquet), a DuckDB or SQLite "
            "file, or an address postgresql://user@host/database; MEDS, OMOP and FHIR (.json, .ndjson) are recognised.",
        ),
    ]
    save_schema: Annotated[str | None, Flag("--schema")] = Field(
        None, description="Write the decisions here, as YAML to edit."
    )
    using: str | None = Field(None, description="Tied by this schema, to check it or the tables.")
    overwrite: Overwrite = False


@operation("linked", Reply, command="data tables", example="reverie data tables hospital --schema hospital.yaml.")
def linked(request: Linked, context: Context) -> Outcome:
    """Say how several tables are tied by keys, and why. `reverie data FOLDER` is short for this, too."""
    file = context.output(request.save_schema, "schema", request.overwrite, "schema.yaml")
    from reverie.records.linked import is_linked, read_linked

    place = request.folder
    if not is_linked(place):
        if not Path(place).exists():
            raise UsageError(f"there is no folder and no file {place}.")
        raise UsageError(f"{place} is one table: see what it is with reverie data describe {place}.")
    tables = read_linked(place, None if request.using is None else schema_at(Path(request.using)))
    if request.using is not None or request.save_schema is not None:
        tables = _decided(tables)
    if request.save_schema is not None:
        from reverie.files import write_atomically

        write_atomically(file.path, ADVICE.format(name=tables.name) + tables.schema.yaml())
        context.say(f"schema: {file.path} (edit it, then check it with: reverie data tables {place} --using {file.path})")
    return Outcome(_told(tables), lambda: _shown(tables))


def _decided(tables: LinkedTables) -> LinkedTables:
    """The tables with what their columns and rules are found to be, or were said to be, where patients can be made of them.
    Raises UsageError for what is said and cannot be."""
    from reverie.records.linked import LinkedForms
    from reverie.records.linked.stating import told
    from reverie.records.linked.tree import grow

    try:
        grown = grow(tables)
    except DataError:  # training says what is lacking
        return tables
    if not all(frame.height for frame in grown.frames.values()):
        return tables
    forms = LinkedForms.of(tables.schema, grown)
    return replace(
        tables, schema=told(tables.schema, forms.forms, forms.columns), notes=(*tables.notes, *grown.notes, *forms.notes)
    )


def schema_at(path: Path) -> LinkedSchema:
    """The schema of a file that the user names. Raises UsageError."""
    from reverie.records.linked import LinkedSchema

    try:
        return LinkedSchema.from_yaml(path.read_text(encoding="utf-8"), path.name)
    except FileNotFoundError:
        raise UsageError(
            f"there is no file {path}: write a schema with reverie data tables FOLDER --schema {path}."
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a schema: it is no text in UTF-8.") from None


def _told(tables: LinkedTables) -> dict[str, Any]:
    schema = tables.schema
    rows = {table.name: tables.frames[table.name].height for table in schema.tables}
    return {
        "source": tables.name,
        "standard": tables.standard,
        "patients": len(tables),
        "rows": sum(rows.values()),
        "tables": [{**table.model_dump(mode="json"), "rows": rows[table.name]} for table in schema.tables],
        "notes": list(tables.notes),
        "schema_text": schema.yaml(),
    }


def _shown(tables: LinkedTables) -> Iterator[Any]:
    schema = tables.schema
    events = sum(tables.frames[t.name].height for t in schema.tables if t.kind not in ("entities", "lookup"))
    yield (
        f"{tables.name}: {number_of(len(tables), 'patient')}, {number_of(events, 'row')} of events in "
        f"{number_of(len(schema.tables), 'table')}"
    )
    yield Panel("", ("table", "kind", "rows", "key", "refers to", "per parent", "clock", "why"), list(_rows(tables)))
    for note in tables.notes:
        yield f"note: {note}"


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
