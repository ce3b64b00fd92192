"""Where operations of the service run: in a job, on the files of a workspace, within the limits of the settings."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reverie.errors import DamagedError, DataError, UsageError
from reverie.modality import IMAGE_FILES, PICTURES
from reverie.operations.context import KINDS, Folder, Kind
from reverie.operations.declare import Cap
from reverie.operations.fields import Schedule
from reverie.operations.training_run import WEIGHTS, weights_of
from reverie.service import bounded, linked
from reverie.service.jobs.work import Work
from reverie.service.problems import Problem, Unreadable

if TYPE_CHECKING:
    from reverie.config import Source
    from reverie.modality import Modality
    from reverie.process import NoiseSchedule
    from reverie.records import Schema, Table
    from reverie.records.linked import LinkedCodec, LinkedSchema, LinkedTables
    from reverie.records.linked.fitting import FittedTables
    from reverie.records.reading import Cells
    from reverie.sources import DataSource
    from reverie.studies import Subject

__all__ = ["TABLES", "Served", "again", "cells", "data", "is_table", "model", "schedule", "source", "table"]

TABLES = (
    *(".csv", ".tsv", ".psv", ".txt", ".tab", ".csv.gz", ".tsv.gz", ".psv.gz", ".txt.gz", ".tab.gz", ".parquet"),
    *(".sas7bdat", ".xpt", ".sav", ".zsav", ".dta", ".xlsx", ".xlsm"),
)
"""Suffixes of the tables that are read: all that the command line reads but .xls and .ods, which cannot be bounded."""


@dataclass(frozen=True)
class Written:
    """A file of the job's own folder, which goes into the workspace if it has a name there."""

    work: Work
    path: Path
    name: str | None
    suffixes: tuple[str, ...]
    overwrite: bool

    def done(self) -> dict[str, Any]:
        size = self.path.stat().st_size
        if self.name is None:
            job = self.work.folder.parent.name
            return {"name": self.path.name, "href": f"/api/jobs/{job}/files/{self.path.name}", "bytes": size}
        writing = self.work.workspace.writing(self.name, self.suffixes, self.overwrite, self.work.folder)
        with self.path.open("rb") as source, writing as target:
            while piece := source.read(1 << 20):
                target.write(piece)
        self.path.unlink()
        return {"name": self.name, "href": f"/api/files/{quote(self.name)}", "bytes": size}


