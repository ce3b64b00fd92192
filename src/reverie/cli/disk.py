"""Where operations of the command line run: files of this machine, named by their paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.cli import console
from reverie.errors import UsageError
from reverie.operations.context import KINDS, Kind
from reverie.operations.declare import Cap

if TYPE_CHECKING:
    from reverie.records.reading import Cells
    from reverie.studies import Subject

__all__ = ["Disk"]


@dataclass(frozen=True)
class Written:
    """A file at its own path."""

    path: Path
    kind: Kind

    def done(self) -> dict[str, Any]:
        if self.kind == "figure":
            console.note(f"figure: {self.path}")
        return {"name": str(self.path)}


@dataclass(frozen=True)
class Disk:
    """A context of the command line."""

    step: Callable[[int, int], None]
    images: bool = False
    taken: set[Path] = field(default_factory=set)

    served = False

    def say(self, sentence: str) -> None:
        console.note(sentence)

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        pass

    def within(self, cap: Cap, units: float) -> None:
        pass

    def picture(self, named: str | None, largest: int, encoded: str | None = None, field: str = "image_base64") -> Subject:
        from reverie.studies import subject

        assert named is not None
        return subject(named, largest=largest)

    def cells(self, name: str) -> Cells:
        from reverie.records.reading import read_source

        return read_source(name)

    def model(self, name: str) -> Any:
        import reverie

        return reverie.load(Path(name))

    def output(self, name: str | None, kind: Kind, overwrite: bool, usual: str) -> Written:
        path = Path(usual if name is None else name)
        if name is None:
            return Written(path, kind)
        if kind == "figure" and path.suffix.lower() not in KINDS[kind]:
            raise UsageError(
                f"figures are written as PNG: name the output {path.with_suffix('.png').name}, not {path.name}."
            )
        elif kind == "table":
            from reverie.records.output import check_table_output

            check_table_output(path)
        elif kind == "pictures":
            from reverie.images import check_output

            check_output(path)
        if path in self.taken:
            raise UsageError(f"two outputs have the name {path}: give each its own.")
        self.taken.add(path)
        return Written(console.fresh(path, overwrite), kind)
