"""What MEDS says of a subject once: birth, death, split, and events without a time that come but once."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from reverie.records.linked.standards.meds_files import BIRTH, DEATH, TYPES
from reverie.records.places import counted

__all__ = ["OWN", "subjects_of"]

OWN = ("subject_id", "birth", "death", "split")
"""Columns of subjects that are no statics."""


def subjects_of(
    events: pl.DataFrame, splits: pl.DataFrame | None, notes: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """(subjects, statics, events): what is known of a subject once, what without a time, and all else."""
    people = events["subject_id"].unique().sort()
    subjects = pl.DataFrame({"subject_id": people})
    more = [c for c in events.columns if c not in TYPES]
    bare = pl.all_horizontal(pl.col("numeric_value", "text_value", *more).is_null())
    events = events.with_row_index("\0n")
    for column, code in (("birth", BIRTH), ("death", DEATH)):
        once = events.filter((pl.col("code") == code) & pl.col("time").is_not_null() & bare)
        once = once.unique("subject_id", keep="first", maintain_order=True)
        if once.height:
            subjects = subjects.join(once.select("subject_id", pl.col("time").alias(column)), on="subject_id", how="left")
            events = events.join(once.select("\0n"), on="\0n", how="anti")
    static = events.filter(pl.col("time").is_null()).drop("\0n").unique(maintain_order=True)
    events = events.filter(pl.col("time").is_not_null()).drop("\0n")
    for column in _static_columns(static, more):
        subjects = subjects.join(column, on="subject_id", how="left")
        name = column.columns[1]
        text = column.schema[name] == pl.String
        of = pl.col("code").str.starts_with(f"{name}//") if text else pl.col("code") == name
        static = static.filter(~of)
    if splits is not None and splits.height:
        subjects = subjects.join(splits.select("subject_id", "split"), on="subject_id", how="left")
        if others := splits.filter(~pl.col("subject_id").is_in(people.implode())).height:
            notes.append(f"{counted(others, 'subject', 'has have')} a split and no event, and was left out.")
    return subjects.sort("subject_id"), static.drop("time"), events


def _static_columns(static: pl.DataFrame, more: list[str]) -> Iterator[pl.DataFrame]:
    """(subject_id, value) of each static that every subject has at most once, named after its code."""
    if not static.height:
        return
    stems = static["code"].str.split("//").list.first()
    static = static.with_columns(stem=stems, rest=static["code"].str.slice(stems.str.len_chars() + 2))
    bare = pl.all_horizontal(pl.col("text_value", *more).is_null())
    taken: set[str] = set(OWN)
    for (stem,), rows in static.group_by(["stem"], maintain_order=True):
        name = str(stem)
        words = rows.select(
            (pl.col("code").str.contains("//", literal=True) & pl.col("numeric_value").is_null() & bare).all()
        ).item()
        if words and name and name not in taken and not rows["subject_id"].is_duplicated().any():
            taken.add(name)
            yield rows.select("subject_id", pl.col("rest").alias(name))
            continue
        for (code,), same in rows.group_by(["code"], maintain_order=True):
            number = same.select((pl.col("numeric_value").is_not_null() & bare).all()).item()
            if number and str(code) not in taken and not same["subject_id"].is_duplicated().any():
                taken.add(str(code))
                yield same.select("subject_id", pl.col("numeric_value").alias(str(code)))
