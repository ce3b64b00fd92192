"""Stays of MEDS: an admission and the discharge after it, as one row.

    ADMISSION//ER at 8:00, DISCHARGE//HOME at 12:00   <->   stay 1 from 8:00 to 12:00, admission ADMISSION//ER, discharge ...

Of several pairs of words (HOSPITAL_ADMISSION, ICU_ADMISSION) the one with the most stays is taken; the others are events.
What both rows have alike besides (hadm_id) is a column of the stay. An event belongs to the last stay that began before it,
unless that has ended; at the very time of the discharge it has not.
"""

from __future__ import annotations

import polars as pl

from reverie.records.linked.standards.meds_files import TYPES

__all__ = ["find_stays", "stay_events"]

_OWN = ("stay_id", "start", "end", "admission", "discharge")
"""Columns that stays have here."""
_WORD = r"^(\w*?_?)(ADMISSION|DISCHARGE)(?://|$)"


def find_stays(events: pl.DataFrame, notes: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(stays, events without what they were made of, each with the stay_id it belongs to, if there are stays).

    Stays are numbered by subject and start. Admissions without a discharge, what has a value, and two that differ in another
    column stay events.
    """
    more = [column for column in events.columns if column not in TYPES]
    if taken := next((column for column in more if column in _OWN), None):
        notes.append(f"Stays were not looked for: the events have a column {taken} of their own.")
        return pl.DataFrame(), events
    bare = pl.col("numeric_value").is_null() & pl.col("text_value").is_null()
    events = events.with_row_index("\0n")
    marks = events.filter(bare & pl.col("code").str.contains(_WORD)).with_columns(
        which=pl.col("code").str.extract(_WORD, 1), what=pl.col("code").str.extract(_WORD, 2)
    )
    if not marks.height:
        return pl.DataFrame(), events.drop("\0n")
    order = ["which", "subject_id", "time", "\0n"]
    marks = marks.sort(order).with_columns(
        next=pl.col("what").shift(-1).over("which", "subject_id"),
        end=pl.col("time").shift(-1).over("which", "subject_id"),
        last=pl.col("code").shift(-1).over("which", "subject_id"),
        ended=pl.col("\0n").shift(-1).over("which", "subject_id"),
        alike=pl.all_horizontal(
            pl.lit(True), *(pl.col(c).eq_missing(pl.col(c).shift(-1).over("which", "subject_id")) for c in more)
        ),
    )
    pairs = marks.filter((pl.col("what") == "ADMISSION") & (pl.col("next") == "DISCHARGE") & pl.col("alike"))
    if not pairs.height:
        return pl.DataFrame(), events.drop("\0n")
    which = pairs.group_by("which").len().sort("len", "which", descending=[True, False])["which"][0]
    pairs = pairs.filter(pl.col("which") == which).sort("subject_id", "time", "\0n")
    word = str(which)
    stays = pairs.select(
        stay_id=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        subject_id="subject_id",
        start="time",
        end="end",
        admission="code",
        discharge="last",
        **{column: column for column in more if pairs[column].null_count() < pairs.height},
    )
    used = pl.concat([pairs["\0n"], pairs["ended"]])
    rest = events.filter(~pl.col("\0n").is_in(used.implode()))
    lone = marks.filter((pl.col("which") == which) & ~pl.col("\0n").is_in(used.implode())).height
    notes.append(f"stays: {word}ADMISSION and the {word}DISCHARGE after it are one ({stays.height:,}).")
    if lone:
        notes.append(f"events: {lone:,} admissions and discharges have no other half, and are no stays.")
    return stays, _within(rest, stays).drop("\0n")


def _within(events: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Events with the stay that each lies in."""
    ends = stays.select("subject_id", "stay_id", "end", time="start").sort("time", maintain_order=True)
    found = events.sort("time", maintain_order=True).join_asof(
        ends, on="time", by="subject_id", strategy="backward", check_sortedness=False
    )
    inside = pl.when(pl.col("time") <= pl.col("end")).then(pl.col("stay_id"))
    found = found.with_columns(stay_id=inside).drop("end").sort("\0n")
    first = ["\0n", "subject_id", "stay_id"]
    return found.select(*first, pl.exclude(first))


def stay_events(stays: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The admissions and the discharges of stays."""

    def of(time: str, code: str) -> pl.DataFrame:
        word = pl.col(code).fill_null(code.upper())
        more = pl.exclude("stay_id", "subject_id", "start", "end", "admission", "discharge")
        return stays.select("subject_id", pl.col(time).alias("time"), word.alias("code"), more).drop_nulls("time")

    return of("start", "admission"), of("end", "discharge")
