"""Where linked tables go that an operation makes: a folder with a file for each of them, or that folder packed as a .zip."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie import zips
from reverie.errors import UsageError
from reverie.operations.context import Context

__all__ = ["TablesOut", "tables_out"]


@dataclass(frozen=True)
class TablesOut:
    """A folder to write the files of tables to.

    Attributes:
        done: called once they are written: what is told of each file that there is then.
    """

    path: Path
    done: Callable[[], list[dict[str, Any]]]


@contextmanager
def tables_out(
    context: Context, name: str | None, overwrite: bool, usual: str, files: Callable[[], tuple[str, ...]]
) -> Iterator[TablesOut]:
    """The folder, or of a name that ends in .zip one that is packed when it is done; without a name the .zip, called
    `usual`, stays with the job.

    `files` gives the names of all files that are written. Raises, before any work, where something is there that must stay.
    """
    if name is not None and not name.lower().endswith(zips.SUFFIX):
        if Path(name).suffix:
            raise UsageError(
                "linked tables are written to a folder, a file for each, or packed as a .zip: name `out` with no suffix, or "
                "with that."
            )
        folder = context.folder(name.rstrip("/"), overwrite, files=files() if context.served else ())
        yield TablesOut(folder.path, lambda: folder.done() or [{"name": name}])
        return
    output = context.output(name, "tables", overwrite, usual)
    output.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.path.parent, prefix=f".{output.path.name}.") as beside:
        folder = Path(beside) / "tables"

        def done() -> list[dict[str, Any]]:
            zips.pack(folder, output.path)
            return [output.done()]

        yield TablesOut(folder, done)
