"""What an operation sees of where it runs: the files of this machine, or the workspace of a service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from reverie.operations.declare import Cap
    from reverie.records.reading import Cells
    from reverie.studies import Subject

__all__ = ["KINDS", "Context", "Kind", "Output"]

Kind = Literal["figure", "table", "pictures", "animation", "noise"]

KINDS: dict[Kind, tuple[str, ...]] = {
    "figure": (".png",),
    "table": (".csv", ".csv.gz", ".parquet"),
    "pictures": (".png", ".npy", ".npz"),
    "animation": (".webp", ".gif", ".png"),
    "noise": (".npz",),
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

    def picture(self, named: str | None, largest: int, encoded: str | None = None, field: str = "image_base64") -> Subject:
        """The picture of a name or, `encoded`, inside the request; a larger one is reduced to this longer side."""
        ...

    def cells(self, name: str) -> Cells:
        """The cells of a table as they come, bundled or in a file."""
        ...

    def model(self, name: str) -> Any:
        """The trained model in a run folder."""
        ...

    def output(self, name: str | None, kind: Kind, overwrite: bool, usual: str) -> Output:
        """A file to write. Raises, before any work, where it cannot have this name.

        Without a name it is called `usual`, and stays with the job; on the command line it must not be written then.
        """
        ...
