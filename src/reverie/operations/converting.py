"""Linked tables of one form, written in another: MEDS, OMOP, FHIR, or a folder of plain tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from reverie.errors import UsageError
from reverie.operations.context import Context
from reverie.operations.declare import Outcome, Panel, operation
from reverie.operations.fields import Overwrite
from reverie.operations.request import Flag, Reply, Request, example
from reverie.plain import number_of

__all__ = ["conversion"]


class Convert(Request):
    """Which tables, and what to make of them."""

    model_config = example({"source": "hospital", "to": "parquet", "out": "hospital-parquet"})

    source: Annotated[
        str,
        Flag(
            "SOURCE",
            "A folder of linked tables, a DuckDB or SQLite file, or an address postgresql://user@host/database; a folder of "
            "MEDS; a Bundle of FHIR, a folder of these, or NDJSON.",
        ),
    ]
    to: Literal["meds", "omop", "fhir", "csv", "parquet"] = Field(
        description="meds, omop (CDM v5.4), fhir (R4), or csv or parquet: a folder with a file for each table."
    )
    out: str = Field(
        description="A folder to write; of omop also a .duckdb, .db or .sqlite file, of fhir a .json file: one Bundle."
    )
    overwrite: Overwrite = False


@operation("conversion", Reply, command="data convert", example="reverie data convert bundles --to fhir --out ndjson.")
def conversion(request: Convert, context: Context) -> Outcome:
    """Write linked tables in another form, or as another standard, checked by its own library; what is left out is named."""
    from reverie.records.linked import is_linked, read_linked
    from reverie.records.linked.standards import STANDARDS, converted, origin_of, parts_of, write_tables

    if not is_linked(request.source):
        if not Path(request.source).exists():
            raise UsageError(f"there is no folder and no file {request.source}.")
        raise UsageError(
            f"{request.source} is one table: give several that are tied by keys, or see what it is with "
            f"reverie data describe {request.source}."
        )
    folder = context.folder(request.out, request.overwrite)
    tables = read_linked(request.source)
    read = tables.standard
    standard = STANDARDS.get(request.to)
    if standard is None:
        written = write_tables(parts_of(tables), folder.path, f".{request.to}")
    else:
        origin = origin_of(tables) or standard
        if origin is standard:
            standard.fits({name: frame.columns for name, frame in tables.frames.items()}, tables.name)
        else:
            tables = converted(tables, origin, standard)
        written = standard.write(parts_of(tables), folder.path)
    folder.done()
    rows = {name: written.rows[name] for name in tables.frames if name in written.rows}
    notes = [*tables.notes, *written.notes]
    reply = {
        "source": tables.name,
        "standard": read,
        "to": request.to,
        "out": request.out,
        "patients": len(tables),
        "rows": rows,
        "files": written.files,
        "checked": written.checked,
        "notes": notes,
    }

    def show():
        yield f"{request.out}: {number_of(len(tables), 'patient')} in {number_of(written.files, 'file')}"
        yield Panel("", ("table", "rows"), [(name, f"{count:,}") for name, count in rows.items()])
        if written.checked:
            yield f"checked: {written.checked}"
        yield from (f"note: {note}" for note in notes)

    return Outcome(reply, show)
