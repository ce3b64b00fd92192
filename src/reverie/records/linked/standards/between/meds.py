"""From MEDS to what it has in common with others; the way back is meds_made.py.

    MEASUREMENT//LOINC//2951-2 at 8:00, 139.5         <->   a finding
    ADMISSION//.. and DISCHARGE//.. of one visit_id   <->   a visit

What MEDS has no column for (the visit, an end, a unit, a comparator, a route) is a column besides those of the standard, as
it allows. What neither a code's first word nor its vocabulary tells is a finding.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from reverie.errors import UsageError
from reverie.records.linked.standards.between import codings
from reverie.records.linked.standards.between.common import EVENTS, Common, lookup, table, tally
from reverie.records.linked.standards.meds_files import TYPES, cast
from reverie.records.linked.standards.standard import Frames
from reverie.records.places import counted

__all__ = ["BESIDE", "MARK", "OF_VISITS", "STATICS", "common_of"]

STATICS = {"sex": ("SEX", "GENDER"), "race": ("RACE",), "ethnicity": ("ETHNICITY",), "marital_status": ("MARITAL_STATUS",)}
_SEX = {"f": "female", "female": "female", "m": "male", "male": "male", "other": "other", "unknown": "unknown"}
MARK = r"^(\w*?_?)(ADMISSION|DISCHARGE)(?://|$)"
BESIDE = ("visit_id", "end_time", "unit", "comparator", "value_code", "route")
"""Columns of events besides those of the standard."""
_STAYS = {"stay_id": pl.Int64, "subject_id": pl.Int64, "start": pl.Datetime("us"), "end": pl.Datetime("us")}
_STAYS |= {"admission": pl.String, "discharge": pl.String}
OF_VISITS = ("type", "reason", "admitted_from")
"""Columns of stays besides those of the standard."""


def common_of(frames: Frames) -> Common:
    """Subjects, stays and events, in common. Raises UsageError for subjects without their numbers."""
    left: Counter[str] = Counter()
    notes: list[str] = []
    subjects, events = frames["subjects"], frames.get("events", pl.DataFrame(schema={"subject_id": pl.Int64, **TYPES}))
    if "subject_id" not in subjects.columns:
        raise UsageError("subjects has no column subject_id, which is their key: add it.")
    events = _whole(events, TYPES, "events")
    if "end_time" in events.columns and not events.schema["end_time"].is_temporal():
        events = events.rename({"end_time": "end_time of another kind"})
    events = events.with_columns(pl.lit(None, pl.String).alias(c) for c in BESIDE if c not in events.columns)
    events = events.with_columns(pl.col(c).cast(pl.String) for c in BESIDE if c != "end_time")
    stays = _whole(frames.get("stays", pl.DataFrame(schema=_STAYS)), _STAYS, "stays")
    if "stay_id" not in events.columns:
        events = events.with_columns(stay_id=pl.lit(None, pl.Int64))
    visits, events = _visits(stays, events, left)
    found = {"people": _people(subjects, left), "visits": visits}
    if "statics" in frames:
        left["rows of statics"] += frames["statics"].height
    tally(left, "events", events, {*TYPES, *BESIDE, "stay_id", "visit"})
    codes = events["code"].drop_nulls().unique(maintain_order=True)
    kinds, tokens = [codings.kind_of(code) for code in codes], [codings.of_meds(code) for code in codes]
    events = events.with_columns(
        kind=pl.col("code").replace_strict(codes, pl.Series(kinds, dtype=pl.String), default=None, return_dtype=pl.String),
        token=pl.col("code").replace_strict(codes, pl.Series(tokens, dtype=pl.String), default=None, return_dtype=pl.String),
        word=pl.col("code").str.split("//").list.first(),
        numeric_value=pl.col("numeric_value").cast(pl.String).cast(pl.Float64),  # of 32 bits .1 is .1, and not .10000000149
    )
    if unknown := events["kind"].null_count():
        notes.append(
            f"{counted(unknown, 'event', 'is are')} taken for findings: no word and no vocabulary tells what it is."
        )
    events = events.with_columns(pl.col("kind").fill_null("findings"))
    for name in EVENTS:
        rows = events.filter(pl.col("kind") == name)
        about = {
            "id": pl.int_range(1, pl.len() + 1), "person": pl.col("subject_id"), "visit": pl.col("visit"),
            "code": pl.col("token"), "start": pl.col("time"), "end": pl.col("end_time"),
        }  # fmt: skip
        if name == "drugs":
            word = pl.col("word")
            ordered = pl.when(word == codings.ORDERED).then(True).when(word == "DRUG").then(False)
            about |= {"ordered": ordered, "dose": pl.col("numeric_value"), "unit": pl.col("unit"), "route": pl.col("route")}
        elif name == "findings":
            word = pl.col("word")
            told = pl.when(word == codings.OBSERVED).then(False).when(word.is_in(codings.MEASURES)).then(True)
            about |= {
                "measured": told.fill_null(pl.col("numeric_value").is_not_null()), "value": pl.col("numeric_value"),
                "comparator": pl.col("comparator"), "unit": pl.col("unit"), "value_code": pl.col("value_code"),
                "value_text": pl.col("text_value"),
            }  # fmt: skip
        values = rows.select("numeric_value", "text_value", "unit", "comparator", "value_code", "route")
        taken = {"drugs": {"numeric_value", "unit", "route"}, "findings": {*values.columns} - {"route"}}
        tally(left, name, values, taken.get(name, set()))
        found[name] = table(name, rows, **about)
    described = lookup(frames, "codes", "code", "description").drop_nulls()
    words = {codings.of_meds(code): text for code, text in described.iter_rows()}
    tally(left, "codes", frames.get("codes", described), {"code", "description"})
    return Common.of(found, words, left, notes)


def _whole(frame: pl.DataFrame, types: dict[str, Any], name: str) -> pl.DataFrame:
    """With all columns that a table has, in their types."""
    frame = cast(frame, types, name)
    return frame.with_columns(pl.lit(None, dtype).alias(c) for c, dtype in types.items() if c not in frame.columns)


def _people(subjects: pl.DataFrame, left: Counter[str]) -> pl.DataFrame:
    columns = {name: next((c for c in stems if c in subjects.columns), None) for name, stems in STATICS.items()}
    cells = {name: subjects[column].cast(pl.String) for name, column in columns.items() if column is not None}
    if "sex" in cells:
        sex = cells["sex"].str.to_lowercase()
        odd = int((~sex.is_in(list(_SEX))).sum())
        left[f"subjects.{columns['sex']}"] += odd
        cells["sex"] = sex.replace_strict(_SEX, default="other", return_dtype=pl.String).set(sex.is_null(), None)
    times = {name: subjects[name] for name in ("birth", "death") if name in subjects.columns}
    more = {"dead": subjects["death"].is_not_null().replace(False, None)} if "death" in times else {}
    tally(left, "subjects", subjects, {"subject_id", "birth", "death", *filter(None, columns.values())})
    return table("people", subjects, person=pl.col("subject_id"), **cells, **times, **more)


def _visits(stays: pl.DataFrame, events: pl.DataFrame, left: Counter[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(visits, events each with its visit): stays, and admissions and discharges of one visit_id that are no stay."""
    named = "visit_id" in stays.columns or events["visit_id"].null_count() < events.height
    if named and "visit_id" not in stays.columns:
        stays = stays.with_columns(visit_id=pl.lit(None, pl.String))
    own = pl.col("stay_id").cast(pl.String)
    key = pl.coalesce(pl.col("visit_id").cast(pl.String), own) if named else own
    stays = stays.with_columns(visit=key)
    more = [c for c in OF_VISITS if c in {*stays.columns, *events.columns}]
    stays = stays.with_columns(pl.lit(None, pl.String).alias(c) for c in more if c not in stays.columns)
    tally(
        left, "stays", stays, {"subject_id", "stay_id", "visit_id", "start", "end", "admission", "discharge", "visit", *more}
    )
    if named:
        spare = ~pl.col("visit_id").is_in(stays["visit"].implode()) & pl.col("code").str.contains(MARK)
        marks = events.filter(spare.fill_null(False)).with_columns(what=pl.col("code").str.extract(MARK, 2))
        if marks.height:
            begun, ended = (pl.col("what") == what for what in ("ADMISSION", "DISCHARGE"))
            loose = marks.group_by("visit_id", maintain_order=True).agg(
                pl.col("subject_id").first(), pl.col("time").filter(begun).min().alias("start"),
                pl.col("time").filter(ended).max().alias("end"), pl.col("code").filter(begun).first().alias("admission"),
                pl.col("code").filter(ended).last().alias("discharge"),
                *(pl.col(c).cast(pl.String).drop_nulls().first() for c in more if c in marks.columns),
            )  # fmt: skip
            stays = pl.concat([stays, loose.with_columns(visit="visit_id")], how="diagonal_relaxed")
            events = events.filter(~spare.fill_null(False))
    visits = table(
        "visits", stays, visit=pl.col("visit"), person=pl.col("subject_id"), start=pl.col("start"), end=pl.col("end"),
        discharged_to=_after(stays, "discharge", "DISCHARGE"), **{"class": _after(stays, "admission", "ADMISSION")},
        **{c: pl.col(c) for c in more},
    )  # fmt: skip
    return visits, events.with_columns(visit=pl.col("visit_id") if named else pl.col("stay_id").cast(pl.String))


def _after(stays: pl.DataFrame, column: str, word: str) -> pl.Series:
    """What follows the first word of a code, where that is ours; else the code."""
    cells = stays[column].cast(pl.String)
    rest = cells.str.strip_prefix(f"{word}//")
    return rest.set((rest == word).fill_null(False), None)
