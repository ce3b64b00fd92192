"""Linked tables of a call: a folder of the workspace, or a file that holds several: a .zip of one, a database, resources of
FHIR; read within the limits.

    the files -> private ones, the very files that were checked -> a .zip unpacked beside them -> tables by name -> how they
    are tied

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

from reverie import zips
from reverie.errors import UsageError
from reverie.modality import DATABASES, IMAGE_FILES, RESOURCES
from reverie.service import folders, names
from reverie.service.bounded import within_memory
from reverie.service.jobs.work import Work
from reverie.service.placing import give_name
from reverie.service.workspace import Workspace

if TYPE_CHECKING:
    from reverie.records.linked import LinkedCodec, LinkedTables
    from reverie.records.linked.fitting import FittedTables
    from reverie.records.reading import Bounds

__all__ = ["fitted", "is_linked", "tables"]


def is_linked(work: Work, name: str) -> bool:
    """Whether a name is that of linked tables rather than of pictures.

    Raises UsageError for tables that are not linked.
    """
    from reverie.records.linked.opening import FILES, is_packed, not_linked
    from reverie.sources import holds_tables, is_hospital

    if names.ends(name, (*DATABASES, *RESOURCES)):
        return True
    if names.ends(name, (zips.SUFFIX,)):
        with work.workspace.held(name, (zips.SUFFIX,)) as path:
            return is_packed(path)
    if name == "digits" or names.ends(name, IMAGE_FILES):
        return False
    files = [entry.name for entry in work.workspace.inside(name)]
    if not any(names.ends(file, FILES) for file in files) or any(names.ends(file, IMAGE_FILES) for file in files):
        return False
    with _folder(work.workspace, name) as place:
        if is_hospital(place):
            return True
        if not holds_tables(place):
            return False  # pictures inside Parquet
        raise not_linked(place, name)


def tables(work: Work, name: str, schema: Any = None) -> LinkedTables:
    """The linked tables of this name; `schema` says how they are tied, else that is found.

    Raises Problem 404 where there are none of this name, and what records.linked.read_linked raises.
    """
    from reverie.records.linked import LinkedSchema, read_linked

    if not isinstance(schema, LinkedSchema | None):
        raise UsageError(f"`schema_text` says what the columns of one table are, and {name} holds several: leave it out.")
    with _opened(work, name) as (place, most):
        found = read_linked(place, schema, name, most)
    most.check(name, cells=sum(frame.height * frame.width for frame in found.frames.values()))
    file = work.workspace.path(name, _suffixes(name), work.folder)
    return replace(found, path=file)


@contextmanager
def fitted(work: Work, name: str, codec: LinkedCodec) -> Iterator[FittedTables]:
    """The linked tables of this name as a model sees them; raises as `tables` does, and as fit_tables."""
    from reverie.records.linked.fitting import fit_tables

    with _opened(work, name) as (place, most):
        found = fit_tables(codec, place, name, most)
        most.check(name, cells=sum(frame.height * frame.width for frame in found.source.values()))
        yield found


@contextmanager
def _opened(work: Work, name: str) -> Iterator[tuple[Path, Bounds]]:
    """A private folder of files of tables, or a private file of several, and how much is read of it at most."""
    from reverie.records.linked.opening import SEPARATE, is_linked, not_linked, opened
    from reverie.records.reading import BUNDLED, Bounds
    from reverie.records.reading.source import no_resources

    if name in BUNDLED or (names.ends(name, SEPARATE) and work.workspace.has(name, SEPARATE)):
        raise UsageError(f"{name} is one table: give several in a folder, a .zip of one, or a database of them.")
    limits = work.settings
    most = Bounds(limits.table_bytes, limits.table_rows, limits.table_columns, limits.table_cells, limits.table_text)
    suffixes = _suffixes(name)
    private = work.workspace.held(name, suffixes) if suffixes else _folder(work.workspace, name)
    with private as path, within_memory(name):
        if suffixes == (zips.SUFFIX,):
            work.workspace.quota.check()
        with opened(path, name, most, path.parent) as place:
            if suffixes and names.ends(name, RESOURCES) and not is_linked(place):
                raise no_resources(name)
            if place.is_dir() and not is_linked(place):
                raise not_linked(place, name)
            inner = place.rglob("*") if place.is_dir() else [place]
            most.check(name, bytes=sum(file.stat().st_size for file in inner if file.is_file()))
            yield place, most


def _suffixes(name: str) -> tuple[str, ...]:
    """Of a file that holds several tables its suffix, as the workspace takes it; none for a folder."""
    return tuple(suffix for suffix in (zips.SUFFIX, *DATABASES, *RESOURCES) if names.ends(name, (suffix,)))


@contextmanager
def _folder(workspace: Workspace, name: str) -> Iterator[Path]:
    """A private folder of the very files of a folder: no swap can reach them. Raises Problem 404 where there are none."""
    from reverie.records.linked.opening import FILES

    found = [entry.name for entry in workspace.inside(name) if names.ends(entry.name, FILES)]
    if not found:
        raise folders.missing(name)
    private = workspace.state / "held" / secrets.token_hex(8)
    try:
        for inner in found:
            place = private / "tables" / inner
            place.parent.mkdir(parents=True, exist_ok=True)
            with workspace.open_inside(name, inner) as file:
                give_name(file, place.parent, place.name)
        yield private / "tables"
    finally:
        shutil.rmtree(private, ignore_errors=True)