@dataclass(frozen=True)
class Served:
    """The context of a job."""

    work: Work

    images = True
    served = True

    def step(self, done: int, total: int) -> None:
        self.work.step(done, total)

    def say(self, sentence: str) -> None:
        self.work.say(sentence)

    def emit(self, kind: str, data: dict[str, Any]) -> None:
        self.work.emit(kind, data)

    def within(self, cap: Cap, units: float) -> None:
        if units > cap.most:
            raise UsageError(f"{cap.what} is {units:,.0f} here, and at most {cap.most:,} in one call: {cap.remedy}.")

    def picture(
        self, named: str | None, largest: int, encoded: str | None = None, field: str = "image_base64", **reading: Any
    ) -> Subject:
        from reverie.studies.subject import bundled_like, is_bundled, subject

        if encoded is not None:
            pixels = bounded.from_base64(encoded, self.work.settings, field, **reading)
            return subject(pixels, largest=largest, name=field, **reading)
        assert named is not None
        if is_bundled(named):
            return subject(named, largest=largest, **reading)
        suffixes = (*PICTURES, ".npy")
        if not named.lower().endswith(suffixes) and (meant := bundled_like(named)):
            raise UsageError(f"there is no picture {named}: did you mean {meant}, which is bundled?")
        with self.work.workspace.open(named, suffixes) as file:
            pixels = bounded.from_file(file, self.work.settings, named, **reading)
        return subject(pixels, largest=largest, name=named, **reading)

    def table(self, name: str, schema: Any = None, /, **options: Any) -> Table:
        return table(self.work, name, schema, **options)

    def source(self, name: str, options: dict[str, Any]) -> DataSource:
        return source(self.work, name, options)

    def cells(self, name: str) -> Cells:
        return replace(cells(self.work, name), name=name)

    def model(self, name: str) -> Any:
        return model(self.work, name)

    def run(self, name: str) -> Path:
        return self.work.workspace.folder(name, checkpoints=False)

    def linked(self, name: str, schema: LinkedSchema | None = None) -> LinkedTables:
        return linked.tables(self.work, name, schema)

    def fitted(self, name: str, codec: LinkedCodec) -> AbstractContextManager[FittedTables]:
        return linked.fitted(self.work, name, codec)

    def data(self, name: str, modality: Modality, schema: LinkedSchema | None = None) -> Any:
        return data(self.work, name, modality) if schema is None else linked.tables(self.work, name, schema)

    def again(self, noted: Source, option: str, schema: LinkedSchema | None = None) -> Any:
        return again(self.work, noted, option.removeprefix("--"), schema)

    def together(self, device: str, wanted: int | None = None) -> AbstractContextManager[bool]:
        return nullcontext(True)

    def folder(self, name: str, overwrite: bool, resume: bool | None = None, files: tuple[str, ...] = ()) -> Folder:
        if files:  # beside what else is there: each takes its name when all are written
            written = [self._file(name, file, overwrite) for file in files]
            return Folder(self.work.folder, done=lambda: [each.done() for each in written])
        return self.work.workspace.making(name, self.work.folder, overwrite, resume)

    def _file(self, folder: str, file: str, overwrite: bool) -> Written:
        name, suffix = f"{folder}/{file}", Path(file).suffix
        if self.work.workspace.has(name, (suffix,)):  # its folder is made when it is written
            self.work.workspace.target(name, (suffix,), overwrite, self.work.folder)
        return Written(self.work, self.work.folder / file, name, (suffix,), overwrite)

    def output(self, name: str | None, kind: Kind, overwrite: bool, usual: str) -> Written:
        suffixes = KINDS[kind]
        if name is not None:
            self.work.workspace.target(name, suffixes, overwrite, self.work.folder)
        suffix = next((suffix for suffix in suffixes if (name or "").lower().endswith(suffix)), suffixes[0])
        path = self.work.folder / f"{usual.partition('.')[0]}{suffix}"
        return Written(self.work, path, name, suffixes, overwrite)


def schedule(request: Schedule | None) -> NoiseSchedule:
    """The schedule, linear if none is asked for. Its warning is part of what is answered, not of the log."""
    from reverie.process import NoiseSchedule, TerminalSNRWarning

    with warnings.catch_warnings(action="ignore", category=TerminalSNRWarning):
        return NoiseSchedule.linear() if request is None else NoiseSchedule.named(**request.config)


def is_table(name: str) -> bool:
    """Whether the data of a call is a table rather than pictures: by its name alone, before anything of it is read."""
    from reverie.records.reading import BUNDLED

    return name in BUNDLED or name.lower().endswith(TABLES)


def table(work: Work, name: str, schema: Schema | None = None, /, **options: Any) -> Table:
    """The table of a call, bundled or in the workspace, read within the limits; for the options see read_table."""
    from reverie.records.reading import BUNDLED
    from reverie.records.table import read_table

    source = cells(work, name)
    with bounded.within_memory(name):
        found = read_table(source, schema, **{"name": name.rpartition("/")[2], **options})
    return found if name in BUNDLED else replace(found, path=work.workspace.path(name, TABLES, work.folder))


