"""The OMOP Common Data Model, version 5.4: persons, their visits, and what happened at them, by concepts.

    person <- visit_occurrence <- condition_occurrence, drug_exposure, measurement, observation, procedure_occurrence
    person <- death;  concept, care_site, provider and location are lookups, where they are there

A folder of .csv or .parquet files, a DuckDB or SQLite file, or a server; names in small or capital letters. What each table
has is declared in omop_columns.py, and held to in omop_cells.py. Concept 0 means that none fits, and is kept; a required
concept that is missing is 0. Of the vocabulary (CONCEPT.csv) only the concepts that occur are read (omop_concepts.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import polars as pl

from reverie.errors import DataError, UsageError
from reverie.modality import DATABASES
from reverie.records.linked.sources import names_of, read_tables
from reverie.records.linked.standards.databases import DatabaseFile
from reverie.records.linked.standards.omop_cells import complete, taken
from reverie.records.linked.standards.omop_columns import COLUMNS, LOOKUPS, TITLE
from reverie.records.linked.standards.omop_concepts import commonest, concepts, named_in
from reverie.records.linked.standards.plain import TableFiles
from reverie.records.linked.standards.standard import Content, Parts, Standard, Written, new_folder
from reverie.records.linked.standards.stated import Stated
from reverie.records.places import counted
from reverie.records.reading import Bounds

__all__ = ["Omop"]

_VISIT = ("visit_occurrence", "person")


def _stated(name: str, kind: str, parents: tuple[str, ...], clocks: tuple[tuple[str, str | None], ...], why: str) -> Stated:
    key = None if name == "death" else f"{name}_id"
    tied = {
        "person_id": "person",
        "visit_occurrence_id": "visit_occurrence",
        **{f"{lookup}_id": lookup for lookup in LOOKUPS},
    }
    refers = {column: tied[column] for column in COLUMNS[name] if column in tied and column != key}
    concepts = [column for column in COLUMNS[name] if column.endswith("concept_id") and column != key]
    refers |= dict.fromkeys(concepts, "concept")
    if name == "visit_occurrence":
        refers["preceding_visit_occurrence_id"] = "visit_occurrence"
    return Stated(name, kind, key, refers, parents, clocks, why)  # pyright: ignore[reportArgumentType]


def _both(start: str, end: str | None) -> tuple[tuple[str, str | None], ...]:
    """The clock by times, then by days."""
    return tuple((f"{start}_{unit}", f"{end}_{unit}" if end else None) for unit in ("datetime", "date"))


class Omop(Standard):
    """OMOP CDM v5.4."""

    called: ClassVar[str] = "omop"
    title: ClassVar[str] = TITLE
    tables: ClassVar[tuple[Stated, ...]] = (
        _stated("person", "entities", (), (), "a row for each person_id"),
        _stated("visit_occurrence", "events", ("person",), _both("visit_start", "visit_end"), "a row for each stay"),
        _stated(
            "condition_occurrence", "events", _VISIT, _both("condition_start", "condition_end"),
            "condition_concept_id says which condition",
        ),
        _stated(
            "drug_exposure", "events", _VISIT, _both("drug_exposure_start", "drug_exposure_end"),
            "drug_concept_id says which drug",
        ),
        _stated(
            "procedure_occurrence", "events", _VISIT, _both("procedure", "procedure_end"),
            "procedure_concept_id says which procedure",
        ),
        _stated(
            "measurement", "long", _VISIT, _both("measurement", None),
            "measurement_concept_id says what was measured, value_as_.. the value",
        ),
        _stated(
            "observation", "long", _VISIT, _both("observation", None),
            "observation_concept_id says what was observed, value_as_.. the value",
        ),
        _stated("death", "events", ("person",), _both("death", None), "at most a row for each person"),
        *(_stated(name, "lookup", (), (), "refers to no patient") for name in LOOKUPS),
    )  # fmt: skip

    def recognises(self, place: str) -> bool:
        names = {name.lower() for name in names_of(place, Path(place).name)}
        return {"person", "visit_occurrence"} <= names

    def read(self, place: str, name: str, most: Bounds = Bounds()) -> Content:
        raw, notes = read_tables(
            place, name, most, only=lambda table: table.lower() in COLUMNS and not _is_vocabulary(table)
        )
        content = Content({}, [f"It was read as {self.title}: two of its tables are person and visit_occurrence.", *notes])
        if others := [t for t in names_of(place, name) if t.lower() not in COLUMNS]:
            content.notes.append(f"{counted(len(others), 'other table', 'was were')} left alone: {', '.join(others)}.")
        for stated in self.tables:
            named = [table for table in raw if table.lower() == stated.name]
            if len(named) > 1:
                raise DataError(f"{name} has the tables {' and '.join(named)}: keep one of them.")
            for table in named:
                content.frames[stated.name] = taken(raw[table], stated.name, stated.key, f"{name}/{table}", content.notes)
        self._named(content, place, name, most)
        bare = {t: [c for c in f.columns if f[c].null_count() == f.height] for t, f in content.frames.items()}
        content.frames = {table: frame.drop(bare[table]) for table, frame in content.frames.items()}
        if count := sum(map(len, bare.values())):
            content.notes.append(f"{counted(count, 'column', 'holds hold')} no cell, and will be there when written.")
        if "person" not in content.frames:
            raise UsageError(f"{name}/person has no rows: there is nobody whom the other tables could be about.")
        content.notes += _unmapped(content.frames)
        if "concept" in content.frames:
            content.notes += commonest(content.frames)
        return content

    def _named(self, content: Content, place: str, name: str, most: Bounds) -> None:
        """Adds the rows of the vocabulary that the other tables name."""
        found = [table for table in names_of(place, name) if _is_vocabulary(table)]
        if len(found) > 1:
            raise DataError(f"{name} has the tables {' and '.join(found)}: keep one of them.")
        for table in found:
            named = named_in(content.frames)
            frame, height = concepts(place, table, name, most, named)
            if left := height - frame.height:
                content.notes.append(f"concept: {counted(left, 'row', 'is are')} named by no other table, and left alone.")
            if frame.height:
                content.frames["concept"] = taken(frame, "concept", "concept_id", f"{name}/{table}", content.notes)

    def write(self, parts: Parts, place: Path) -> Written:
        database = place.name.lower().endswith(DATABASES)
        if database:
            with DatabaseFile.new(place) as file:
                written = self._write(parts, file)
            return written
        with new_folder(place, ("*.csv",)) as folder:
            files = TableFiles(folder, ".csv")
            try:
                written = self._write(parts, files)
                files.join()
            finally:
                files.close()
        return written

    def _write(self, parts: Parts, files: TableFiles | DatabaseFile) -> Written:
        long: dict[str, int] = {}
        for part in parts:
            self.fits({table: frame.columns for table, frame in part.items()}, "a part")
            for table, frame in part.items():
                files.add(table, complete(frame, table, long))
        notes = [
            f"{place}: {counted(n, 'cell', 'is are')} longer than databases of the standard hold."
            for place, n in long.items()
        ]
        return Written(files.rows, len(files.rows), "every column held to the types and required cells of CDM v5.4", notes)


def _is_vocabulary(table: str) -> bool:
    return table.lower() == "concept"


def _unmapped(frames: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    for table, frame in frames.items():
        for column in frame.columns if table not in LOOKUPS else ():
            if not column.endswith("concept_id") or column.endswith(("type_concept_id", "source_concept_id")):
                continue
            if none := int((frame[column] == 0).sum()):
                source = column.replace("_concept_id", "_source_value")
                beside = f"; {source} says what they were" if source in frame.columns else ""
                rows = f"{none:,} of {counted(frame.height, 'row', 'is are')}"
                yield f"{table}.{column}: {rows} unmapped (0) and kept so{beside}."
