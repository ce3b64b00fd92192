"""What a model makes, brought to where it is wanted: to a file, counted, checked against what was given.

The command line and the service both deliver by these functions; they print nothing and ask for no HTTP.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import and_
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from reverie.errors import UsageError
from reverie.images import check_animation, check_output, save_animation, save_images, side_by_side
from reverie.models import PatientModel, PictureModel
from reverie.records import Table, given, read_table
from reverie.records.complete import completed
from reverie.records.faults import ROW
from reverie.records.output import check_table_output, write_table
from reverie.records.reading import read_source
from reverie.records.shaping import numbered

__all__ = ["DRAW", "Completed", "Kept", "check_completing", "complete", "patients", "pictures"]

DRAW = "draw"
"""The first column of several draws written one under the other: 1, 2, ..."""

MOVING = 64
"""Pictures at most in an animation."""

OnStep = Callable[[int, int], None]


def patients(
    model: PatientModel,
    count: int | None,
    out: Path,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    hear: Callable[[pl.DataFrame], None] = lambda frame: None,
) -> dict[str, Any]:
    """New patients to a table at `out`, written as they are made, and a summary of what was made.

    `settings` are those of PatientModel.shards; `hear` is shown each part. Raises UsageError and DataError as that does.
    """
    check_table_output(out)
    told = dict(settings or {})
    totals: Counter[str] = Counter()
    clipped: Counter[str] = Counter()

    def frames() -> Iterator[pl.DataFrame]:
        for made in model.shards(count, seed, on_step=on_step, **told):
            totals.update(patients=made.patients, drawn=made.drawn, kept=made.kept)
            clipped.update(made.clipped)
            hear(made.frame)
            yield made.frame

    began = time.monotonic()
    rows = write_table(out, frames(), model.codec.schema.spelled)
    seconds = max(time.monotonic() - began, 1e-9)
    rejected = totals["drawn"] > totals["kept"]
    return {
        "out": str(out),
        "patients": totals["patients"],
        "rows": rows,
        "drawn": totals["drawn"] if rejected else None,
        "accepted_share": round(totals["kept"] / totals["drawn"], 4) if rejected else None,
        "clipped": {column: number for column, number in clipped.items() if number},
        **{name: told.get(name, usual) for name, usual in model.usual.items()},
        "seed": seed,
        "seconds": round(seconds, 2),
        "rows_per_second": round(rows / seconds),
    }


class Kept:
    """Hears parts of a table and keeps its first rows."""

    def __init__(self, rows: int) -> None:
        self._rows, self._parts = rows, []

    def hear(self, frame: pl.DataFrame) -> None:
        missing = self._rows - sum(map(len, self._parts))
        if missing > 0:
            self._parts.append(frame.head(missing))

    @property
    def table(self) -> dict[str, Any]:
        """{"columns": names, "rows": lists of cells}."""
        frame = pl.concat(self._parts)
        return {"columns": frame.columns, "rows": [list(row) for row in frame.iter_rows()]}


def pictures(
    model: PictureModel,
    count: int,
    out: Path,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    animate: Path | None = None,
) -> tuple[dict[str, Any], np.ndarray]:
    """New pictures to `out` in the form that its suffix names; a summary, and the pictures.

    An .npz has their classes too, where they were asked for. `settings` are those of PictureModel.sample; `animate` is
    where the making of the first of them is written, see images.save_animation. Raises UsageError as these do.
    """
    check_output(out)
    if animate is not None:
        check_animation(animate)
    told = dict(settings or {})
    labels = model.method(**told).labels(count)
    began = time.monotonic()
    pixels = model.sample(count, seed, on_step=on_step, **told)
    seconds = time.monotonic() - began
    save_images(pixels, out, None if labels is None else np.array(model.codec.classes)[labels.numpy()])
    if animate is not None:
        frames = (side_by_side(now, clean) for _, now, clean in model.walk(min(count, MOVING), seed, **told))
        save_animation(frames, animate)
    how = {name: told.get(name) or getattr(model.usual, name) for name in ("sampler", "steps")}
    how |= {name: told[name] for name in ("guidance", "rescale", "interval") if told.get(name)}
    moving = {} if animate is None else {"animation": str(animate)}
    return {"out": str(out), **moving, "count": count, **how, "seed": seed, "seconds": round(seconds, 2)}, pixels


@dataclass(frozen=True, eq=False)
class Completed:
    """A table completed a number of times.

    Attributes:
        cells: the source's, as they came, in the form of the table; and the data rows that they are from, ascending.
        table: what they were read as.
        frames: one for each draw, in the form of the table.
        added: visits added to each patient; 0 where holes were filled.
        seed, seconds: of the drawing.
        source: the cells in the form of the source; None where that is the form of the table.
    """

    cells: pl.DataFrame
    table: Table
    frames: Sequence[pl.DataFrame]
    added: int
    seed: int
    seconds: float
    source: pl.DataFrame | None = None

    @property
    def holes(self) -> dict[str, dict[str, int]]:
        """Of each column with empty cells, their number and how many of them are filled; none of a forecast."""
        if self.added:
            return {}
        given, filled = self.table.frame, self.frames[0]
        empty = {name: given[name].null_count() for name in given.columns}
        return {n: {"empty": count, "filled": count - filled[n].null_count()} for n, count in empty.items() if count}

    @cached_property
    def _given(self) -> dict[str, tuple[pl.Series, list[pl.Series]]]:
        """By column the texts of the cells that the source gives, null where it gives none, and those that each draw has."""
        assert self.table.rows is not None
        patient = np.repeat(np.arange(len(self.table)), self.table.lengths)
        place = np.arange(len(patient)) + self.added * patient  # of the given rows among those with visits added
        rows = np.searchsorted(numbered(self.cells)[ROW].to_numpy(), self.table.rows)
        source = given.texts(self.cells.select(column.name for column in self.table.schema.shown))[rows]
        schema = self.table.schema
        draws = [given.texts(schema.spelled(schema.written(frame)))[place] for frame in self.frames]
        told = {name: source[name].is_in(list(self.table.schema.nulls(name))) for name in source.columns}
        return {name: (source[name].set(told[name], None), [draw[name] for draw in draws]) for name in source.columns}

    @property
    def unchanged(self) -> tuple[int, int]:
        """How many of the given values stand in every draw as they were given, and how many values were given."""
        stands = count = 0
        for name, (was, draws) in self._given.items():
            alike = [given.same(was, now, self.table.frame.schema[name]) for now in draws]
            stands, count = stands + int(reduce(and_, alike).sum()), count + was.count()
        return stands, count

    @property
    def notes(self) -> tuple[str, ...]:
        """How the table was read, and where a given value is written otherwise than it was given."""
        notes = list(self.table.notes)
        if self.source is not None:
            notes += self.table.schema.unread(self.source)
        if self.source is not None and not self.added and (more := self.rows - self.source.height):
            notes.append(f"{more:,} rows were added, of what had not been measured at a visit.")
        for name, (was, draws) in self._given.items():
            now = draws[0]
            alike = given.same(was, now, self.table.frame.schema[name])
            for which, how in ((alike & (was != now), "spelled otherwise"), (~alike & was.is_not_null(), "changed")):
                if cells := int(which.sum()):
                    first, values = int(which.arg_true()[0]), "value is" if cells == 1 else "values are"
                    example = f"{was[first]!r} as {now[first] or ''!r}"
                    notes.append(f"In {name}, {cells:,} given {values} {how}, such as {example}.")
        return tuple(notes)

    def write(self, out: Path) -> None:
        """The table to a file, in the form of the source; of several draws, one under the other with the number of the draw
        before."""
        write_table(out, self._written() if len(self.frames) == 1 else self._numbered(), self.table.schema.spelled)

    def _written(self) -> Iterator[pl.DataFrame]:
        """Each draw in the form of the source."""
        source = self.cells if self.source is None else self.source
        return (completed(frame, self.table, source, self.added) for frame in self.frames)

    @cached_property
    def rows(self) -> int:
        """Of each draw, in the form of the source."""
        return next(self._written()).height

    def _numbered(self) -> Iterator[pl.DataFrame]:
        for number, frame in enumerate(self._written(), 1):
            yield frame.select(pl.lit(number, pl.Int64).alias(DRAW), pl.all())

    def summary(self, out: Path) -> dict[str, Any]:
        """What was done, in numbers."""
        same, given = self.unchanged
        return {
            "out": str(out),
            "patients": len(self.table),
            "rows": self.rows,
            **({"visits_added": self.added * len(self.table)} if self.added else {}),
            "draws": len(self.frames),
            "given_values": {"unchanged": same, "of": given},
            "seed": self.seed,
            "seconds": round(self.seconds, 2),
        }


def complete(
    model: PictureModel | PatientModel,
    source: Any,
    draws: int = 1,
    forecast: int | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    *,
    run: str = "the run",
    name: str | None = None,
) -> Completed:
    """Fills the holes of a table, or adds `forecast` visits for each patient, `draws` times.

    Args:
        source: a file or a frame with the columns of the table trained on.
        settings: guidance, sampler, steps, spacing, see PatientModel.impute.
        run, name: what errors call the model and the table.

    Raises UsageError and DataError, naming row and column, for what does not fit the model.
    """
    model = check_completing(model, draws, run)
    read = read_source(source, name)
    source, cells = read.frame, model.codec.schema.shaped(numbered(read.frame), read.name)
    table = read_table(replace(read, frame=cells), model.codec.schema)
    began = time.monotonic()
    frames = model.complete(table, forecast, draws, seed, on_step=on_step, **(settings or {}))
    return Completed(cells, table, frames, forecast or 0, seed, time.monotonic() - began, source)


def check_completing(model: PictureModel | PatientModel, draws: int, run: str) -> PatientModel:
    """The model, if it can complete a table so often. Raises UsageError otherwise; for use before the table is read."""
    if not isinstance(model, PatientModel):
        raise UsageError(
            f"{run} is a model of pictures, which have no holes to fill: give a run trained on a table of visits."
        )
    if draws > 1 and DRAW in model.codec.schema.names:
        raise UsageError(
            f"the table has a column {DRAW!r} of its own, where the number of the draw would go: ask for one draw."
        )
    return model
