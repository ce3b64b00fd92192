"""A table completed: its holes filled or visits added, checked against what was given, and brought to a file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_
from pathlib import Path
from typing import Any

import polars as pl

from reverie.errors import UsageError
from reverie.export.sampled import OnStep
from reverie.modality import LINKED, RECORDS
from reverie.models import PatientModel, PictureModel
from reverie.models.blocks import completed
from reverie.records import Table, given
from reverie.records.emptiness import said
from reverie.records.fitting import Fitted, fit, to_fill
from reverie.records.nulls import emptied
from reverie.records.output import write_table
from reverie.records.places import hidden
from reverie.records.rules.rules import Rules, on_given
from reverie.shards import Engine

__all__ = ["DRAW", "Completed", "check_columns", "check_completing", "complete"]

DRAW = "draw"
"""The first column of several draws written one under the other: 1, 2, ..."""

SELDOM = 0.5
"""From this share of empty cells on, that one is empty may well say something."""


@dataclass(frozen=True, eq=False)
class Completed:
    """A table completed a number of times.

    Attributes:
        fitted: the table as it came, and as the model reads it.
        frames: what was drawn, each the rows of the table that the model reads, with those added.
        columns: whose empty cells are filled; none where visits are added.
        added: visits added to each patient; 0 where holes were filled.
        seed, seconds: of the drawing.
    """

    fitted: Fitted
    frames: Sequence[pl.DataFrame]
    columns: tuple[str, ...]
    added: int
    seed: int
    seconds: float

    @property
    def table(self) -> Table:
        """What the model reads."""
        return self.fitted.table

    def made(self, typed: bool = False) -> Iterator[pl.DataFrame]:
        """The table of each draw, in the modelled form, as it came but for what was drawn; `typed` see Fitted.filled."""
        for frame in self.frames:
            if self.added:
                yield self.fitted.continued(frame, self.added, typed)
            else:
                yield self.fitted.filled(frame, self.columns, typed)

    @cached_property
    def holes(self) -> dict[str, dict[str, int]]:
        """Of each column with empty cells, their number and how many of them are filled; none of a forecast."""
        if self.added:
            return {}
        holes = {}
        for cells in (cells for cells in next(self.made()).iter_columns() if not hidden(cells.name)):
            was = self.fitted.given.get(cells.name)
            empty = len(cells) if was is None else int((~was).sum())
            here = cells if was is None else cells.filter(~was)
            if empty:
                nulls = self.table.schema.nulls(cells.name) if cells.name in self.table.schema.names else ()
                holes[cells.name] = {"empty": empty, "filled": int(emptied(here, nulls).count())}
        return holes

    @cached_property
    def _compared(self) -> dict[str, tuple[pl.Series, list[pl.Series]]]:
        """By column the texts of the cells that the source gives, null where it gives none, and those that each draw has."""
        source, draws = given.texts(self.fitted.cells), []
        for frame in self.made():
            texts = given.texts(frame)
            draws.append(texts.filter(~self.fitted.new(self.added)) if self.added else texts)
        return {
            name: (source[name].set(~here, None), [d[name] for d in draws])
            for name, here in self.fitted.given.items()
            if not hidden(name)
        }

    @property
    def unchanged(self) -> tuple[int, int]:
        """How many of the given values stand in every draw in the text that they were given in, and how many there are."""
        stands = count = 0
        for was, draws in self._compared.values():
            alike = [(was == now).fill_null(False) for now in draws]
            stands, count = stands + int(reduce(and_, alike).sum()), count + was.count()
        return stands, count

    @property
    def notes(self) -> tuple[str, ...]:
        """How the table was read, and what stays empty because that says something."""
        notes = list(self.fitted.notes)
        if not self.added and (more := self.rows - self.fitted.source.height):
            notes.append(f"{more:,} rows were added, of what had not been measured at a visit.")
        notes += self._on_rules()
        for name, count in self.holes.items():
            column, left = self.table.schema[name], count["empty"] - count["filled"]
            cells = f"{left:,} cell{' stays' if left == 1 else 's stay'} empty"
            if left and column.asked_if and name in self.columns:
                notes.append(f"In {name}, {cells}: it is filled only where {said(column)}.")
            elif left and column.modelled and not column.fill and name not in self.columns:
                notes.append(f"In {name}, {cells}, for that says something there: `columns={name}` fills it all the same.")
            learned = self.fitted.schema[name].missing if column.modelled else 0
            if learned >= SELDOM and name in self.columns and count["filled"]:
                notes.append(
                    f"In {name}, {count['filled']:,} cells were filled, and {learned:.0%} of those learned from are empty: "
                    "if that means that there was nothing, leave it out of `columns`, or say fill: false in the schema."
                )
        return tuple(notes)

    def _on_rules(self) -> list[str]:
        """Rules that the given values break, and those that nothing drawn beside them could keep."""
        rules = Rules.of(self.fitted.schema)
        given_rows = {} if self.added else rules.counted(self.table.frame)
        made = {rule.text: 0 for rule in rules} | rules.counted(self.frames[0])
        told = ((text, given_rows.get(text, 0), rows) for text, rows in made.items())
        return [note for text, as_given, rows in told for note in on_given(text, as_given, rows - as_given)]

    def write(self, out: Path) -> None:
        """The table to a file; of several draws, one under the other with the number of the draw before."""
        frames = self.made(typed=out.name.lower().endswith(".parquet"))
        back = (self.fitted.in_source_form(frame, self.added) for frame in frames)
        write_table(out, back if len(self.frames) == 1 else _numbered(back))

    @cached_property
    def rows(self) -> int:
        """Of each draw, in the form of the source."""
        return self.fitted.in_source_form(next(self.made()), self.added).height

    def summary(self, out: Path) -> dict[str, Any]:
        """What was done, in numbers."""
        same, of = self.unchanged
        return {
            "out": str(out),
            "patients": len(self.table),
            "rows": self.rows,
            **({"visits_added": self.added * len(self.table)} if self.added else {}),
            "draws": len(self.frames),
            "given_values": {"unchanged": same, "of": of},
            "seed": self.seed,
            "seconds": round(self.seconds, 2),
        }


def _numbered(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    for number, frame in enumerate(frames, 1):
        yield frame.select(pl.lit(number, pl.Int64).alias(DRAW), pl.all())


def complete(
    model: PictureModel | PatientModel,
    source: Any,
    draws: int = 1,
    forecast: int | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    *,
    columns: Sequence[str] | None = None,
    run: str = "the run",
    name: str | None = None,
    engine: Engine | None = None,
    scratch: Path | None = None,
) -> Completed:
    """Fills the holes of a table, or adds `forecast` visits for each patient, `draws` times.

    Args:
        source: a file or a frame like the table trained on, or what fit() made of it.
        settings: guidance, sampler, steps, spacing, see PatientModel.impute.
        columns: those to fill; all that the model has learned if left out.
        run, name: what errors call the model and the table.
        engine, scratch: of reverie.shards, instead of threads, and a folder that its workers see, which is taken away.

    Raises UsageError and DataError for what the model cannot complete, see PatientModel.impute.
    """
    model = check_completing(model, draws, run)
    check_columns(columns, forecast)
    names = to_fill(model.codec.schema, columns)
    fitted = source if isinstance(source, Fitted) else fit(source, model.codec.schema, name)
    _check_draws(draws, fitted.cells.columns)
    options = dict(settings or {})
    began = time.monotonic()
    if engine is not None:
        assert scratch is not None, "an engine needs a folder that its workers see"
        frames = completed(model, fitted.table, forecast, draws, seed, engine, scratch, on_step, **options)
    elif forecast is None:
        frames = model.filled(fitted.table, draws, seed, on_step=on_step, **options)
    else:
        frames = model.continued(fitted.table, forecast, draws, seed, on_step=on_step, **options)
    return Completed(fitted, frames, names if forecast is None else (), forecast or 0, seed, time.monotonic() - began)


def check_completing(model: PictureModel | PatientModel, draws: int, run: str) -> PatientModel:
    """The model, if it can complete a table so often. Raises UsageError otherwise; for use before the table is read."""
    why = "" if model.modality is LINKED else ", which have no holes to fill"
    model.modality.check_model(run, RECORDS, why)
    assert isinstance(model, PatientModel)
    _check_draws(draws, model.codec.schema.names)
    return model


def check_columns(columns: Sequence[str] | None, forecast: int | str | None) -> None:
    """Raises UsageError for columns to be filled where rows are to be added."""
    if forecast is not None and columns is not None:
        raise UsageError("`columns` is of filling holes, and rows are added whole: leave out one of the two.")


def _check_draws(draws: int, columns: Sequence[str]) -> None:
    if draws > 1 and DRAW in columns:
        raise UsageError(
            f"the table has a column {DRAW!r} of its own, where the number of the draw would go: ask for one draw."
        )
