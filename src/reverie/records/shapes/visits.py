"""Visits given by name: the names become times, and times are written back as the very names.

    Screening, Baseline, Week 4, Week 8  <->  -1, 0, 4, 8

A time that is made lies between names: row i of a patient takes the nearest name that is later than that of the row before,

    k_i = i + min(max_{j <= i} (nearest_j - j), K - rows),    K names,

so a patient has no name twice, and names that were given come back as they were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Self

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from reverie.errors import DataError, Undecided, UsageError
from reverie.records.column_names import words
from reverie.records.nulls import NULL_VALUES
from reverie.records.places import few
from reverie.records.roles import may_be_times, patients, varies
from reverie.records.shapes.shape import VARIANT, Asked, Shape
from reverie.records.visit_names import order_of, visit_like

__all__ = ["Visit", "Visits"]

MOST = 100
"""Names of visits in a table, at most."""

USUAL = "usual"
"""What stands for the commonest name of a visit in the column of variants, which is text."""

_NAMED = {"visit", "visitname", "avisit", "timepoint", "tpt", "event", "epoch", "phase", "wave", "session"}


class Visit(BaseModel):
    """A name, where it stands, and which of several names of that visit it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    time: float
    variant: str = ""


class Visits(Shape):
    """Names of visits in a column of text, in order of time.

    Attributes:
        time, patient: the columns.
        unit: of the times, "" where they only count visits.
        visits: all names.
        said: how their order was found, in words.
    """

    shape: Literal["visits"] = "visits"
    time: str
    patient: str
    unit: str = ""
    visits: tuple[Visit, ...]
    said: str = ""

    @classmethod
    def recognise(cls, frame: pl.DataFrame, name: str, asked: Asked) -> Self | None:
        patient = asked.patient or next(iter(patients(frame)), None)
        if patient not in frame.columns:
            return None
        if asked.time is None:
            if any(frame.schema[c] != pl.String and varies(frame, patient, c) for c in may_be_times(frame)):
                return None
            columns = [c for c in frame.columns if c != patient and _names_visits(frame, patient, c)]
            if len(columns) > 1:
                could = " or ".join(map(repr, columns))
                raise Undecided(f"{name}: the time could be {could}", "say which with `time`.", "time", columns)
        else:
            columns = [c for c in (asked.time,) if frame.schema.get(c) == pl.String and frame[c].n_unique() <= MOST]
        if not columns:
            return None
        named = frame.filter(~pl.col(columns[0]).is_in(NULL_VALUES))
        order = order_of(named, patient, columns[0])
        some = ", ".join(named[columns[0]].drop_nulls().unique(maintain_order=True)[:4])
        if order is None or not (order.sure or asked.time):
            why = "do not stand in one order in the rows of all patients" if order is None else "may stand in any order"
            also = "" if order is None else f"say `time={columns[0]}` to take them as their rows come, or "
            raise Undecided(
                f"{name}: the names of visits in {columns[0]!r} ({some}, ...) {why}",
                f"{also}name a time with `time`.",
                "time",
                (*([] if order is None else columns[:1]), *(c for c in frame.columns if c not in (patient, columns[0]))),
            )
        visits = [Visit(name=n, time=t, variant=order.variants[n]) for n, t in order.times.items()]
        ordered = tuple(sorted(visits, key=lambda visit: (visit.time, visit.variant)))
        return cls(time=columns[0], patient=patient, unit=order.unit, visits=ordered, said=order.said)

    def done(self, frame: pl.DataFrame) -> bool:
        return self.time in frame.columns and frame.schema[self.time].is_numeric()

    def apply(self, frame: pl.DataFrame, name: str) -> pl.DataFrame:
        if self.time not in frame.columns:
            raise DataError(f"{name} has no column {self.time!r}, which names the visits: add it.")
        cells = frame[self.time].cast(pl.String).str.strip_chars()
        by_name = {visit.name: visit for visit in self.visits}
        cells = cells.set(cells.is_in(["", *(word for word in NULL_VALUES if word not in by_name)]), None)
        if (bad := (~cells.is_in(list(by_name))).fill_null(False)).any():
            row = int(bad.arg_true()[0])
            raise DataError(
                f"{name}, data row {row + 1}, column {self.time!r}: {cells[row]!r} is none of the visits known "
                f"({', '.join(list(by_name)[:8])}): correct it, or remove the row."
            )
        times = cells.replace_strict(list(by_name), [v.time for v in by_name.values()], return_dtype=pl.Float64)
        times = times.cast(pl.Int64) if all(v.time == round(v.time) for v in by_name.values()) else times
        frame = frame.with_columns(times.alias(self.time))
        if len(self._variants) == 1:
            return frame
        variants = cells.replace_strict(
            list(by_name), [v.variant or USUAL for v in by_name.values()], return_dtype=pl.String
        )
        return frame.with_columns(variants.alias(VARIANT))

    def undo(self, frame: pl.DataFrame) -> pl.DataFrame:
        times = np.array(sorted({visit.time for visit in self.visits}))
        middles = (times[1:] + times[:-1]) / 2
        nearest = np.searchsorted(middles, frame[self.time].cast(pl.Float64).fill_null(0.0).to_numpy(), side="left")
        place = pl.col("time").rank("dense").over("patient").cast(pl.Int64) - 1
        rows = pl.DataFrame({"patient": frame[self.patient], "time": frame[self.time], "nearest": nearest.astype(np.int64)})
        rows = rows.with_columns(place.alias("place"))
        lead = (pl.col("nearest") - pl.col("place")).cum_max().over("patient", order_by="time")
        room = len(times) - 1 - pl.col("place").max().over("patient")
        chosen = (pl.col("place") + pl.min_horizontal(lead, room)).clip(0, len(times) - 1)
        k = rows.select(chosen)["place"].to_numpy()
        variants = frame[VARIANT].to_list() if VARIANT in frame.columns else [None] * len(frame)
        names = {(visit.time, visit.variant or USUAL): visit.name for visit in reversed(self.visits)}
        usual = {visit.time: visit.name for visit in reversed(self.visits)}
        chosen_times = times[k].tolist()
        texts = [
            names.get((time, variant or USUAL), usual[time]) for time, variant in zip(chosen_times, variants, strict=True)
        ]
        return frame.with_columns(pl.Series(self.time, texts, dtype=pl.String)).drop(VARIANT, strict=False)

    def asked(self, asked: Asked) -> Asked:
        return replace(asked, time=self.time)

    def check_forecast(self, frame: pl.DataFrame, visits: int, name: str) -> None:
        times = sorted({visit.time for visit in self.visits})
        last = frame.group_by(self.patient, maintain_order=True).agg(pl.col(self.time).max())
        after = np.array([len(times) - np.searchsorted(times, t, side="right") for t in last[self.time]])
        if (short := np.flatnonzero(after < visits)).size:
            row = last.row(int(short[0]), named=True)
            label = next(visit.name for visit in self.visits if visit.time == row[self.time])
            end = max(self.visits, key=lambda visit: visit.time).name
            raise UsageError(
                f"{name}: patient {str(row[self.patient])!r} was last seen at {label!r}, and the table has no "
                f"{visits if visits > 1 else ''} visit{'s'[: visits > 1]} between that and its last, {end!r}: ask for fewer "
                "visits, or leave out the patients who have all."
            )

    @property
    def _variants(self) -> set[str]:
        return {visit.variant for visit in self.visits}

    @property
    def whys(self) -> dict[str, str]:
        return {self.time: f"names of visits, {self.said}"}

    @property
    def note(self) -> str:
        names = list(dict.fromkeys(f"{v.name} ({v.time:g})" for v in self.visits))
        return f"The visits in {self.time} were put {self.said}: {few(names, 8)}."


def _names_visits(frame: pl.DataFrame, patient: str, column: str) -> bool:
    """Whether a column of text names visits: by its own name or by theirs, and few patients have one twice."""
    cells = frame[column]
    if cells.dtype != pl.String or not 2 <= cells.n_unique() <= MOST or not varies(frame, patient, column):
        return False
    share = visit_like(cells.drop_nulls().unique().to_list())
    named = bool(set(words(column)) & _NAMED) or column in may_be_times(frame)
    if share < (0.5 if named else 0.9) and not (set(words(column)) & {"visit", "visitname", "avisit", "timepoint"}):
        return False
    twice = frame.height - frame.select(pl.struct(patient, column).n_unique()).item()
    return twice <= 0.2 * frame.height
