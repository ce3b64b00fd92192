"""Linked tables of a call: a folder of the workspace, read within the limits.

    the folder -> a private one with the very files that were checked -> tables by name -> how they are tied

Files of tables come one by one (PUT /api/files/hospital/stays.csv); the folder is what their names begin with.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.errors import UsageError
from reverie.modality import IMAGE_FILES
from reverie.service import folders, names
from reverie.service.bounded import within_memory
from reverie.service.jobs.work import Work
from reverie.service.placing import give_name
from reverie.service.workspace import Workspace

if TYPE_CHECKING:
    from reverie.records.linked import LinkedTables

__all__ = ["is_folder", "tables"]

TEXTS = tuple(f".{kind}{packed}" for kind in ("csv", "tsv", "psv", "txt", "tab") for packed in ("", ".gz"))
READ = (*TEXTS, ".parquet", ".json", ".jsonl", ".ndjson")
"""Suffixes of files that tables of a folder are read from: text, Parquet, and resources of FHIR."""


def is_folder(work: Work, name: str) -> bool:
    """Whether a name is that of a folder of tables rather than of pictures.

    Raises UsageError for a folder of tables that are not linked.
    """
    files = [entry.name for entry in work.workspace.inside(name)]
    if not any(names.ends(file, READ) for file in files) or any(names.ends(file, IMAGE_FILES) for file in files):
        return False
    from reverie.sources import holds_tables, is_hospital

    with _held(work.workspace, name) as place:
        if is_hospital(place):
            return True
        if not holds_tables(place):
            return False  # pictures inside Parquet
    raise _single(name)


def tables(work: Work, name: str, schema: Any = None) -> LinkedTables:
    """The linked tables of a folder; `schema` says how they are tied, else that is found.

    Raises Problem 404 where there are none of this name, and what records.linked.read_linked raises.
    """
    from reverie.records.linked import LinkedSchema, is_linked, read_linked
    from reverie.records.reading import Bounds

    if not isinstance(schema, LinkedSchema | None):
        raise UsageError(f"`schema_text` says what the columns of one table are, and {name} holds several: leave it out.")
    limits = work.settings
    most = Bounds(limits.table_bytes, limits.table_rows, limits.table_columns, limits.table_cells, limits.table_text)
    with _held(work.workspace, name) as place, within_memory(name):
        if not is_linked(place):
            raise _single(name)
        most.check(name, bytes=sum(file.stat().st_size for file in place.rglob("*") if file.is_file()))
        found = read_linked(place, schema, name, most)
    most.check(name, cells=sum(frame.height * frame.width for frame in found.frames.values()))
    return replace(found, path=work.workspace.path(name, (), work.folder))


def _single(name: str) -> UsageError:
    return UsageError(f"{name} holds no tables with different columns: upload one table as one file, and name that.")


@contextmanager
def _held(workspace: Workspace, name: str) -> Iterator[Path]:
    """A private folder of the very files of a folder: no swap can reach them. Raises Problem 404 where there are none."""
    found = [entry.name for entry in workspace.inside(name) if names.ends(entry.name, READ)]
    if not found:
        raise folders.missing(name)
    private = workspace.state / "held" / secrets.token_hex(8)
    try:
        for inner in found:
            place = private / inner
            place.parent.mkdir(parents=True, exist_ok=True)
            with workspace.open_inside(name, inner) as file:
                give_name(file, place.parent, place.name)
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)
