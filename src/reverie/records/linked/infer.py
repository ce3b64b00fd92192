"""Several tables and how they are tied, from wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from reverie.modality import DATABASES
from reverie.records.forms import AnyForm, DateForm
from reverie.records.kinds import Mixed
from reverie.records.linked.checks import faults_of, found_wrong
from reverie.records.linked.databases import declared, types
from reverie.records.linked.declared import Declared
from reverie.records.linked.keys import whole_keys
from reverie.records.linked.opening import opened
from reverie.records.linked.schema import LinkedSchema, LinkedTable
from reverie.records.linked.sources import read_tables
from reverie.records.linked.standards.registry import standard_at
from reverie.records.linked.standards.stated import schema_of
from reverie.records.linked.tables import LinkedTables
from reverie.records.linked.tying import Hall, with_implied
from reverie.records.parsing import parse
from reverie.records.places import ROW, counted, few, shown
from reverie.records.reading import Bounds
from reverie.records.reading.queries import asks_a_server, redacted
from reverie.records.shaping import numbered

__all__ = ["read_linked"]

FAR = 2999
"""No hospital has had a row in this year, however far its dates were shifted."""


def read_linked(
    source: Any,
    schema: LinkedSchema | None = None,
    name: str | None = None,
    most: Bounds = Bounds(),
    whole: bool = True,
) -> LinkedTables:
    """Reads several tables and how they are tied.

    Args:
        source: a folder of .csv or .parquet files with different columns, a .zip of one, a DuckDB or SQLite file, an
            address postgresql://user@host/database, or frames by name; or MEDS, OMOP or FHIR, which are recognised.
        schema: how they are tied; if None stated by the standard, or else inferred.
        name: what messages call them.
        whole: whether a key of a schema that stands twice is refused; if not, it is for who asks to count them.

    Raises UsageError for a source that holds no tables or is not as the schema says, and DataError for
    keys that stand twice, and for what is wrong with a file.
    """
    place = None if isinstance(source, Mapping) else str(source)
    name = name or ("the tables" if place is None else redacted(place) if asks_a_server(place) else Path(place).name)
    with opened(source, name, most) as there:
        tables = _read(there, schema, name, most, whole)
    return replace(tables, path=None if place is None or asks_a_server(place) else Path(place).resolve())


def _read(source: Any, schema: LinkedSchema | None, name: str, most: Bounds, once: bool) -> LinkedTables:
    if (standard := standard_at(source)) is not None:
        content = standard.read(str(source), name, most)
        cells, said = content.frames, content.notes
    else:
        cells, notes = read_tables(source, name, most, empty=True)
        said = list(notes)
    frames, forms = {}, {}
    for table, frame in cells.items():
        if not frame.height:  # nobody had a row of it
            frames[table] = frame
            continue
        said_of = None if schema is None else next((t for t in schema.tables if t.name == table), None)
        read = (frame, [], {}) if standard is not None else _typed(frame, f"{name}/{table}", said_of)
        typed, more, forms[table] = read
        frames[table] = typed.unique(maintain_order=True)
        if alike := typed.height - frames[table].height:
            said.append(f"{table}: {counted(alike, 'row')} identical to another and kept once.")
        said += [f"{table}: {note}" for note in more]
    said += _zones(frames, forms)
    said += _no_times(frames)
    whole = {} if standard is not None else {table: whole_keys(frame) for table, frame in frames.items()}
    decimals = {table: frames[table].select(*columns) for table, columns in whole.items()}
    frames |= {table: frames[table].with_columns(*columns.values()) for table, columns in whole.items()}
    fault = None
    if schema is None and standard is not None:
        schema = schema_of(standard.tables, frames, standard.title)
    elif schema is None:
        keys = Declared() if isinstance(source, Mapping) or Path(source).is_dir() else declared(str(source), name)
        hall = Hall(frames, name, said, declared=keys)
        schema, fault = hall.schema(), hall.fault
        frames = {table: frame for table, frame in frames.items() if table not in hall.left}
    else:
        found_wrong(schema, frames, name, once)
        stated = {table.name for table in schema.tables}
        said += [f"{table} is not in the schema, and was left out." for table in frames if table not in stated]
        frames = {table: frame for table, frame in frames.items() if table in stated}
    decimals = {table: other for table, other in decimals.items() if table in frames}
    for table, other in decimals.items():
        frames[table] = frames[table].with_columns(other.drop(*(keys := schema[table].tied & {*other.columns})))
        said += [f"{table}.{column}: its keys are whole numbers, written as decimals." for column in sorted(keys)]
    frames = with_implied(frames, schema)
    for table in schema.tables:  # where all are still there no end tells that it is a time
        clock = table.clock
        if clock is not None and clock.end is not None and not frames[table.name][clock.end].count():
            of_start = frames[table.name].schema[clock.start]
            frames[table.name] = frames[table.name].with_columns(pl.col(clock.end).cast(of_start))
    said += faults_of(schema, frames)
    forms = {table: of for table, of in forms.items() if table in frames}
    called = None if standard is None else standard.called
    suffix = _suffix(source, schema)
    stored = {} if isinstance(source, Mapping) or not str(source).lower().endswith(DATABASES) else types(str(source), name)
    return LinkedTables(frames, schema, name, tuple(dict.fromkeys(said)), None, called, forms, suffix, fault, stored)


def _suffix(source: Any, schema: LinkedSchema) -> str:
    """Of the files that tables like these are written to: Parquet where any that is made was, whatever its lookups are."""
    if isinstance(source, Mapping) or not Path(source).is_dir():
        return ".csv"
    stored = {path.stem.lower() for path in Path(source).glob("*.parquet")}
    carried = {table.name.lower() for table in schema.tables if table.kind == "lookup"}
    return ".parquet" if stored - carried else ".csv"


def _typed(frame: pl.DataFrame, name: str, table: LinkedTable | None) -> tuple[pl.DataFrame, list[str], dict[str, AnyForm]]:
    """Cells as what they can be read as, notes, and how those are written that are not plainly what they are."""
    words = (
        () if table is None else (*table.null_values, *(f"{c.name}={w}" for c in table.columns for w in c.null_values or ()))
    )
    parsed = parse(numbered(frame), name, words)
    if words and table is not None:
        parsed = parsed.keeping(table.tied)
    notes = [_as_text(column, mixed) for column, mixed in parsed.mixed.items() if mixed.read >= mixed.text]
    return parsed.frame.drop(ROW), [*parsed.notes, *notes], parsed.forms


def _as_text(column: str, mixed: Mixed) -> str:
    """What is told of a column of numbers (or dates) that a few cells of text make one of text."""
    more, one = f" and {mixed.text - 1:,} more" if mixed.text > 1 else "", mixed.text == 1
    return (
        f"{column} is read as text: {shown(mixed.value)} (data row {mixed.row}){more} {'is' if one else 'are'} none of its "
        f"{mixed.read:,} {mixed.what}; correct {'it' if one else 'them'} for these to count, or say in a schema that "
        f"{'it means' if one else 'they mean'} missing (`null_values`)."
    )


def _zones(frames: Mapping[str, pl.DataFrame], forms: Mapping[str, Mapping[str, AnyForm]]) -> list[str]:
    """What is to be told of times that are written in several zones: none of them is moved."""
    of: dict[str, list[str]] = {}
    for table, frame in frames.items():
        for column in (c for c, dtype in frame.schema.items() if dtype == pl.Datetime):
            form = forms.get(table, {}).get(column)
            zones = (form.zone, *(zone for _, zone in form.zones)) if isinstance(form, DateForm) else ("",)
            for zone in dict.fromkeys(zone for zone in zones if zone or len(zones) == 1):
                of.setdefault(zone or "no zone", []).append(f"{table}.{column}")
    if len(of) < 2:
        return []
    told = "; ".join(f"{zone} in {few(columns)}" for zone, columns in of.items())
    return [f"times are written in several zones ({told}): each is taken as the clock on its wall showed, and kept so."]


def _no_times(frames: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    """A sentence for each column of times of which some stand for none, as 9999-12-31 does."""
    for table, frame in frames.items():
        for column in (c for c, dtype in frame.schema.items() if dtype in (pl.Date, pl.Datetime)):
            far = frame[column].filter(frame[column].dt.year() >= FAR)
            if far.len():
                yield (
                    f"{table}.{column}: {counted(far.len(), 'cell', 'is are')} in the year {FAR} or after it "
                    f"({shown(far[0])}), which is learned as a time: empty them if they stand for none."
                )