def source(work: Work, name: str, options: dict[str, Any]) -> DataSource:
    """The data of a call to train on, bundled or in the workspace, read within the limits.

    `options` are those given, see planning.Options. Raises UsageError for one of the other kind of source.
    """
    from reverie.images import read_images
    from reverie.sources import ImageSource, LinkedSource, TableSource

    kind = TableSource if is_table(name) else LinkedSource if linked.is_linked(work, name) else ImageSource
    kind.modality.check_options(name, options)
    how = dict(options)
    if kind is LinkedSource:
        return LinkedSource(linked.tables(work, name, how.pop("schema", None)))
    if kind is TableSource:
        return TableSource(table(work, name, how.pop("schema", None), **how))
    if "conditions" in how:
        told = cells(work, how["conditions"])
        how["conditions"] = replace(told, path=work.workspace.path(how["conditions"], TABLES, work.folder))
    options = how
    if name == "digits":
        pictures = read_images(name, **options)
    elif name.lower().endswith(IMAGE_FILES):
        with work.workspace.held(name, IMAGE_FILES) as path:
            pictures = replace(read_images(path, **options), path=work.workspace.path(name, IMAGE_FILES, work.folder))
    else:
        pictures = read_images(work.workspace.folder(name), **options)
        pictures = replace(pictures, path=work.workspace.path(name, (), work.folder))
    size, channels, column = (options.get(option) for option in ("size", "channels", "file_column"))
    return ImageSource(replace(pictures, name=name), size, channels, file_column=column)


def data(work: Work, name: str, modality: Modality, **options: Any) -> Any:
    """A table of visits, or pictures, as a report takes them, read within the limits."""
    from reverie.modality import RECORDS

    if modality is RECORDS:
        return cells(work, name)
    if is_table(name):
        raise UsageError(f"{name} is a table of visits, and this run makes pictures: give pictures.")
    return source(work, name, options).pictures  # pyright: ignore[reportAttributeAccessIssue]  (no table)


def again(work: Work, noted: Source, field: str, schema: LinkedSchema | None = None) -> Any:
    """What training read, found in the workspace by what it noted; `field` of the request says where it is otherwise.

    `schema` says how linked tables were tied.
    """
    from reverie.modality import IMAGES, RECORDS

    if noted.query or noted.stream:
        raise UsageError(
            f"{noted.name} was read in parts, or asked for with a query, which this service does not do: make this report "
            "with the command reverie report."
        )
    there = work.workspace.name_of(noted.path) if noted.path else None
    for name in dict.fromkeys(filter(None, (there, noted.name))):
        if schema is not None:
            with suppress(Problem):
                return linked.tables(work, name, schema)
            continue
        modality = RECORDS if is_table(name) else IMAGES
        brought = (
            {}
            if modality is RECORDS
            else {name: getattr(noted, name) for name in ("size", "channels", "bits", "fit", "pad")}
        )
        try:
            return data(work, name, modality, **brought)
        except Problem:
            continue
    raise UsageError(
        f"{noted.name}, which this run was trained with, is not in the workspace: upload it, and choose it as `{field}`."
    )


def cells(work: Work, name: str) -> Cells:
    """The cells of a table as they come, read within the limits."""
    from reverie.records.reading import BUNDLED, Bounds, read_source

    if name in BUNDLED:
        return read_source(name)
    limits = work.settings
    most = Bounds(limits.table_bytes, limits.table_rows, limits.table_columns, limits.table_cells, limits.table_text)
    try:
        with work.workspace.held(name, TABLES) as path, bounded.within_memory(name):
            return read_source(path, most=most)
    except DataError as error:
        raise Unreadable(str(error)) from error


def model(work: Work, name: str) -> Any:
    """The trained model of a run in the workspace. Raises DamagedError for one that is not what training writes."""
    from reverie import config
    from reverie.models import load
    from reverie.models.card import channels

    run = work.workspace.folder(name)
    if (weights := weights_of(config.read(run), channels(run, work.settings.pixels))) > WEIGHTS.most:
        raise DamagedError(
            f"{name} is no run that is loaded here: it has {weights:,} weights, and at most {WEIGHTS.most:,} are allowed."
        )
    return load(run)
