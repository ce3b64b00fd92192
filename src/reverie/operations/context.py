"""What an operation sees of where it runs: the files of this machine, or the workspace of a service."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from reverie.modality import DATABASES

if TYPE_CHECKING:
    from reverie.config import Source
    from reverie.modality import Modality
    from reverie.operations.declare import Cap
    from reverie.records import Table
    from reverie.records.linked import LinkedCodec, LinkedSchema, LinkedTables
    from reverie.records.linked.fitting import FittedTables
    from reverie.records.reading import Cells
    from reverie.sources import DataSource
    from reverie.studies import Subject

__all__ = ["KINDS", "Context", "Folder", "Kind", "Output"]

Kind = Literal["figure", "table", "pictures", "animation", "noise", "schema", "page", "network", "tables"]

KINDS: dict[Kind, tuple[str, ...]] = {
    "figure": (".png",),
    "table": (".csv", ".csv.gz", ".parquet"),
    "pictures": (".png", ".npy", ".npz"),
    "animation": (".webp", ".gif", ".png"),
    "noise": (".npz",),
    "schema": (".yaml", ".yml"),
    "page": (".html",),
    "network": (".onnx",),
    "tables": (".zip", *DATABASES),
}
"""The suffixes that files of each kind may have; the first is the usual one."""


class Output(Protocol):
    """A file that is to be written; that nothing is lost by it has been made sure of."""

    @property
    def path(self) -> Path:
        """Where to write it."""
        ...

    def done(self) -> dict[str, Any]:
        """Called once it is written: its name, and where it is to be had."""
        ...


@dataclass(frozen=True)
class Folder:
    """A folder that is to be written; that nothing is lost by it has been made sure of.

    Attributes:
        resume, overwrite: whether to go on with what is in it, or to replace that.
        begun: to be called once what is in it is of this call, so that a later attempt goes on with it.
        done: to be called once all of its files are written, where they are named: what is told of each, if anything.
    """

    path: Path
    resume: bool = False
    overwrite: bool = False
    begun: Callable[[], None] = lambda: None
    done: Callable[[], list[dict[str, Any]]] = list


class Context(Protocol):
    """Given to an operation with its request."""

    @property
    def images(self) -> bool:
        """Whether pictures belong into the reply, as data URLs."""
        ...

    @property
    def served(self) -> bool:
        """Whether a service runs it: then names are those of the workspace."""
        ...

    def step(self, done: int, total: int) -> None:
        """Reports progress. In a service it raises where the job is to stop."""
        ...

    def say(self, sentence: str) -> None:
        """A sentence for the person who waits."""
        ...

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        """A further event, for programs that follow a job."""
        ...

    def within(self, cap: Cap, units: float) -> None:
        """Raises UsageError where a service would spend more than the cap allows."""
        ...

    def picture(
        self, named: str | None, largest: int, encoded: str | None = None, field: str = "image_base64", **reading: Any
    ) -> Subject:
        """The picture of a name or, `encoded`, inside the request; a larger one is reduced to this longer side.

        `reading` says in which channels and bits, see images.read_picture.
        """
        ...

    def table(self, name: str, schema: Any = None, /, **options: Any) -> Table:
        """A table of visits, bundled or in a file; for the options see records.read_table."""
        ...

    def source(self, name: str, options: dict[str, Any]) -> DataSource | str:
        """What is trained on, as planning.prepare takes it; a service opens it within its limits.

        `options` say how it is read.
        """
        ...

    def cells(self, name: str) -> Cells:
        """The cells of a table as they come, bundled or in a file."""
        ...

    def model(self, name: str) -> Any:
        """The trained model in a run folder."""
        ...

    def run(self, name: str) -> Path:
        """The folder of a run, or of a report; its files are not to be changed."""
        ...

    def linked(self, name: str, schema: LinkedSchema | None = None) -> LinkedTables:
        """Linked tables, tied by a schema, or as is found; see records.linked.read_linked for what is raised."""
        ...

    def fitted(self, name: str, codec: LinkedCodec) -> AbstractContextManager[FittedTables]:
        """Linked tables as a model sees them, to be completed, and their files while it lasts; see fit_tables for what is
        raised."""
        ...

    def data(self, name: str, modality: Modality, schema: LinkedSchema | None = None) -> Any:
        """A table of visits, or pictures, as a report takes them; a service reads them within its limits.

        `schema`: how they are tied, of linked tables.
        """
        ...

    def again(self, noted: Source, option: str, schema: LinkedSchema | None = None) -> Any:
        """What training read, found by what it noted; `option` is the one that says where it is now.

        `schema`: how they are tied, of linked tables.
        Raises UsageError, which names the option, where it is not found.
        """
        ...

    def together(self, device: str, wanted: int | None = None) -> AbstractContextManager[bool]:
        """With the other processes that do the same work, if there are any: whether this one speaks for all.

        Raises UsageError where there are some and as many as `wanted` are to be started besides.
        """
        ...

    def folder(self, name: str, overwrite: bool, resume: bool | None = None, files: tuple[str, ...] = ()) -> Folder:
        """A folder to write. Raises, before any work, where something is there that must stay.

        Args:
            resume: whether to go on with what is there; none where that cannot be.
            files: all that is written, where other things may be in the folder.
        """
        ...

    def output(self, name: str | None, kind: Kind, overwrite: bool, usual: str) -> Output:
        """A file to write. Raises, before any work, where it cannot have this name.

        Without a name it is called `usual`, and stays with the job; on the command line it must not be written then.
        """
        ...
