"""Where linked tables go that an operation makes: a folder with a file for each of them, that folder packed as a .zip, or a
database file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie import zips
from reverie.errors import UsageError
from reverie.files import folder_beside
from reverie.modality import DATABASES
from reverie.operations.context import Context

__all__ = ["TablesOut", "tables_out"]


@dataclass(frozen=True)
class TablesOut:
    """A folder to write the files of tables to, or a database file of them.

    Attributes:
        place: what they become, beside which their parts may lie.
        done: called once they are written: what is told of each file that there is then.
    """

    path: Path
    place: Path
    done: Callable[[], list[dict[str, Any]]]


@contextmanager
def tables_out(
    context: Context, name: str | None, overwrite: bool, usual: str, files: Callable[[], tuple[str, ...]]
) -> Iterator[TablesOut]:
    """The folder, or of a name that ends in .zip one that is packed when it is done, or the file that a name of a database
    says; without a name the .zip, called `usual`, stays with the job.

    `files` gives the names of all files that are written. Raises, before any work, where something is there that must stay.
    """
    if name is not None and name.lower().endswith(DATABASES):
        from reverie.records.linked.standards.databases import DatabaseFile

        DatabaseFile.check(Path(name))
        database = context.output(name, "tables", overwrite, usual)
        yield TablesOut(database.path, database.path, lambda: [database.done()])
        return
    if name is not None and not name.lower().endswith(zips.SUFFIX):
        if Path(name).suffix:
            raise UsageError(
                "linked tables are written to a folder, a file for each, packed as a .zip, or to a DuckDB or SQLite file: "
                "name `out` with no suffix, or with .zip, .duckdb or .sqlite."
            )
        folder = context.folder(name.rstrip("/"), overwrite, files=files() if context.served else ())
        yield TablesOut(folder.path, folder.path, lambda: folder.done() or [{"name": name}])
        return
    output = context.output(name, "tables", overwrite, usual)
    with folder_beside(output.path) as beside:
        folder = beside / "tables"

        def done() -> list[dict[str, Any]]:
            zips.pack(folder, output.path)
            return [output.done()]

        yield TablesOut(folder, output.path, done)
