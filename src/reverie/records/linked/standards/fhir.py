"""FHIR R4: patients, encounters and what happened at them, as resources in JSON.

    Patient <- Encounter <- Condition, Observation, MedicationRequest, MedicationAdministration, Procedure

A Bundle, a folder of Bundles, or NDJSON as of a bulk export. Codes are cells "system|code", and what they stand for is a
lookup. What is no cell of a table (names, addresses, extensions, contained and other resources) is counted by its path, and
left alone. What is written is held to the models of fhir.resources (R4B, where these seven types are as in R4).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, ClassVar

from reverie.errors import UsageError
from reverie.files import writing
from reverie.records.linked.standards.fhir_files import Source, files_in, speaks_of_resources
from reverie.records.linked.standards.fhir_reading import Reader
from reverie.records.linked.standards.fhir_resources import TABLES
from reverie.records.linked.standards.fhir_writing import Check, Writer
from reverie.records.linked.standards.standard import Content, Parts, Standard, Written, new_folder
from reverie.records.linked.standards.stated import Stated
from reverie.records.reading import Bounds
from reverie.records.reading.folders import tables_in
from reverie.records.reading.queries import asks_a_server

__all__ = ["Fhir"]

_LOOKED_AT = 20
"""Files of a folder whose beginnings tell whether it is FHIR."""


class Fhir(Standard):
    """FHIR R4."""

    called: ClassVar[str] = "fhir"
    title: ClassVar[str] = "FHIR R4"
    tables: ClassVar[tuple[Stated, ...]] = TABLES

    def recognises(self, place: str) -> bool:
        path = Path(place)
        if asks_a_server(place) or (path.is_dir() and (tables_in(path) or any(path.glob("*.parquet")))):
            return False
        return any(map(speaks_of_resources, files_in(path)[:_LOOKED_AT]))

    def read(self, place: str, name: str, most: Bounds = Bounds()) -> Content:
        source = Source(files_in(Path(place)), name, most)
        reader = Reader(source)
        with _uncollected():
            for found in source.resources():
                reader.add(found)
        return reader.content(name)

    def write(self, parts: Parts, place: Path) -> Written:
        check = _checker()
        if place.suffix.lower() == ".json":
            with writing(place) as temporary, temporary.open("wb") as file:
                writer = Writer(lambda _: file, check, bundle=True)
                file.write(b'{"resourceType": "Bundle", "type": "collection"')
                writer.all(parts, self)
                file.write(b"\n]}\n" if writer.rows else b"}\n")
            files = 1
        else:
            with new_folder(place, ("*.ndjson",)) as folder, ExitStack() as opened:
                files_of: dict[str, BinaryIO] = {}

                def file_of(kind: str) -> BinaryIO:
                    if kind not in files_of:
                        files_of[kind] = opened.enter_context((folder / f"{kind}.ndjson").open("wb"))
                    return files_of[kind]

                writer = Writer(file_of, check, bundle=False)
                writer.all(parts, self)
            files = len(files_of)
        checked = (
            f"{writer.resources:,} resources held to the models of fhir.resources (R4B), {writer.checked:,} of them "
            "themselves and the others by one with the same elements and texts"
        )
        return Written(writer.rows, files, checked, list(writer.notes()))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage in circles: JSON has none, and to look through a whole Bundle again and again takes longer
    than to read it."""
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked:
            gc.enable()


def _checker() -> Check:
    """What raises ValueError for a resource that is not right. Raises UsageError where fhir.resources is not installed."""
    try:
        from fhir.resources.R4B import get_fhir_model_class
    except ImportError:
        raise UsageError("to write FHIR, install what checks it: pip install 'reverie[standards]'.") from None
    return lambda kind, resource: get_fhir_model_class(kind).model_validate(resource)
