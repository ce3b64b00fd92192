"""What a report rests on: the real patients as training split them, the synthetic ones, and the model.

    run -> config -> source, read again, its fingerprint compared -> train, holdout (never seen)
    run -> model  -> as many synthetic patients as train has, unless a table of them is given

A report never scores on what the model saw without saying so: where nothing was held out, the patients set aside for early
stopping stand in and a sentence says what that means; where there are none either, what needs them is not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from reverie.config import RunConfig, Source
from reverie.errors import DataError, UsageError
from reverie.evaluation.measure import Split
from reverie.evaluation.tables import Model, Tables
from reverie.models import PatientModel
from reverie.plain import number_of
from reverie.records.parsing import parse
from reverie.records.reading import BUNDLED, Query, asks_a_server, in_object_storage, read_source
from reverie.records.schema import Schema
from reverie.records.table import read_table
from reverie.sources import TableSource

__all__ = ["Evidence", "again", "as_given", "patients_evidence", "schema_of", "the_same"]

ASIDE = (
    "No patients were held out. Those set aside for early stopping stand in for them: the model never learned from them, "
    "but they chose when training stopped, so scores beside them flatter a little."
)
NONE = (
    "No patients were held out and none set aside, so there is nothing to compare with: train anew with --holdout, or give "
    "other real patients with --holdout FILE."
)

OnStep = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that is needed to report on synthetic patients.

    Attributes:
        name: of the source.
        split: the real patients.
        synthetic: their visits, in the order of the file.
        schema: what the columns are.
        origin: where the synthetic patients are from, in words.
        model: the model that is attacked, or None where only tables are known.
        notes: on how the source was read.
    """

    name: str
    split: Split
    synthetic: pl.DataFrame
    schema: Schema
    origin: str
    model: PatientModel | None = None
    notes: tuple[str, ...] = ()

    def tables(self, seed: int) -> Tables:
        """What the parts of the report look at."""
        model = self.model and Model(self.model.losses, self.model.codec, self.model.process)
        return Tables.read(self.split, self.synthetic, self.schema, seed, model)


def patients_evidence(
    model: PatientModel, synthetic: Any, holdout: Any, source: Any, seed: int, on_step: OnStep | None
) -> Evidence:
    """The evidence on a model of patients; synthetic patients are sampled unless they are given.

    Raises UsageError if the source has to be named, DataError if it is not what the run was trained on.
    """
    config, schema = model.config, model.codec.schema
    apart = holdout if holdout is not None else again(config.holdout, "--holdout") if config.holdout else None
    subject = TableSource.read(source if source is not None else again(config.source, "--source"), schema, holdout=apart)
    the_same(config.source, subject.about.fingerprint)
    if config.holdout and holdout is None and subject.about_holdout:
        the_same(config.holdout, subject.about_holdout.fingerprint)
    train, held, seen = _split(subject, config, holdout is not None)
    notes = list(subject.notes)
    if synthetic is None:
        count = len(train)
        visits = schema.typed(schema.shaped(model.sample(count, seed=seed, on_step=on_step), "the synthetic patients"))
        origin = f"{number_of(count, 'patient')} sampled for this report with seed {seed} and the model's usual sampler"
    else:
        visits, name = as_given(synthetic, schema)
        notes += [f"In {name}, {said}" for said in schema.unread(read_source(synthetic).frame)]
        origin = f"{number_of(visits[schema.identifier.name].n_unique(), 'patient')} of {name}"
    return Evidence(
        config.source.name,
        Split(train.frame, train.frame.clear() if held is None else held.frame, seen),
        visits,
        schema,
        origin,
        model,
        tuple(notes),
    )


def as_given(source: Any, schema: Schema) -> tuple[pl.DataFrame, str]:
    """A table of synthetic visits with its own order and faults, for they are what is judged; and its name.

    Raises DataError for a column that is lacking and for cells that are not of the schema's type.
    """
    read = read_source(source)
    cells, name = schema.shaped(read.frame, read.name), read.name
    if lost := [wanted for wanted in schema.names if wanted not in cells.columns]:
        raise DataError(f"{name} has no column {lost[0]!r}: a report needs synthetic patients with the source's columns.")
    return parse(cells.select(schema.names), name, (), schema).frame.select(schema.names), name


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


def the_same(source: Source, fingerprint: str) -> None:
    """Raises DataError unless the data is what the run was trained on."""
    if source.fingerprint != fingerprint:
        raise DataError(
            f"{source.name} is not the data that this run was trained on (it reads as {fingerprint[:12]}, the run was given "
            f"{source.fingerprint[:12]}): name the right file with --source."
        )


def again(source: Source, option: str) -> str | Query:
    """What to read a source from: its place when it was trained on, or its name. Raises UsageError if nothing is there."""
    for place in (source.path, source.name):
        if place and source.query and (asks_a_server(place) or Path(place).exists()):
            return Query(place, source.query)
        if place and (place in (*BUNDLED, "digits") or in_object_storage(place) or Path(place).exists()):
            return place
    raise UsageError(f"{source.name}, which this run was trained with, is not here: say where it is with {option} FILE.")


def _split(subject: TableSource, config: RunConfig, other: bool) -> tuple[Any, Any, str]:
    """The tables of train and holdout, and what of the latter was seen."""
    train, aside, held = subject.split(config)
    if other:
        return train, subject.holdout, ""
    if held is not None:
        return train, held, ""
    return (train, aside, ASIDE) if aside is not None else (train, None, NONE)
