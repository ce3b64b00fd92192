"""What a report rests on: the real patients as training split them, the synthetic ones, and the model.

    run -> config -> source, read again, its fingerprint compared -> train, holdout (never seen)
    run -> model  -> as many synthetic patients as train has (MADE at most), unless a table of them is given

What was trained on in parts is reported on in parts, see evaluation/passes.py.

A report never scores on what the model saw without saying so: where nothing was held out, the patients set aside for early
stopping stand in and a sentence says what that means; where there are none either, what needs them is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from reverie.config import RunConfig, Source
from reverie.errors import DataError, UsageError
from reverie.evaluation.measure import Split
from reverie.evaluation.passes import Streamed
from reverie.evaluation.sample import PATIENTS, Parts
from reverie.evaluation.tables import Model, Tables
from reverie.models import PatientModel
from reverie.records.places import ROW
from reverie.records.reading import BUNDLED, Query, asks_a_server, in_object_storage, read_source
from reverie.records.schema import Schema
from reverie.records.table import Table, read_table
from reverie.reports.given import Given
from reverie.sources import TableSource
from reverie.sources.patients import PatientSource
from reverie.sources.streamed import Patients, StreamedSource

__all__ = ["Evidence", "Find", "again", "patients_evidence", "real_of", "schema_of", "the_same"]

ASIDE = (
    "No patients were held out. Those set aside for early stopping stand in for them: the model never learned from them, "
    "but they chose when training stopped, so scores beside them flatter a little."
)
NONE = (
    "No patients were held out and none set aside, so there is nothing to compare with: train anew with --holdout, or give "
    "other real patients with --holdout FILE."
)

MADE = PATIENTS
"""Patients that are made for a report, at most: of more no more would be compared or attacked."""

OnStep = Callable[[int, int], None]
Subject = TypeVar("Subject", bound=PatientSource)
Find = Callable[[Source, str], Any]
"""From what training noted of its data, and the option that says where that is now, to the data."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that is needed to report on synthetic patients.

    Attributes:
        name: of the source.
        split: the real patients, in memory or in parts.
        synthetic: their visits, in the order of the file, as a frame or in parts.
        schema: what the columns are.
        origin: where the synthetic patients are from, in words that follow their number.
        model: the model that is attacked, or None where only tables are known.
        notes: on how the source was read, and on how many patients were made.
    """

    name: str
    split: Split | Streamed
    synthetic: pl.DataFrame | Parts
    schema: Schema
    origin: str
    model: PatientModel | None = None
    notes: tuple[str, ...] = ()

    def tables(self, seed: int) -> Tables:
        """What the parts of the report look at."""
        model = self.model and Model(self.model.losses, self.model.codec, self.model.process)
        return Tables.read(self.split, self.synthetic, self.schema, seed, model)


def patients_evidence(
    model: PatientModel,
    synthetic: Any,
    holdout: Any,
    source: Any,
    seed: int,
    on_step: OnStep | None,
    cache: str | Path | None = None,
    find: Find | None = None,
) -> Evidence:
    """The evidence on a model of patients; synthetic patients are sampled unless they are given.

    Args:
        cache: where the rows of tables that are read in parts are kept.
        find: how what training noted is found; `again` if left out.

    Raises UsageError if the source has to be named, DataError if it is not what the run was trained on.
    """
    config, schema = model.config, model.codec.schema
    kind = partial(StreamedSource.read, cache=cache) if config.source.stream else TableSource.read
    subject, train, held, seen = real_of(config, kind, schema, holdout, source, find)
    notes = list(subject.notes)
    if synthetic is None:
        count = min(len(train), MADE)
        visits = schema.typed(schema.shaped(model.sample(count, seed=seed, on_step=on_step), "the synthetic patients"))
        origin = f"sampled for this report with seed {seed} and the model's usual sampler"
        if count < len(train):
            notes.append(
                f"{count:,} patients were made for this report, and not as many as the {len(train):,} trained on: to count "
                "over more, sample them to a folder, and name it with --synthetic."
            )
    else:
        given = Given.of(synthetic, schema, cache)
        visits, origin = given, f"of {given.name}{given.made_by(model)}"
        notes += given.notes
    return Evidence(config.source.name, _halves(train, held, seen), visits, schema, origin, model, tuple(notes))


def real_of(
    config: RunConfig, read: Callable[..., Subject], schema: Any, holdout: Any, source: Any, find: Find | None
) -> tuple[Subject, Any, Any, str]:
    """The patients that a run was trained on, read again, those trained on and held out, and what of the latter was seen.

    Args:
        read: PatientSource.read of their kind.
        holdout, source, find: see patients_evidence, also for what is raised.
    """
    find = find or again
    apart = holdout if holdout is not None else find(config.holdout, "--holdout") if config.holdout else None
    subject = read(source if source is not None else find(config.source, "--source"), schema, holdout=apart)
    the_same(config.source, subject.about)
    if config.holdout and holdout is None and subject.about_holdout:
        the_same(config.holdout, subject.about_holdout, "holdout")
    train, aside, held = subject.split(config)
    if holdout is not None:
        held = subject.apart
    if held is not None:
        return subject, train, held, ""
    return subject, train, aside, NONE if aside is None else ASIDE


def _halves(train: Any, held: Any, seen: str) -> Split | Streamed:
    """The real patients, as tables or in parts."""
    if isinstance(train, Patients):
        return Streamed(InParts(train, held), held is not None and len(held) > 0, seen)
    return Split(train.frame, train.frame.clear() if held is None else held.frame, seen)


@dataclass(frozen=True, eq=False)
class InParts:
    """Patients trained on and held out of a table beyond memory, part by part."""

    train: Patients
    held: Patients | None

    def __iter__(self) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
        table, held = self.train.table, self.held
        apart = held is not None and held.table is not table
        train = self.train.chosen
        holdout = np.zeros(len(table), dtype=bool) if held is None or apart else held.chosen
        for numbers, part in table.parts(train | holdout):
            frame = _numbered(part)
            yield tuple(frame.filter(np.repeat(of[numbers], part.lengths)) for of in (train, holdout))  # pyright: ignore
        if held is not None and apart:
            for part in held.parts():
                frame = _numbered(part)
                yield frame.clear(), frame


def _numbered(part: Table) -> pl.DataFrame:
    """With the data row of the source that each row is, by which patients have their order."""
    return part.frame.with_columns(pl.Series(ROW, part.rows, dtype=pl.Int64))


def schema_of(train: Any, holdout: Any) -> Schema:
    """What the columns of two real tables are: a level that is rare in one of them is a level all the same."""
    one, two = (read_source(source) for source in (train, holdout))
    first, second, name, other = one.frame, two.frame, one.name, two.name
    if lost := next((c for c in first.columns if c not in second.columns), None):
        raise DataError(f"{other} has no column {lost!r}, which {name} has: a report needs tables of the same columns.")
    second = second.select(first.columns)
    if first.schema != second.schema:  # of files of two kinds: one told its types, one did not
        first, second = (cells.cast(pl.String) for cells in (first, second))
    return read_table(pl.concat([first, second]), name=f"{name} with {other}").schema


def the_same(trained: Source, read: Source, option: str = "source") -> None:
    """Raises DataError unless what was read is what the run was trained on, or held out by it."""
    if trained.fingerprint != read.fingerprint:
        called = "" if trained.name == read.name else f" {trained.name},"
        what = "the data that this run was trained on" if option == "source" else "what this run held out"
        raise DataError(
            f"{read.name} is not{called} {what} (it reads as {read.fingerprint[:12]}, the run was given "
            f"{trained.fingerprint[:12]}): name the right file with `{option}`."
        )


def again(source: Source, option: str) -> str | Query:
    """What to read a source from: its place when it was trained on, or its name. Raises UsageError if nothing is there."""
    for place in (source.path, source.name):
        if place and source.query and (asks_a_server(place) or Path(place).exists()):
            return Query(place, source.query)
        if place and (place in (*BUNDLED, "digits") or in_object_storage(place) or Path(place).exists()):
            return place
    raise UsageError(f"{source.name}, which this run was trained with, is not here: say where it is with {option} FILE.")
