"""Where operations of the command line run: files of this machine, named by their paths."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from reverie.cli import console
from reverie.errors import UsageError
from reverie.files import likely
from reverie.operations.context import KINDS, Folder, Kind
from reverie.operations.declare import Cap

if TYPE_CHECKING:
    from reverie.config import Source
    from reverie.modality import Modality
    from reverie.records import Table
    from reverie.records.linked import LinkedCodec, LinkedSchema, LinkedTables
    from reverie.records.linked.fitting import FittedTables
    from reverie.records.reading import Cells
    from reverie.studies import Subject

__all__ = ["Disk"]

FORMS: dict[Kind, str] = {
    "page": "a page is an HTML file",
    "network": "a network is exported as an ONNX file",
    "tables": "linked tables in one file are a .zip, or a DuckDB or SQLite file",
}


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

    on_step: Callable[[int, int], None]
    images: bool = False
    taken: set[Path] = field(default_factory=set)

    served = False

    def step(self, done: int, total: int) -> None:
        self.on_step(done, total)

    def say(self, sentence: str) -> None:
        console.note(sentence)

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        pass

    def within(self, cap: Cap, units: float) -> None:
        pass

    def picture(
        self, named: str | None, largest: int, encoded: str | None = None, field: str = "image_base64", **reading: Any
    ) -> Subject:
        from reverie.studies import subject

        assert named is not None
        return subject(named, largest=largest, **reading)

    def table(self, name: str, schema: Any = None, /, **options: Any) -> Table:
        from reverie.sources import open_table

        return open_table(name, {"schema": schema, **options}, self.say).table

    def source(self, name: str, options: dict[str, Any]) -> str:
        return name

    def cells(self, name: str) -> Cells:
        from reverie.records.reading import read_source

        return read_source(name)

    def model(self, name: str) -> Any:
        import reverie

        return reverie.load(Path(name))

    def run(self, name: str) -> Path:
        return Path(name)

    def linked(self, name: str, schema: LinkedSchema | None = None) -> LinkedTables:
        from reverie.records.linked import is_linked, read_linked
        from reverie.records.reading import parquet_in, tables_below, tables_in

        if not is_linked(name):
            if not Path(name).exists():
                meant = likely(Path(name))
                hint = f"did you mean {meant}?" if meant else "give a folder of tables, or a DuckDB or SQLite file."
                raise UsageError(f"there is no folder and no file {name}: {hint}")
            if Path(name).is_dir() and not tables_in(Path(name)) and not parquet_in(Path(name)):
                what = tables_below(Path(name))
                what = f"; {what}" if what else ": give one of .csv or .parquet files."
                raise UsageError(f"{name} is a folder without tables{what}")
            raise UsageError(f"{name} is one table: see what it is with reverie data describe {name}.")
        return read_linked(name, schema)

    @contextmanager
    def fitted(self, name: str, codec: LinkedCodec) -> Iterator[FittedTables]:
        from reverie.records.linked.fitting import fit_tables
        from reverie.records.linked.opening import opened

        with opened(name) as place:
            yield fit_tables(codec, place, None if place is name else Path(name).name)

    def data(self, name: str, modality: Modality, schema: LinkedSchema | None = None) -> str:
        return name

    def again(self, noted: Source, option: str, schema: LinkedSchema | None = None) -> Any:
        from reverie.reports.evidence import again

        return again(noted, option)

    @contextmanager
    def together(self, device: str, wanted: int | None = None) -> Iterator[bool]:
        from reverie.training import processes

        place = processes.Place.of(os.environ)
        if place is None or place.world == 1:
            yield True
            return
        if wanted is not None:
            raise UsageError(f"torchrun has started {place.world} processes already: leave --processes out.")
        with processes.joined(place, device):
            yield place.rank == 0
        if place.rank:
            raise typer.Exit  # the first process says what there is to say

    def folder(self, name: str, overwrite: bool, resume: bool | None = None, files: tuple[str, ...] = ()) -> Folder:
        path = Path(name)
        _check_place(path.parent if path.is_file() else path)
        for file in files:
            console.fresh(path / file, overwrite)
        if not (files or overwrite or resume) and path.exists() and (not path.is_dir() or any(path.iterdir())):
            resumed = "resume it, start again with --force, or choose another name"
            ways = "choose another name, or allow to overwrite it with --force" if resume is None else resumed
            raise UsageError(f"{path} exists already: {ways}.")
        return Folder(path, bool(resume), overwrite)

    def output(self, name: str | None, kind: Kind, overwrite: bool, usual: str) -> Written:
        path = Path(usual if name is None else name)
        if name is None:
            return Written(path, kind)
        if kind == "figure" and path.suffix.lower() not in KINDS[kind]:
            raise UsageError(
                f"figures are written as PNG: name the output {path.with_suffix('.png').name}, not {path.name}."
            )
        if kind in FORMS and path.suffix.lower() not in KINDS[kind]:
            right = path.with_suffix(KINDS[kind][0]).name
            raise UsageError(f"{FORMS[kind]}: name the output {right}, not {path.name}.")
        if kind == "table":
            from reverie.records.output import check_table_output

            check_table_output(path)
        elif kind == "pictures":
            from reverie.images import check_output

            check_output(path)
        if path in self.taken:
            raise UsageError(f"two outputs have the name {path}: give each its own.")
        self.taken.add(path)
        _check_place(path.parent)
        return Written(console.fresh(path, overwrite), kind)


def _check_place(folder: Path) -> None:
    """Raises UsageError, before anything is computed, where the system will not let files be written to a folder."""
    there = next((above for above in (folder, *folder.parents) if above.exists()), Path())
    if not there.is_dir():
        raise UsageError(f"{there} is a file: name a folder for the output, or one to put it in.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{there} may not be written to: change its permissions, or choose another place for the output.")
